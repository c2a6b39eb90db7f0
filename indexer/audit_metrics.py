"""Show what audits have proved of the stored ranges, as the database says it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from shared.db import Database
from shared.metrics import Family, Registry, Sample

_WHO = ("chain", "stream")
AUDITED = Family(
    "usdx_indexer_audited_blocks", "gauge", "Stored blocks that an audit found or put in order.", (*_WHO, "evidence")
)
RATIO = Family(
    "usdx_indexer_audited_ratio", "gauge", "Part of the stored final blocks that an audit found or put in order.", _WHO
)
VIOLATIONS = Family(
    "usdx_indexer_audit_violations",
    "gauge",
    "Rows that the last audit of each range found to differ from the chain.",
    (*_WHO, "kind", "state"),
)
LAST = Family("usdx_indexer_audit_last_timestamp_seconds", "gauge", "When a range was audited last.", _WHO, "seconds")
FAMILIES = (AUDITED, RATIO, VIOLATIONS, LAST)

KINDS = ("missing", "wrong", "invented")
QUERY = """
select c.chain, c.stream, least(c.block_number, c.final_block) - c.start_block + 1 as stored, evidence,
    coalesce(sum(last_block - first_block + 1) filter (where violations = 0 or repaired), 0) as blocks,
    coalesce(repaired, false) as repaired, coalesce(sum(missing), 0) as missing, coalesce(sum(wrong), 0) as wrong,
    coalesce(sum(invented), 0) as invented, extract(epoch from max(checked_at)) as checked_at
from usdx.cursors c left join usdx.coverage v using (stream)
where c.chain = any($1)
group by c.stream, evidence, coalesce(repaired, false) order by 1, 2, 4, 6
"""


@dataclass(frozen=True, slots=True)
class Covered:
    """What audits came to for one stream, one kind of evidence, repaired or not. `stored` counts its final blocks."""

    chain: str
    stream: str
    stored: int
    evidence: str | None
    blocks: int
    repaired: bool
    violations: tuple[int, int, int]
    checked_at: float | None


class Coverage:
    """The record of the audits of some chains, as last read. A scrape reads memory only."""

    def __init__(self, db: Database, registry: Registry, chains: Sequence[str]) -> None:
        self._db = db
        self._chains = list(chains)
        self._rows: Sequence[Covered] = ()
        registry.collector(lambda: samples(self._rows), *FAMILIES)

    async def look(self) -> None:
        """Read the record anew."""
        async with self._db.connection() as cx:
            rows = await cx.fetch(QUERY, self._chains, on="coverage")
        self._rows = [_covered(*row) for row in rows]


def _covered(
    chain: str,
    stream: str,
    stored: int,
    evidence: str | None,
    blocks: int,
    repaired: bool,
    missing: int,
    wrong: int,
    invented: int,
    checked_at: float | None,
) -> Covered:
    at = None if checked_at is None else float(checked_at)
    return Covered(
        chain, stream, stored, evidence, int(blocks), repaired, (int(missing), int(wrong), int(invented)), at
    )


def samples(rows: Iterable[Covered]) -> Iterator[Sample]:
    """The series of all streams; a stream that was never audited has a ratio of 0 and no violations."""
    by_stream: dict[tuple[str, str], list[Covered]] = {}
    for one in rows:
        by_stream.setdefault((one.chain, one.stream), []).append(one)
    for who, group in by_stream.items():
        yield from _of_stream(who, group)


def _of_stream(who: tuple[str, str], group: Sequence[Covered]) -> Iterator[Sample]:
    done, stored = sum(one.blocks for one in group), group[0].stored
    if stored > 0:
        yield Sample(RATIO, min(1.0, done / stored), who)
    for evidence in dict.fromkeys(one.evidence for one in group if one.evidence is not None):
        yield Sample(AUDITED, sum(one.blocks for one in group if one.evidence == evidence), (*who, evidence))
    for state, repaired in (("open", False), ("repaired", True)):
        for place, kind in enumerate(KINDS):
            count = sum(one.violations[place] for one in group if one.repaired is repaired)
            yield Sample(VIOLATIONS, count, (*who, kind, state))
    at = max((one.checked_at for one in group if one.checked_at is not None), default=None)
    if at is not None:
        yield Sample(LAST, at, who)
