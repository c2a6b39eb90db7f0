"""Decode what was kept undecoded, after its ABI was mended."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from indexer.revision import Revision
from indexer.rows import Batch, RowWriter
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

    What a factory made goes back to before the births that come to light.
    """
    return {one.key: await _stream(stored, chain_id, one) for one in streams}


async def _stream(stored: Revision, chain_id: int, stream: Stream) -> Redecoded:
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
        await stored.solve(stream.key, solved, batch)
        rows, after = rows + len(solved), raw[-1][0]
    return Redecoded(rows, sum(reasons.values()), reasons)
