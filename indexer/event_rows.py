"""Write the COPY rows of all logs of one event at once."""

from __future__ import annotations

import binascii
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from indexer.copy_format import ENCODERS, Encode
from indexer.decoder import compile_event
from indexer.errors import DecodeError
from indexer.events import Param, Scalar
from indexer.log_shape import Template, template
from indexer.numerals import Numerals
from indexer.rows import stored_form
from indexer.scan import META, Bytes, Ints, Logs, Mask, column, gather, matches, put, unhex, windows
from indexer.schema import META as META_COLUMNS
from indexer.schema import Column, Table

TOPIC_TEXT = 68
"""`"0x` + 64 digits + `"`; between topics stands a comma."""


@dataclass(frozen=True, slots=True)
class Part:
    """One ABI input within the gathered text. Shape: `at` and `width` are those of the hex that must be decoded."""

    kind: str
    at: int
    width: int
    bits: int


@dataclass(frozen=True, slots=True)
class Written:
    """Finished rows. Shape: `done` are places in the answer, of the logs that have a row."""

    rows: bytes
    done: Ints


class EventRows:
    """One event of one contract, compiled. `hint` is what eight characters of its topic0 look like as a word."""

    def __init__(self, table: Table, numerals: Numerals) -> None:
        event = table.event
        assert event.topic0 is not None
        topic0 = event.topic0.hex().encode()
        self.table = table
        self.topics = event.topic_count
        self.hint = int.from_bytes(topic0[:8], "little")
        self._numerals = numerals
        self._start = struct.pack(">h", len(META_COLUMNS) + len(table.columns))
        self._static = all(_vectorised(param) for param in event.inputs)
        body = [param for param in event.inputs if not param.indexed]
        self._data_width = 64 * len(body) if self._static else 0
        self._parts, self._template = self._compile(topic0, table)
        self._write: Callable[[Logs, NDArray[np.void]], Written] = self._together if self._static else self._one_by_one
        self._decode = compile_event(event).decode
        self._encode = [_encoder(entry) for entry in table.columns]

    def rows(self, logs: Logs, meta: NDArray[np.void]) -> Written:
        """The rows of those logs that fit the event in every character. Raises binascii.Error for what is no hex."""
        return self._write(logs, meta)

    def _compile(self, topic0: bytes, table: Table) -> tuple[tuple[Part, ...], Template]:
        topics = b",".join(b'"0x' + (topic0 if place == 0 else b"0" * 64) + b'"' for place in range(self.topics))
        text = topics + b"0" * self._data_width
        parts: dict[int, Part] = {}
        topic, word = 1, 0
        for place, entry in enumerate(table.columns):
            if entry.param.indexed:
                at, topic = topic * (TOPIC_TEXT + 1) + 3, topic + 1
            elif self._static:
                at, word = len(topics) + 64 * word, word + 1
            else:
                continue
            parts[place] = _part(entry.param, at) if self._static else Part("topic", at, 64, 256)
        return tuple(parts.values()), template(text, [(part.at, part.width) for part in parts.values()])

    def _gathered(self, logs: Logs) -> tuple[Logs, Bytes, Mask]:
        pieces = [(logs.topics_at, self.topics * (TOPIC_TEXT + 1) - 1)]
        if self._data_width:
            pieces.append((np.minimum(logs.data_at, len(logs.text) - self._data_width), self._data_width))
        text = gather(logs.text, pieces)
        fits = matches(text, *self._template)
        if self._static:
            fits &= logs.data_width == self._data_width
        return logs, text, fits

    def _together(self, logs: Logs, meta: NDArray[np.void]) -> Written:
        """Static events: whole columns."""
        logs, text, fits = self._gathered(logs)
        if not fits.all():
            logs, text, meta = logs[fits], text[fits], meta[fits]
        fields, fits = self._fields(text)
        done = logs.place
        if not fits.all():
            done, meta, fields = done[fits], meta[fits], [part[fits] for part in fields]
        width = 2 + META.itemsize + sum(part.shape[1] for part in fields)
        out = np.empty((len(done), width), np.uint8)
        out[:, :2] = np.frombuffer(self._start, np.uint8)
        put(out, 2, meta.view(f"V{META.itemsize}"))
        at = 2 + META.itemsize
        for part in fields:
            put(out, at, np.ascontiguousarray(part).view(f"V{part.shape[1]}")[:, 0])
            at += part.shape[1]
        return Written(out.tobytes(), done)

    def _fields(self, text: Bytes) -> tuple[list[Bytes], Mask]:
        """A column of COPY fields per input, and in which rows all of them are values of their types."""
        hexed = unhex(text, [(part.at, part.width) for part in self._parts])
        fits = np.ones(len(text), np.bool_)
        fields: list[Bytes] = []
        at = 0
        for part in self._parts:
            value = hexed[:, at : at + part.width // 2]
            at += part.width // 2
            match part.kind:
                case "uint":
                    fields.append(self._numerals.fields(value))
                case "int":
                    fits &= _extended(value, part.bits)
                    fields.append(self._numerals.fields(value, signed=True))
                case "long":
                    fits &= _extended(value, part.bits)
                    fields.append(_sized(value[:, 24:]))
                case "bool":
                    fits &= value[:, 0] <= 1
                    fields.append(_sized(value))
                case "short":
                    padded = np.zeros((len(value), 8), np.uint8)
                    padded[:, 8 - value.shape[1] :] = value
                    fields.append(_sized(padded))
                case _:
                    fields.append(_sized(value))
        return fields, fits

    def _one_by_one(self, logs: Logs, meta: NDArray[np.void]) -> Written:
        """Events whose data has no fixed size: what precedes the arguments at once, the arguments log by log."""
        logs, text, fits = self._gathered(logs)
        fits &= logs.data_width % 2 == 0
        if not fits.all():
            logs, text, meta = logs[fits], text[fits], meta[fits]
        count = self.topics - 1
        topics = unhex(text, [(part.at, part.width) for part in self._parts]).tobytes() if count else b""
        metas, whole, topic0 = meta.tobytes(), logs.text.data, b""
        rows, done = [], []
        places = zip(logs.place.tolist(), logs.data_at.tolist(), logs.data_width.tolist(), strict=True)
        for i, (place, at, width) in enumerate(places):
            given = [topic0, *(topics[32 * j : 32 * j + 32] for j in range(count * i, count * i + count))]
            try:
                values = self._decode(given, binascii.unhexlify(whole[at : at + width]))
            except DecodeError:
                continue
            fields = [encode(value) for encode, value in zip(self._encode, values, strict=True)]
            rows.append(b"".join([self._start, metas[META.itemsize * i : META.itemsize * (i + 1)], *fields]))
            done.append(place)
        return Written(b"".join(rows), np.array(done, np.int64))


def word(text: Bytes, at: Ints) -> NDArray[np.uint64]:
    """Eight characters from each place on, as one number."""
    return windows(text, 8)[at].view("<u8")


def _vectorised(param: Param) -> bool:
    return param.hashed or (
        isinstance(param.type, Scalar) and param.type.kind in ("uint", "int", "bool", "address", "bytes") and not param.type.dynamic
    )


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
    return (value[:, :spare] == sign[:, None]).all(axis=1)


def _sized(value: Bytes) -> Bytes:
    """Fields of one fixed size."""
    out = np.empty((len(value), 4 + value.shape[1]), np.uint8)
    out[:, :4] = np.frombuffer(struct.pack(">i", value.shape[1]), np.uint8)
    out[:, 4:] = value
    return out


def _encoder(entry: Column) -> Encode:
    """From a decoded value to its field."""
    encode = ENCODERS[entry.type]
    convert = stored_form(entry)
    if convert is None:
        return encode
    return lambda value: encode(convert(value))
