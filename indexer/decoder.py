"""Compile an event spec into a function from a log's topics and data to its values.

Values: integers as `int`, fixed-point as `Decimal`, `bool`, addresses and `bytesN` as `bytes`, arrays as `list`,
structs as `tuple`, and the topic itself for an indexed string, bytes, array or struct, of which the chain keeps only
the hash. A string is a `str` in which a byte that is no UTF-8 stands as a surrogate (PEP 383), so none is lost.

Heads must be canonical: an unsigned integer with bits above its width, an address with a dirty upper half, an offset
or a length outside the data are refused. A bytes tail may lack its padding, as several compilers emit it, unless the
decoder is strict. The work is bounded by the size of the data, however its offsets point at each other: whatever an
offset leads to is paid for by its width, and there is four times as much to spend as there is data.
Source: Solidity's "Contract ABI Specification".
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Context, Decimal
from typing import Any

from indexer.errors import DecodeError
from indexer.events import AbiType, Array, EventSpec, Param, Scalar, Tuple

Values = tuple[Any, ...]
Decode = Callable[[Sequence[bytes], bytes], Values]

SLACK_BYTES = 4096
"""Data may be read four times over, and this much more. What an encoder wrote is read twice at the very most."""


@dataclass(frozen=True, slots=True)
class Decoder:
    """One event, compiled."""

    event: EventSpec
    decode: Decode
    head_bytes: int
    dynamic: bool


def compile_event(event: EventSpec, *, strict: bool = False) -> Decoder:
    """A decoder for the event. Its `decode` raises DecodeError and nothing else, whatever the bytes."""
    body = Tuple(tuple(param for param in event.inputs if not param.indexed))
    writer = _Writer(strict)
    writer.event(event, body)
    namespace: dict[str, Any] = dict(_RUNTIME)
    # Built from types and positions only: a name of the ABI appears in it as a quoted literal or not at all.
    exec(compile("\n".join(writer.lines), f"<decoder of {event.signature[:80]}>", "exec"), namespace)  # noqa: S102
    head = sum(field.type.head_bytes for field in body.fields)
    return Decoder(event, namespace["decode"], head, body.dynamic)


class Dispatcher:
    """Find the event a log belongs to among those of one contract and decode it.

    Candidates share topic0 and topic count; a static event whose size is exactly that of the data goes first, so
    layouts that differ only in what is indexed are told apart. Anonymous events are tried last, but not on logs of the
    events in `ignored`: those are known and not wanted.
    """

    def __init__(self, events: Sequence[EventSpec], *, strict: bool = False, ignored: Sequence[EventSpec] = ()) -> None:
        self._ignored = {event.topic0 for event in ignored} - {event.topic0 for event in events}
        self._named: dict[bytes, list[Decoder]] = {}
        self._anonymous: dict[int, list[Decoder]] = {}
        for event in events:
            decoder = compile_event(event, strict=strict)
            if event.topic0 is None:
                self._anonymous.setdefault(event.topic_count, []).append(decoder)
            else:
                self._named.setdefault(event.topic0, []).append(decoder)

    @property
    def topic0s(self) -> tuple[bytes, ...]:
        """What to ask a node for; empty when an anonymous event makes it necessary to ask for everything."""
        return () if self._anonymous else tuple(sorted(self._named))

    def decode(self, topics: Sequence[bytes], data: bytes) -> tuple[EventSpec, Values]:
        """The event and its values. Raises DecodeError; `kind` is `unknown_event` when no event claims the log."""
        named = self._named.get(topics[0], ()) if topics else ()
        failure: DecodeError | None = None
        for decoder in _candidates(named, topics, data):
            try:
                return decoder.event, decoder.decode(topics, data)
            except DecodeError as exc:
                failure = failure or exc
        silent = () if topics and topics[0] in self._ignored else self._anonymous.get(len(topics), ())
        for decoder in _candidates(silent, topics, data):
            try:
                return decoder.event, decoder.decode(topics, data)
            except DecodeError as exc:
                failure = failure or exc
        raise failure or _unclaimed(named, topics)


def _candidates(decoders: Sequence[Decoder], topics: Sequence[bytes], data: bytes) -> Sequence[Decoder]:
    if len(decoders) < 2:
        return decoders
    fitting = [decoder for decoder in decoders if decoder.event.topic_count == len(topics)]
    return sorted(fitting, key=lambda decoder: decoder.dynamic or decoder.head_bytes != len(data))


def _unclaimed(named: Sequence[Decoder], topics: Sequence[bytes]) -> DecodeError:
    if named:
        wanted = " or ".join(sorted({str(decoder.event.topic_count) for decoder in named}))
        name = named[0].event.signature
        return DecodeError("topic_count", f"{name} has {wanted} topics in this ABI, the log has {len(topics)}")
    shown = "0x" + topics[0].hex() if topics else "none"
    return DecodeError("unknown_event", f"no event of this ABI has topic0 {shown}")


# --- what generated code calls ---------------------------------------------------------------------------------------


def _fail(kind: str, where: str, text: str) -> None:
    raise DecodeError(kind, f"{where}: {text}" if where else text)


def _bounded(where: str, start: int, size: int, end: int) -> None:
    if start + size > end:
        raise DecodeError("out_of_bounds", f"{where}: needs bytes {_n(start)}..{_n(start + size)} of {end}")


def _n(number: int) -> str:
    return str(number) if number < 1 << 64 else "beyond 2^64"


def _spend(budget: list[int], size: int, where: str) -> None:
    budget[0] -= size
    if budget[0] < 0:
        raise DecodeError("too_complex", f"{where}: offsets make the data read itself again and again")


def _padding(data: bytes, where: str, stop: int, size: int) -> None:
    """Strict only: a tail is padded with zeros to a whole word."""
    _bounded(where, stop, size, len(data))
    if any(data[stop : stop + size]):
        raise DecodeError("bad_padding", f"{where}: its padding is not zero")


def _strict_text(raw: bytes, where: str) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError as exc:
        raise DecodeError("bad_utf8", f"{where}: {exc.reason} at byte {exc.start}") from exc


def _scaled(value: int, scale: int) -> Decimal:
    return _EXACT.scaleb(Decimal(value), -scale)


_EXACT = Context(prec=200)
_RUNTIME: dict[str, Any] = {
    "I": int.from_bytes,
    "fail": _fail,
    "bounded": _bounded,
    "spend": _spend,
    "padding": _padding,
    "strict_text": _strict_text,
    "scaled": _scaled,
    **{f"Z{size}": bytes(size) for size in range(1, 32)},
}


# --- the code generator ----------------------------------------------------------------------------------------------


class _Writer:
    """Writes the source of one decoder. In it `D` is the data, `N` its size, `f` a frame's start and `b` the budget."""

    def __init__(self, strict: bool) -> None:
        self.lines: list[str] = []
        self._strict = strict
        self._functions = 0

    def event(self, event: EventSpec, body: Tuple) -> None:
        labels = event.labels()
        out = ["def decode(T, D):", " N = len(D)"]
        miscount = f"{event.signature.replace('%', '%%')} has {event.topic_count} topics in this ABI, the log has %d"
        out.append(f" if len(T) != {event.topic_count}: fail('topic_count', '', {miscount!r} % len(T))")
        names, topic = [], 0 if event.anonymous else 1
        head = sum(field.type.head_bytes for field in body.fields)
        if head:
            out.append(f" if N < {head}: bounded('data', 0, {head}, N)")
        if any(_nested(field.type) for field in body.fields):
            out.append(f" b = [4 * N + {SLACK_BYTES}]")
        at = 0
        for position, (label, param) in enumerate(zip(labels, event.inputs, strict=True)):
            names.append(f"v{position}")
            if param.indexed:
                out += self._topic(f"v{position}", f"T[{topic}]", param, label)
                topic += 1
            else:
                out += self._head(f"v{position}", param.type, ("0", at, head), label)
                at += param.type.head_bytes
        out.append(f" return ({''.join(name + ', ' for name in names)})")
        self.lines += out

    def _topic(self, target: str, source: str, param: Param, label: str) -> list[str]:
        check = f" if len({source}) != 32: fail('bad_topic', {label!r}, 'its topic is not 32 bytes')"
        if param.hashed or not isinstance(param.type, Scalar):
            return [check, f" {target} = {source}"]
        return [check, *self._word(target, param.type, source, "0", label)]

    def _head(self, target: str, kind: AbiType, place: tuple[str, int, int], label: str) -> list[str]:
        """Read a value whose head is at `frame + at`; all `head` bytes of the frame are known to lie in the data."""
        frame, at, head = place
        where = f"{frame} + {at}" if frame != "0" else str(at)
        if isinstance(kind, Scalar) and not kind.dynamic:
            return self._word(target, kind, "D", where, label)
        if not kind.dynamic:
            return [f" {target} = {self._function(kind, label)}(D, N, {where}, b)"]
        lines = self._offset(frame, where, str(head), label)
        if isinstance(kind, Scalar):
            return lines + self._tail(target, kind, label)
        return [*lines, f" {target} = {self._function(kind, label)}(D, N, p, b)"]

    def _offset(self, frame: str, where: str, head: str, label: str) -> list[str]:
        """Read where a tail begins. One that begins within its own heads would read itself again."""
        bad = f"fail('bad_offset', {label!r}, 'its offset leads back into the heads')"
        return [f" o = I(D[{where}:{where} + 32])", f" if o < {head}: {bad}", f" p = {frame} + o"]

    def _word(self, target: str, kind: Scalar, source: str, at: str, label: str) -> list[str]:
        word = source if source != "D" else f"D[{at}:{at} + 32]"
        bad = f"fail('bad_value', {label!r}, 'not a valid {kind.name}')"
        match kind.kind:
            case "uint" | "ufixed":
                lines = [f" {target} = I({word})"]
                lines += [f" if {target} >> {kind.size}: {bad}"] if kind.size < 256 else []
            case "int" | "fixed":
                lines = [f" {target} = I({word}, signed=True)"]
                limit = 1 << (kind.size - 1)
                lines += [f" if not {-limit} <= {target} < {limit}: {bad}"] if kind.size < 256 else []
            case "bool":
                lines = [f" {target} = I({word})", f" if {target} > 1: {bad}", f" {target} = {target} == 1"]
            case "address":
                lines = [f" w = {word}", f" {target} = w[12:]", f" if w[:12] != Z12: {bad}"]
            case _:
                size = 24 if kind.kind == "function" else kind.size
                lines = [f" w = {word}", f" {target} = w[:{size}]"]
                lines += [f" if w[{size}:] != Z{32 - size}: {bad}"] if size < 32 else []
        if kind.kind in ("fixed", "ufixed"):
            lines.append(f" {target} = scaled({target}, {kind.scale})")
        return lines

    def _tail(self, target: str, kind: Scalar, label: str) -> list[str]:
        """Read bytes or a string whose length word is at `p`."""
        lines = [
            f" if p + 32 > N: bounded({label!r}, p, 32, N)",
            " n = I(D[p:p + 32])",
            " p += 32",
            f" if p + n > N: bounded({label!r}, p, n, N)",
            f" {target} = D[p:p + n]",
        ]
        if self._strict:
            lines.append(f" padding(D, {label!r}, p + n, -n % 32)")
        if kind.kind == "string":
            text = (
                f"strict_text({target}, {label!r})" if self._strict else f"{target}.decode('utf-8', 'surrogateescape')"
            )
            lines.append(f" {target} = {text}")
        return lines

    def _function(self, kind: AbiType, label: str) -> str:
        """Emit a function that reads an array or a struct at `f`; return its name."""
        assert isinstance(kind, Array | Tuple)
        name = f"read{self._functions}"
        self._functions += 1
        out = [f"def {name}(D, N, f, b):"]
        out += self._struct(kind, label) if isinstance(kind, Tuple) else self._array(kind, label)
        self.lines += out
        return name

    def _struct(self, kind: Tuple, label: str) -> list[str]:
        head = sum(field.type.head_bytes for field in kind.fields)
        out: list[str] = []
        if kind.dynamic:  # a static one lies within a frame that was looked at and paid for
            out += [f" if f + {head} > N: bounded({label!r}, f, {head}, N)", f" spend(b, {head}, {label!r})"]
        at = 0
        for position, field in enumerate(kind.fields):
            out += self._head(f"v{position}", field.type, ("f", at, head), f"{label}.{field.name or position}")
            if isinstance(field.type, Scalar) and field.type.dynamic:
                out.append(f" spend(b, n, {label!r})")
            at += field.type.head_bytes
        return [*out, f" return ({''.join(f'v{position}, ' for position in range(len(kind.fields)))})"]

    def _array(self, kind: Array, label: str) -> list[str]:
        item = kind.item
        out: list[str] = []
        if kind.length is None:
            out += [f" if f + 32 > N: bounded({label!r}, f, 32, N)", " c = I(D[f:f + 32])", " f += 32"]
        else:
            out += [f" c = {kind.length}"]
        width = item.head_bytes
        if kind.dynamic:
            out += [f" if f + c * {width} > N: bounded({label!r}, f, c * {width}, N)"]
        if kind.dynamic or not width:  # as in a struct; but items without any width are nowhere paid for
            out += [f" spend(b, c * {width or 1} + 32, {label!r})"]
        out += [" out = []"]
        out += [f" for h in range(f, f + c * {width}, {width}):" if width else " for h in [f] * c:"]
        inner = self._item(item, f"{label}[]")
        return [*out, *(" " + line for line in inner), "  out.append(v)", " return out"]

    def _item(self, item: AbiType, label: str) -> list[str]:
        if isinstance(item, Scalar) and not item.dynamic:
            return self._word("v", item, "D", "h", label)
        if not item.dynamic:
            return [f" v = {self._function(item, label)}(D, N, h, b)"]
        lines = self._offset("f", "h", "c * 32", label)
        if isinstance(item, Scalar):
            return [*lines, *self._tail("v", item, label), f" spend(b, n, {label!r})"]
        return [*lines, f" v = {self._function(item, label)}(D, N, p, b)"]


def _nested(kind: AbiType) -> bool:
    return not isinstance(kind, Scalar)
