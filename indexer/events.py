"""What an event is: its name, its inputs and their types."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from eth_hash.auto import keccak

from indexer.errors import BadAbi

MAX_DEPTH = 16
MAX_PARAMS = 256


@dataclass(frozen=True, slots=True)
class Scalar:
    """An elementary type. Shape: `size` is bits for numbers and bytes for `bytesN`; `scale` only for fixed-point."""

    kind: str
    size: int = 0
    scale: int = 0

    @property
    def name(self) -> str:
        if self.kind in ("fixed", "ufixed"):
            return f"{self.kind}{self.size}x{self.scale}"
        return (
            f"{self.kind}{self.size}"
            if self.kind in ("uint", "int") or (self.kind == "bytes" and self.size)
            else self.kind
        )

    @property
    def dynamic(self) -> bool:
        return self.kind == "string" or (self.kind == "bytes" and not self.size)

    @property
    def head_bytes(self) -> int:
        return 32


@dataclass(frozen=True, slots=True)
class Array:
    """`item[length]`, or `item[]` when `length` is None."""

    item: AbiType
    length: int | None

    @property
    def name(self) -> str:
        return f"{self.item.name}[{'' if self.length is None else self.length}]"

    @property
    def dynamic(self) -> bool:
        return self.length is None or (self.item.dynamic and self.length > 0)

    @property
    def head_bytes(self) -> int:
        return 32 if self.dynamic else self.item.head_bytes * (self.length or 0)


@dataclass(frozen=True, slots=True)
class Tuple:
    """A struct: its fields in order."""

    fields: tuple[Param, ...]

    @property
    def name(self) -> str:
        return f"({','.join(field.type.name for field in self.fields)})"

    @property
    def dynamic(self) -> bool:
        return any(field.type.dynamic for field in self.fields)

    @property
    def head_bytes(self) -> int:
        return 32 if self.dynamic else sum(field.type.head_bytes for field in self.fields)


AbiType = Scalar | Array | Tuple


@dataclass(frozen=True, slots=True)
class Param:
    """One input of an event, or one field of a struct; `name` is empty when the source left it out."""

    name: str
    type: AbiType
    indexed: bool = False

    @property
    def hashed(self) -> bool:
        """Whether only the keccak of the value is in the topic (indexed strings, bytes, arrays and structs)."""
        return self.indexed and not (isinstance(self.type, Scalar) and not self.type.dynamic)


@dataclass(frozen=True, slots=True)
class EventSpec:
    """One event of an ABI. Shape: `topic0` is None when the event is anonymous."""

    name: str
    inputs: tuple[Param, ...]
    anonymous: bool = False

    def __post_init__(self) -> None:
        if self.topic_count > 4:
            raise BadAbi(f"event {self.signature} has more indexed parameters than a log has topics")

    @property
    def signature(self) -> str:
        return f"{self.name}({','.join(param.type.name for param in self.inputs)})"

    @property
    def full_signature(self) -> str:
        """The signature with `indexed` and parameter names: what tells two layouts of one topic0 apart."""
        inner = ", ".join(
            " ".join(filter(None, (p.type.name, "indexed" if p.indexed else "", p.name))) for p in self.inputs
        )
        return f"{self.name}({inner}){' anonymous' if self.anonymous else ''}"

    @property
    def topic0(self) -> bytes | None:
        return None if self.anonymous else keccak(self.signature.encode())

    @property
    def topic_count(self) -> int:
        return sum(param.indexed for param in self.inputs) + (not self.anonymous)

    @property
    def layout(self) -> tuple[str, bool, tuple[bool, ...]]:
        return self.signature, self.anonymous, tuple(param.indexed for param in self.inputs)

    def labels(self) -> tuple[str, ...]:
        """One distinct name per input: `_0` for the unnamed first, `a_2` when the third repeats the name `a`."""
        return distinct_names([param.name for param in self.inputs])


def distinct_names(names: Sequence[str]) -> tuple[str, ...]:
    """The names with unnamed ones called `_<position>` and repeated ones ended by `_<position>`."""
    taken = {name for name in names if name}
    seen: set[str] = set()
    out: list[str] = []
    for position, name in enumerate(names):
        label = name
        if not name or name in seen:
            label = f"{name}_{position}"
            while label in taken or label in seen:
                label += "_"
        seen.add(label)
        out.append(label)
    return tuple(out)


IDENTIFIER = re.compile(r"[A-Za-z_$][A-Za-z0-9_$]*")
_SUFFIX = re.compile(r"(\[\s*\d*\s*\]\s*)*$")
_DIMENSION = re.compile(r"\[\s*(\d*)\s*\]")
_SIZED = re.compile(r"(uint|int|bytes|fixed|ufixed)(\d{1,3})(?:x(\d{1,2}))?")
_ALIASES = {
    "uint": Scalar("uint", 256),
    "int": Scalar("int", 256),
    "byte": Scalar("bytes", 1),
    "fixed": Scalar("fixed", 128, 18),
    "ufixed": Scalar("ufixed", 128, 18),
    "address payable": Scalar("address"),
    "address": Scalar("address"),
    "bool": Scalar("bool"),
    "string": Scalar("string"),
    "bytes": Scalar("bytes"),
    "function": Scalar("function"),
}


def scalar(text: str) -> Scalar:
    """An elementary type from its name, aliases included (`uint` is `uint256`). Raises BadAbi."""
    if text in _ALIASES:
        return _ALIASES[text]
    match = _SIZED.fullmatch(text)
    if match and match[2][0] != "0":
        kind, size, scale = match[1], int(match[2]), match[3]
        if kind in ("uint", "int") and scale is None and size % 8 == 0 and 8 <= size <= 256:
            return Scalar(kind, size)
        if kind == "bytes" and scale is None and 1 <= size <= 32:
            return Scalar(kind, size)
        if (
            kind in ("fixed", "ufixed")
            and scale is not None
            and size % 8 == 0
            and 8 <= size <= 256
            and int(scale) <= 80
        ):
            return Scalar(kind, size, int(scale))
    raise BadAbi(f"unknown type {text!r}")


def split_arrays(text: str) -> tuple[str, str]:
    match = _SUFFIX.search(text)
    start = match.start() if match else len(text)
    return text[:start].strip(), text[start:]


def arrays(inner: AbiType, suffix: str) -> AbiType:
    dimensions: list[str] = _DIMENSION.findall(suffix)
    if len(dimensions) > MAX_DEPTH:
        raise BadAbi("array nested beyond reason")
    for digits in dimensions:
        if digits and (int(digits) == 0 or int(digits) > 1 << 20):
            raise BadAbi(f"array of length {digits}")
        inner = Array(inner, int(digits) if digits else None)
    return inner
