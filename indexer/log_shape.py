"""Learn from one log's JSON text where this node puts the fields of every log.

A node writes all its logs alike: the same keys in the same order with the same spaces. What does not vary between logs
becomes a template to compare against; what varies is a field of fixed width, or a gap that ends where its quote closes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Template = tuple[NDArray[np.uint64], NDArray[np.uint64]]

_FIELD = re.compile(rb'\s*"([A-Za-z0-9_]+)"\s*:\s*("[^"\\]*"|\[[^\[\]\\]*\]|true|false|null)\s*([,}])')
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
    """A stretch of text between two gaps, of one length in all logs.

    Shape: it begins at quote number `quote` of its log (0 is the first; two more per topic when `after_topics`), plus
    `shift` characters.
    """

    quote: int
    after_topics: bool
    shift: int
    text: bytes
    fields: tuple[Field, ...]


@dataclass(frozen=True, slots=True)
class Gap:
    """A value whose length varies. Shape: its closing quote is quote number `quote` of its log, as in `Segment`."""

    name: str
    quote: int
    after_topics: bool


@dataclass(frozen=True, slots=True)
class LogShape:
    """How one node writes a log. Shape: `quotes` counts those of a log without topics; `marker` begins every log."""

    marker: bytes
    quotes: int
    segments: tuple[Segment, ...]
    gaps: tuple[Gap, ...]
    topics_quote: int
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
    found = _fields(text)
    if found is None:
        return None
    fields, end = found
    reader = _Reader(text[:end])
    for key, start, stop in fields:
        if not reader.take(key, start, stop):
            return None
    return reader.finish()


def _fields(text: bytes) -> tuple[list[tuple[bytes, int, int]], int] | None:
    """(key, start and end of its value) in order, and where the log ends."""
    if text[:1] != b"{":
        return None
    found: list[tuple[bytes, int, int]] = []
    at = 1
    while match := _FIELD.match(text, at):
        found.append((match[1], match.start(2), match.end(2)))
        at = match.end()
        if match[3] == b"}":
            keys = {key for key, _, _ in found}
            return (found, at) if len(keys) == len(found) and keys >= _NEEDED else None
    return None


class _Reader:
    """Cuts the text into segments and gaps."""

    def __init__(self, text: bytes) -> None:
        self._text = text
        self._segments: list[Segment] = []
        self._gaps: list[Gap] = []
        self._fields: list[Field] = []
        self._start = 0
        self._anchor = (0, False, -text.index(b'"'))
        self._topics = 0
        self._topics_quote = -1

    def take(self, key: bytes, start: int, end: int) -> bool:
        """Sort one value in; False when it is written in a way we do not know."""
        value = self._text[start:end]
        if key == b"topics":
            return self._take_topics(value, start, end)
        if key in _FIXED:
            if len(value) != _FIXED[key] + 4 or not _HEX.fullmatch(value.lower()):
                return False
            self._fields.append(Field(key.decode(), start + 3 - self._start, _FIXED[key]))
            return True
        if value[:1] != b'"':
            return key not in _QUANTITIES and key != b"data" and (key != b"removed" or value == b"false")
        if not _HEX.fullmatch(value) or key == b"removed":
            return False
        self._cut(start + 3)
        quote, after = self._quotes_before(end - 1)
        self._gaps.append(Gap(key.decode(), quote, after))
        self._start, self._anchor = end - 1, (quote, after, 0)
        return True

    def finish(self) -> LogShape:
        """The shape, once all fields are taken."""
        self._cut(len(self._text))
        text, varying = b"", []
        for segment in self._segments:
            varying += [(len(text) + part.at, part.width) for part in segment.fields]
            text += segment.text
        first = self._text.index(b'"')
        return LogShape(
            marker=self._text[: self._text.index(b'"', first + 1) + 1],
            quotes=self._text.count(b'"') - 2 * self._topics,
            segments=tuple(self._segments),
            gaps=tuple(self._gaps),
            topics_quote=self._topics_quote,
            template=template(text, varying),
        )

    def _take_topics(self, value: bytes, start: int, end: int) -> bool:
        if not _TOPICS.fullmatch(value):
            return False
        self._cut(start + 1)
        self._topics_quote = self._quotes_before(start + 1)[0]
        self._topics = value.count(b",") + 1
        self._start, self._anchor = end - 1, (self._topics_quote - 1, True, 1)
        return True

    def _quotes_before(self, at: int) -> tuple[int, bool]:
        """How many quotes stand before this place, those of the topics left out, and whether it is behind them."""
        count = self._text.count(b'"', 0, at)
        return (count - 2 * self._topics, True) if self._topics else (count, False)

    def _cut(self, end: int) -> None:
        quote, after, shift = self._anchor
        self._segments.append(Segment(quote, after, shift, self._text[self._start : end], tuple(self._fields)))
        self._fields = []
