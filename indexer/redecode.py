"""Decode what was kept undecoded, after its ABI was mended."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from indexer.revision import Revision
from indexer.rows import Batch, RowWriter
from indexer.scopes import main_key
from indexer.streams import Stream

AT_ONCE = 1_000


@dataclass(frozen=True, slots=True)
class Redecoded:
    """What became of a stream's undecoded logs. `reasons` counts those that still do not fit, by reason."""

    rows: int
    left: int
    reasons: Mapping[str, int]


async def redecode(stored: Revision, chain_id: int, streams: Iterable[Stream]) -> dict[str, Redecoded]:
    """Turn every undecoded log that now fits into a row, and keep the others; by stream.

    What a factory made goes back to before the births that come to light. Shape: factories come before what they make.
    """
    chosen = list(streams)
    heirs = _heirs(chosen)
    return {one.key: await _stream(stored, chain_id, one, heirs) for one in chosen}


def _heirs(streams: Iterable[Stream]) -> dict[str, list[Stream]]:
    """The streams that descend from each table of a factory, without their annexes but with all tables."""
    whole: dict[str, Stream] = {}
    for one in streams:
        first = whole.setdefault(main_key(one.key), replace(one, key=main_key(one.key)))
        parent = first.parent or one.parent
        whole[first.key] = replace(first, tables={**first.tables, **one.tables}, parent=parent)
    heirs: dict[str, list[Stream]] = {}
    for name in {str(one.parent.table) for one in whole.values() if one.parent is not None}:
        fed = {name}
        for one in whole.values():
            if one.parent is not None and str(one.parent.table) in fed:
                heirs.setdefault(name, []).append(one)
                fed |= {str(table) for table in one.tables.values()}
    return heirs


async def _stream(stored: Revision, chain_id: int, stream: Stream, heirs: Mapping[str, Sequence[Stream]]) -> Redecoded:
    writer = RowWriter(chain_id, [stream])
    rows, reasons, after = 0, dict[str, int](), (-1, -1)
    while raw := await stored.undecoded(stream.key, after, AT_ONCE):
        batch, solved = Batch(), []
        for key, *head, topics, data in raw:
            before = len(batch.undecoded)
            known = writer.write_raw(stream.key, tuple(head), topics, data, batch)
            if known and len(batch.undecoded) == before:
                solved.append(key)
            else:
                reason = str(batch.undecoded[-1][-2]) if known else "unknown_event"
                reasons[reason] = reasons.get(reason, 0) + 1
        batch.undecoded.clear()
        await stored.solve(stream.key, solved, batch, heirs)
        rows, after = rows + len(solved), raw[-1][0]
    return Redecoded(rows, sum(reasons.values()), reasons)
