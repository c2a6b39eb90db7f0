"""Decide the next range, and for which streams."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass

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


def plan(
    cursors: Mapping[str, Cursor], target: int, finalized: int, window: int, walls: Mapping[str, int] | None = None
) -> Plan | None:
    """The next range of the streams furthest behind, or None when all have reached `target`.

    Streams that stand at the same block share the range, and nobody overtakes: it ends at the next stream's cursor at
    the latest, where the two become one group. It ends at `finalized` when it begins below it. A stream with a wall
    never gets above that block; the others go on without it.
    """
    walls = walls or {}
    free = {name: one for name, one in cursors.items() if one.number < min(target, walls.get(name, target))}
    if not free:
        return None
    cursor = min(free.values(), key=lambda one: (one.number, one.hash or b""))
    first = cursor.number + 1
    streams = tuple(
        sorted(name for name, one in free.items() if (one.number, one.hash) == (cursor.number, cursor.hash))
    )
    last = min(target, limit(cursors, streams, walls))
    linked = first > finalized
    last = min(last, first + min(window, LINKED_BLOCKS) - 1) if linked else min(last, finalized, first + window - 1)
    return Plan(streams, cursor, Range(first, last), linked)


def limit(cursors: Mapping[str, Cursor], streams: tuple[str, ...], walls: Mapping[str, int]) -> int:
    """How far streams that stand together may go without overtaking anybody or getting above a wall."""
    at = cursors[streams[0]].number
    others = [one.number for one in cursors.values() if one.number > at]
    return min([*others, *(walls[name] for name in streams if name in walls)], default=sys.maxsize)
