"""The nouns of JSON-RPC: a call, a header, a raw log."""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import repeat
from typing import Any, NamedTuple

import msgspec

MOST = (1 << 63) - 1  # what a `bigint` holds
LAST_SECOND = 253_402_300_799  # of the year 9999, the last that Python and we can write


class Call(NamedTuple):
    """One method with its positional parameters."""

    method: str
    params: Sequence[Any] = ()


_QUANTITY = re.compile(r"0x[0-9a-fA-F]{1,64}")
_call: Callable[[tuple[str, Sequence[Any]]], Call] = partial(tuple.__new__, Call)  # at a third of Call's own cost


def block_calls(numbers: Iterable[int]) -> list[Call]:
    """Calls for the headers of blocks, which may be many."""
    pairs = zip(repeat("eth_getBlockByNumber"), zip(map(hex, numbers), repeat(False)))
    return [*map(_call, pairs)]


@dataclass(frozen=True, slots=True)
class Header:
    """A block header as one node reported it; hashes are 32 bytes, the bloom 256, the timestamp unix seconds."""

    number: int
    hash: bytes
    parent_hash: bytes
    timestamp: int
    logs_bloom: bytes


class RawHeader(msgspec.Struct, rename="camel", frozen=True, gc=False):
    """A block of `eth_getBlockByNumber`, quantities and bytes still 0x-hex (execution-apis `Block`)."""

    number: str
    hash: str
    parent_hash: str
    timestamp: str
    logs_bloom: str = "0x"

    def parsed(self) -> Header:
        """The header in numbers and bytes; raises ValueError when a field is no hex, too wide, or no time."""
        return Header(
            number=quantity(self.number, "a block's number"),
            hash=_bytes(self.hash, 32),
            parent_hash=_bytes(self.parent_hash, 32),
            timestamp=_seconds(self.timestamp),
            logs_bloom=_bloom(self.logs_bloom),
        )


class RawLog(msgspec.Struct, rename="camel", frozen=True, gc=False):
    """A log of `eth_getLogs`, every field still the node's own 0x-hex text, which costs half of converting it here.

    `bytes.fromhex(text[2:])` and `int(text, 16)` give the values; `block_timestamp` is None when the node omits it.
    """

    address: str
    topics: tuple[str, ...]
    data: str
    block_number: str
    block_hash: str
    transaction_hash: str
    log_index: str
    block_timestamp: str | None = None
    removed: bool = False


def quantity(told: object, what: str, most: int = MOST) -> int:
    """A number that a node wrote as 0x-hex. Raises ValueError, which says `what`, for anything else or more."""
    if isinstance(told, str) and _QUANTITY.fullmatch(told) and (value := int(told, 16)) <= most:
        return value
    shown = repr(told[:80]) if isinstance(told, str) else f"a {type(told).__name__}"
    raise ValueError(f"{what} that is no such 0x-hex number: {shown}")


def _seconds(text: str) -> int:
    value = int(text, 16)
    if not 0 <= value <= LAST_SECOND:
        raise ValueError(f"expected a time, got second {text[:80]}")
    return value


def _bloom(text: str) -> bytes:
    value = bytes.fromhex(text[2:])
    if len(value) not in (0, 256):
        raise ValueError(f"expected a bloom of 256 bytes, got {len(value)}")
    return value


def _bytes(text: str, width: int) -> bytes:
    value = bytes.fromhex(text[2:])
    if len(value) != width or not text.startswith("0x"):
        raise ValueError(f"expected {width} bytes of 0x-hex, got {text[:80]!r}")
    return value
