"""Learn from one log's JSON text where this node puts the fields of every log.

A node writes all its logs alike: the same keys in the same order with the same spaces. What does not vary between logs
becomes a template to compare against; what varies is a field of fixed width, or a gap between two keys. No value has a
colon in it, so the colons of the text tell where all the values are.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Template = tuple[NDArray[np.uint64], NDArray[np.uint64]]

_FIELD = re.compile(rb'\s*"([A-Za-z0-9_]+)"\s*(:)\s*("[^"\\]*"|\[[^\[\]\\]*\]|true|false|null)\s*([,}])')
_TOPICS = re.compile(rb'\[("0x[0-9a-f]{64}"(?:,"0x[0-9a-f]{64}"){0,3})\]')
_HEX = re.compile(rb'"0x[0-9a-f]*"')
_FIXED = {b"address": 40, b"transactionHash": 64, b"blockHash": 64}
_QUANTITIES = (b"blockNumber", b"logIndex", b"blockTimestamp")
_NEEDED = frozenset([*_FIXED, b"topics", b"data", b"blockNumber", b"logIndex"])


@dataclass(frozen=True, slots=True)
class Field:
    """A hex field of fixed width inside a segment. Shape: `at` counts from the segment's start."""

    name: str
    at: int
    width: int


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of text between two gaps, of one length in all logs. Shape: it begins `shift` after colon `colon`."""

    colon: int
    shift: int
    text: bytes
    fields: tuple[Field, ...]


@dataclass(frozen=True, slots=True)
class Gap:
    """A value whose length varies. Shape: it begins `lead` after its colon and ends `tail` before the next one."""

    colon: int
    lead: int
    tail: int


@dataclass(frozen=True, slots=True)
class LogShape:
    """How one node writes a log. Shape: every log has `colons`; the first comes `head` after the log's beginning.

    The colon after a log's last is the first of the next log, after a comma.
    """

    colons: int
    head: int
    segments: tuple[Segment, ...]
    gaps: Mapping[str, Gap]
    template: Template = field(compare=False)

    def column(self, name: str) -> tuple[int, int]:
        """Where a field of fixed width begins when all segments stand side by side, and its width."""
        at = 0
        for segment in self.segments:
            for part in segment.fields:
                if part.name == name:
                    return at + part.at, part.width
            at += len(segment.text)
        raise KeyError(name)


def template(text: bytes, varying: Iterable[tuple[int, int]]) -> Template:
    """Text and a mask of what must equal it, in words of 8 bytes. Shape: `varying` is (where, how many characters)."""
    size = -(-len(text) // 8) * 8
    want, mask = np.zeros(size, np.uint8), np.zeros(size, np.uint8)
    want[: len(text)] = np.frombuffer(text, np.uint8)
    mask[: len(text)] = 0xFF
    for at, width in varying:
        mask[at : at + width] = 0
    return want.view(np.uint64), mask.view(np.uint64)


def learn(text: bytes) -> LogShape | None:
    """The shape of the log that begins at the start of the text; None when it is nothing this way of reading knows."""
    found = _values(text)
    if found is None:
        return None
    values, end = found
    reader = _Reader(text[:end], [value.colon for value in values])
    return reader.finish() if all(reader.take(number, value) for number, value in enumerate(values)) else None


@dataclass(frozen=True, slots=True)
class _Value:
    """A key's value. Shape: the places of its colon, its first and the one after its last character."""

    key: bytes
    colon: int
    start: int
    end: int


def _values(text: bytes) -> tuple[list[_Value], int] | None:
    """The values in order, and where the log ends."""
    if text[:1] != b"{":
        return None
    found: list[_Value] = []
    at = 1
    while match := _FIELD.match(text, at):
        found.append(_Value(match[1], match.start(2), match.start(3), match.end(3)))
        at = match.end()
        if match[4] == b"}":
            keys = {value.key for value in found}
            return (found, at) if len(keys) == len(found) and keys >= _NEEDED else None
    return None


class _Reader:
    """Cuts the text into segments and gaps."""

    def __init__(self, text: bytes, colons: Sequence[int]) -> None:
        self._text = text
        self._colons = [*colons, len(text) + 1 + colons[0]]
        self._segments: list[Segment] = []
        self._gaps: dict[str, Gap] = {}
        self._fields: list[Field] = []
        self._start, self._colon = 0, 0

    def take(self, number: int, value: _Value) -> bool:
        """Sort one value in; False when it is written in a way we do not know."""
        text, key = self._text[value.start : value.end], value.key
        if key == b"topics":
            return self._gap(number, value, 1, 1) if _TOPICS.fullmatch(text) else False
        if key in _FIXED:
            self._fields.append(Field(key.decode(), value.start + 3 - self._start, _FIXED[key]))
            return len(text) == _FIXED[key] + 4 and _HEX.fullmatch(text.lower()) is not None
        if text[:1] != b'"':
            return key not in _QUANTITIES and key != b"data" and (key != b"removed" or text == b"false")
        return self._gap(number, value, 3, 1) if _HEX.fullmatch(text) and key != b"removed" else False

    def finish(self) -> LogShape:
        """The shape, once all values are taken."""
        self._cut(len(self._text))
        text, varying = b"", []
        for segment in self._segments:
            varying += [(len(text) + part.at, part.width) for part in segment.fields]
            text += segment.text
        return LogShape(
            len(self._colons) - 1, self._colons[0], tuple(self._segments), self._gaps, template(text, varying)
        )

    def _gap(self, number: int, value: _Value, opening: int, closing: int) -> bool:
        """End a segment at a gap and begin the next one after it.

        Shape: `opening` and `closing` count the characters around the value.
        """
        begin, end = value.start + opening, value.end - closing
        self._cut(begin)
        self._gaps[value.key.decode()] = Gap(number, begin - value.colon, self._colons[number + 1] - end)
        self._start, self._colon = end, number + 1
        return True

    def _cut(self, end: int) -> None:
        text = bytearray(self._text[self._start : end])
        for part in self._fields:
            text[part.at : part.at + part.width] = bytes(part.width)
        shift = self._start - self._colons[self._colon]
        self._segments.append(Segment(self._colon, shift, bytes(text), tuple(self._fields)))
        self._fields = []
