"""Decide the next range, and for which streams."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from indexer.model import Cursor, Range

LINKED_BLOCKS = 64
"""The widest range above finality, where the header of every block is asked for."""


@dataclass(frozen=True, slots=True)
class Plan:
    """One unit of work: the streams that stand at `cursor` move together over `range`.

    Invariant: `range.first` is the block after the cursor. `linked` asks for every header: its blocks may still change.
    """

    streams: tuple[str, ...]
    cursor: Cursor
    range: Range
    linked: bool


def plan(cursors: Mapping[str, Cursor], target: int, finalized: int, window: int) -> Plan | None:
    """The next range of the streams furthest behind, or None when all have reached `target`.

    Streams that stand at the same block share the range, and nobody overtakes: it ends at the next stream's cursor at
    the latest, where the two become one group. It ends at `finalized` when it begins below it.
    """
    if not cursors:
        return None
    cursor = min(cursors.values(), key=lambda one: (one.number, one.hash or b""))
    first = cursor.number + 1
    if first > target:
        return None
    streams = tuple(
        sorted(name for name, one in cursors.items() if (one.number, one.hash) == (cursor.number, cursor.hash))
    )
    last = min([target, *(one.number for one in cursors.values() if one.number > cursor.number)])
    linked = first > finalized
    last = min(last, first + min(window, LINKED_BLOCKS) - 1) if linked else min(last, finalized, first + window - 1)
    return Plan(streams, cursor, Range(first, last), linked)


@dataclass(frozen=True, slots=True)
class Window:
    """How many blocks to ask for at once, learned from the answers.

    `blocks` follows the density of logs: it doubles while answers are small and is cut when one is refused or too
    large. `ceiling` is what the endpoints allow by their own word and is lowered only by that word.
    """

    blocks: int = 1_000
    ceiling: int = 1 << 20
    floor: int = 1
    target_logs: int = 5_000
    target_bytes: int = 4 << 20

    def after(self, span: Range, logs: int, size_bytes: int) -> Window:
        """The window after an answer: grown towards its target when the whole window was used."""
        load = max(logs / self.target_logs, size_bytes / self.target_bytes)
        if load > 1:
            return self._sized(int(len(span) / load))
        if len(span) < self.blocks:
            return self
        return self._sized(min(self.blocks * 2, int(self.blocks / load) if load > 0.5 else self.blocks * 2))

    def refused(self, span: Range, limit: int | None, suggested: tuple[int, int] | None, *, structural: bool) -> Window:
        """The window after a range was refused: by the limit the endpoint named if it helps, else half.

        Invariant: strictly narrower than the refused range, unless that was a single block.
        """
        size = len(span) // 2
        if limit is not None and structural and 0 < limit < len(span):
            size = limit
        elif suggested is not None and span.first <= suggested[0] <= suggested[1] <= span.last:
            width = suggested[1] - suggested[0] + 1
            size = width if width < len(span) else size
        size = max(size, self.floor)
        ceiling = min(self.ceiling, size) if structural else self.ceiling
        return replace(self, ceiling=max(ceiling, self.floor), blocks=size)

    def _sized(self, blocks: int) -> Window:
        return replace(self, blocks=max(self.floor, min(blocks, self.ceiling)))
