"""Write the COPY rows of all logs of one event at once."""

from __future__ import annotations

import binascii
import struct
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from indexer.copy_format import ENCODERS, Encode
from indexer.decoder import compile_event
from indexer.errors import DecodeError
from indexer.events import Param, Scalar
from indexer.log_shape import Template, template
from indexer.numerals import Numerals
from indexer.rows import stored_form
from indexer.scan import (
    META_BYTES,
    TOPIC_TEXT,
    Bytes,
    Ints,
    Mask,
    Places,
    column,
    gather,
    inside,
    matches,
    put,
    unhex,
    windows,
)
from indexer.schema import META as META_COLUMNS
from indexer.schema import Column, Table
from indexer.text import storable


@dataclass(frozen=True, slots=True)
class Part:
    """One ABI input within the gathered text. Shape: `at` and `width` are those of the hex that must be decoded."""

    kind: str
    at: int
    width: int
    bits: int


@dataclass(frozen=True, slots=True)
class Written:
    """Finished rows. Shape: `logs` are the places in the answer of those that have a row."""

    rows: bytes | memoryview
    logs: Ints


class EventRows:
    """One event of one contract, compiled. `hint` is what eight characters of its topic0 look like as a word."""

    def __init__(self, table: Table, numerals: Numerals) -> None:
        event = table.event
        assert event.topic0 is not None
        topic0 = event.topic0.hex().encode()
        self.table = table
        self.topics = event.topic_count
        self.hint = int.from_bytes(topic0[:8], "little")
        self._start = struct.pack(">h", len(META_COLUMNS) + len(table.columns))
        self._numerals = numerals
        self._plan = _plan(table, topic0)
        self._decode = compile_event(event).decode
        self._encode = [_encoder(entry) for entry in table.columns]

    def rows(self, places: Places, meta: NDArray[np.void]) -> Written:
        """The rows of those logs that fit the event in every character. Raises binascii.Error for what is no hex."""
        plan = self._plan
        pieces = [(places.topics_at, plan.topics_width)]
        if plan.data_width:
            pieces.append((inside(places.data_at, plan.data_width, len(places.text)), plan.data_width))
        text = gather(places.text, pieces)
        fits = matches(text, *plan.template)
        if plan.tail is None:
            fits &= places.data_width == plan.data_width
        else:
            fits &= (places.data_width >= plan.data_width) & (places.data_width & 1 == 0)
        if not fits.all():
            places, text, meta = places[fits], text[fits], meta[fits]
        if plan.tail == "any":
            return self._one_by_one(places, text, meta)
        fixed, split, fits = self._fixed(text, meta)
        sizes = None
        if plan.tail is not None:
            sizes = fixed[:, split - 8 : split].copy().view(">i8")[:, 0].astype(np.int64)
            fits &= (sizes >= 0) & (2 * sizes <= places.data_width - plan.data_width)
        if not fits.all():
            places, fixed = places[fits], fixed[fits]
            sizes = sizes[fits] if sizes is not None else None
        if sizes is None:
            return Written(fixed.reshape(-1).data, places.log)
        return Written(self._with_tails(places, fixed, split, sizes), places.log)

    def _fixed(self, text: Bytes, meta: NDArray[np.void]) -> tuple[Bytes, int, Mask]:
        """Rows as far as their width is the same, where a tail belongs in them, and which hold values of their types.

        Shape: a tail is preceded by its size, 8 bytes here.
        """
        hexed = unhex(text, [(part.at, part.width) for part in self._plan.parts])
        numbers = self._numbers(hexed)
        fits = np.ones(len(text), np.bool_)
        fields: list[Bytes] = []
        at = 0
        for part in self._plan.parts:
            value = hexed[:, at : at + part.width // 2]
            at += part.width // 2
            match part.kind:
                case "uint":
                    value = numbers.pop(0)
                case "int":
                    fits &= _extended(value, part.bits)
                    value = self._numerals.fields(value, signed=True)
                case "long":
                    fits &= _extended(value, part.bits)
                    value = value[:, 24:]
                case "bool":
                    fits &= value[:, 0] <= 1
            fields.append(value)
        return (*_assembled(self._start, meta, fields, [part.kind for part in self._plan.parts]), fits)

    def _numbers(self, hexed: Bytes) -> list[Bytes]:
        """The fields of all wide unsigned inputs, encoded at once: calls cost more than numbers."""
        stops = np.cumsum([part.width // 2 for part in self._plan.parts]).tolist()
        wide = [
            (stop, part.width // 2) for stop, part in zip(stops, self._plan.parts, strict=True) if part.kind == "uint"
        ]
        if not wide:
            return []
        size = max(width for _, width in wide)
        column = np.zeros((len(wide) * len(hexed), size), np.uint8)
        for place, (stop, width) in enumerate(wide):
            column[place * len(hexed) : (place + 1) * len(hexed), size - width :] = hexed[:, stop - width : stop]
        return np.split(self._numerals.fields(column), len(wide))

    def _with_tails(self, places: Places, fixed: Bytes, split: int, sizes: Ints) -> bytes:
        """Rows with their one string or byte string put in. Raises binascii.Error, for what follows that, too."""
        begin = (places.data_at + self._plan.data_width).tolist()
        stop = (places.data_at + places.data_width).tolist()
        middle = (places.data_at + self._plan.data_width + 2 * sizes).tolist()
        whole, width = places.text.data, fixed.shape[1]
        binascii.unhexlify(b"".join([whole[at:end] for at, end in zip(middle, stop, strict=True)]))
        tails = binascii.unhexlify(b"".join([whole[at:end] for at, end in zip(begin, middle, strict=True)]))
        stops = np.cumsum(sizes).tolist()
        starts = [0, *stops]
        if self._plan.tail == "string" and not (tails.isascii() and b"\0" not in tails and b"\\" not in tails):
            items = [_storable(tails[a:b]) for a, b in zip(starts, stops, strict=False)]
        else:
            items = [tails[a:b] for a, b in zip(starts, stops, strict=False)]
        lengths = np.array([len(item) for item in items], ">i4")
        fixed[:, split - 4 : split] = lengths.view(np.uint8).reshape(-1, 4)
        rows = np.delete(fixed, slice(split - 8, split - 4), axis=1).tobytes()
        split, width = split - 4, width - 4
        out: list[bytes] = []
        for at, item in zip(range(0, len(rows), width), items, strict=True):
            out += (rows[at : at + split], item, rows[at + split : at + width])
        return b"".join(out)

    def _one_by_one(self, places: Places, text: Bytes, meta: NDArray[np.void]) -> Written:
        """Events with arrays and the like: what precedes the arguments at once, the arguments log by log."""
        count = self.topics - 1
        topics = unhex(text, [(part.at, part.width) for part in self._plan.parts]).tobytes() if count else b""
        metas, whole = meta.tobytes(), places.text.data
        rows, done = [], []
        each = zip(places.log.tolist(), places.data_at.tolist(), places.data_width.tolist(), strict=True)
        for i, (log, at, width) in enumerate(each):
            given = [b"", *(topics[32 * j : 32 * j + 32] for j in range(count * i, count * i + count))]
            try:
                values = self._decode(given, binascii.unhexlify(whole[at : at + width]))
            except DecodeError:
                continue
            fields = [encode(value) for encode, value in zip(self._encode, values, strict=True)]
            rows.append(b"".join([self._start, metas[META_BYTES * i : META_BYTES * (i + 1)], *fields]))
            done.append(log)
        return Written(b"".join(rows), np.array(done, np.int64))


@dataclass(frozen=True, slots=True)
class _Plan:
    """How an event's text is read. Shape: widths count characters; `data_width` is what all its logs begin with.

    `tail` is None when nothing follows, `string` or `bytes` when one such value does, else `any`.
    """

    topics_width: int
    data_width: int
    parts: tuple[Part, ...]
    template: Template
    tail: str | None


def _plan(table: Table, topic0: bytes) -> _Plan:
    body = [entry.param for entry in table.columns if not entry.param.indexed]
    tails = [param.type for param in body if not _simple(param)]
    tail: str | None = None
    if not all(_simple(entry.param) for entry in table.columns if entry.param.indexed):
        tail = "any"
    elif tails:
        one = tails[0]
        tail = one.kind if len(tails) == 1 and isinstance(one, Scalar) and one.kind in ("string", "bytes") else "any"
    count = table.event.topic_count
    text = b",".join(b'"0x' + (topic0 if place == 0 else b"0" * 64) + b'"' for place in range(count))
    topics_width, topic, word_at = len(text), 1, len(text)
    parts: list[Part] = []
    for entry in table.columns:
        if entry.param.indexed:
            at, topic = topic * TOPIC_TEXT + 3, topic + 1
            parts.append(_part(entry.param, at) if tail != "any" else Part("raw", at, 64, 0))
        elif tail != "any":
            simple = _simple(entry.param)
            text += b"0" * 64 if simple else b"%064x" % (32 * len(body))
            parts.append(
                _part(entry.param, word_at) if simple else Part("tail", topics_width + 64 * len(body) + 48, 16, 0)
            )
            word_at += 64
    if tail in ("string", "bytes"):
        text += b"0" * 64
    return _Plan(
        topics_width,
        len(text) - topics_width,
        tuple(parts),
        template(text, [(part.at, part.width) for part in parts]),
        tail,
    )


def _assembled(
    start: bytes, meta: NDArray[np.void], fields: Sequence[Bytes], kinds: Sequence[str]
) -> tuple[Bytes, int]:
    """Rows of one width from their columns, and where their tail belongs (behind its size)."""
    line = bytearray(start + bytes(META_BYTES))
    spots: list[tuple[int, Bytes]] = []
    split = 0
    for value, kind in zip(fields, kinds, strict=True):
        width = value.shape[1]
        if kind in ("uint", "int"):
            size = b""
        elif kind == "short":
            size = struct.pack(">i", 8) + bytes(8 - width)
        elif kind == "tail":
            size, split = b"", len(line) + 8
        else:
            size = struct.pack(">i", width)
        line += size
        spots.append((len(line), value))
        line += bytes(width)
    out = np.empty((len(meta), len(line)), np.uint8)
    put(out, 0, np.frombuffer(bytes(line), f"V{len(line)}"))
    put(out, len(start), meta)
    for at, value in spots:
        put(out, at, column(value, 0, value.shape[1]))
    return out, split


def word(text: Bytes, at: Ints) -> NDArray[np.uint64]:
    """Eight characters from each place on, as one number."""
    return windows(text, 8)[at].view("<u8")


def _simple(param: Param) -> bool:
    """Whether the value is one word of the data or a topic."""
    kind = param.type
    return param.hashed or (
        isinstance(kind, Scalar) and not kind.dynamic and kind.kind in ("uint", "int", "bool", "address", "bytes")
    )


def _storable(raw: bytes) -> bytes:
    return storable(raw.decode("utf-8", "surrogateescape")).encode()


def _part(param: Param, at: int) -> Part:
    """What of a word must be decoded; all else of it must be zeros, which the template says."""
    if param.hashed:
        return Part("raw", at, 64, 256)
    kind = param.type
    assert isinstance(kind, Scalar)
    match kind.kind:
        case "uint":
            name = "short" if kind.size <= 63 else "uint"
            return Part(name, at + 64 - kind.size // 4, kind.size // 4, kind.size)
        case "int":
            return Part("long" if kind.size <= 64 else "int", at, 64, kind.size)
        case "bool":
            return Part("bool", at + 62, 2, 1)
        case "address":
            return Part("raw", at + 24, 40, 160)
        case _:
            return Part("raw", at, 2 * kind.size, 8 * kind.size)


def _extended(value: Bytes, bits: int) -> Mask:
    """Which 32-byte two's complement integers have no more than so many bits."""
    spare = 32 - bits // 8
    if not spare:
        return np.ones(len(value), np.bool_)
    sign = np.where(value[:, spare] >= 0x80, 0xFF, 0).astype(np.uint8)
    return np.asarray((value[:, :spare] == sign[:, None]).all(axis=1))


def _encoder(entry: Column) -> Encode:
    """From a decoded value to its field."""
    encode = ENCODERS[entry.type]
    convert = stored_form(entry)
    if convert is None:
        return encode
    return lambda value: encode(convert(value))
