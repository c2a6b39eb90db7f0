"""Prove that stored ranges are complete and right, and mend those that are not."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256

from indexer.model import Range
from indexer.revision import Proof, Revision
from indexer.rows import Batch, Row
from indexer.schema import Table
from indexer.step import Fetched, Worker
from indexer.takeback import Setback

RANGE_BLOCKS = 500
KINDS = ("missing", "wrong", "invented")

Place = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Finding:
    """How a table differs from the chain within a range. Shape: (block, log index) of each row concerned."""

    table: str
    missing: Sequence[Place]
    wrong: Sequence[Place]
    invented: Sequence[Place]

    @property
    def count(self) -> int:
        return len(self.missing) + len(self.wrong) + len(self.invented)

    def __str__(self) -> str:
        parts = {"missing": self.missing, "wrong": self.wrong, "invented": self.invented}
        told = (
            f"{len(places)} {what} (first: block {places[0][0]} log {places[0][1]})"
            for what, places in parts.items()
            if places
        )
        return f"{self.table}: {', '.join(told)}"


@dataclass(frozen=True, slots=True)
class Answer:
    """What the chain says of a range. `evidence` is what it was proved by: `bloom` or `second_endpoint:NAME`.

    `differences` say which endpoint was wrong where; blocks in `open` are those that nobody could settle.
    """

    fetched: Fetched
    evidence: str
    differences: Sequence[str] = ()
    open: Sequence[int] = ()


@dataclass(frozen=True, slots=True)
class Audited:
    """One range compared. A range with `open` blocks is not proved: it is neither repaired nor taken for audited.

    `taken_back` is what descends from births that a repair changed.
    """

    stream: str
    range: Range
    logs: int
    evidence: str
    findings: Sequence[Finding]
    repaired: bool
    differences: Sequence[str] = ()
    open: Sequence[int] = ()
    taken_back: Sequence[Setback] = ()

    @property
    def violations(self) -> int:
        return sum(finding.count for finding in self.findings)


def gaps(done: Sequence[tuple[Range, bool]], first: int, last: int) -> Iterator[Range]:
    """The ranges of `first..last` that still have to be audited, of `RANGE_BLOCKS` at most, ascending.

    Shape: `done` are ranges that were audited, ascending, and whether each was in order then or was mended.
    """
    for covered, good in [*done, (Range(last + 1, last + 1), True)]:
        if not good:
            continue
        while first < covered.first and first <= last:
            stop = min(first + RANGE_BLOCKS, covered.first, last + 1)
            yield Range(first, stop - 1)
            first = stop
        first = max(first, covered.last + 1)


async def audit_range(worker: Worker, stored: Revision, stream: str, answer: Answer, *, repair: bool) -> Audited:
    """Compare a range with the tables, write down what was found.

    With `repair` what differs is replaced, in one transaction. Invariant: the range is finalized and behind the cursor.
    Raises CursorMoved when it is not any more; nothing is changed or written down then.
    """
    fetched, span = answer.fetched, answer.fetched.plan.range
    batch = await worker.decode((stream,), [fetched])
    tables = list(worker.streams[stream].tables.values())
    findings = [one for table in tables if (one := await _compare(stored, stream, table, span, batch)).count]
    kept = [_undecoded(row) for row in await stored.undecoded_in(stream, span)]
    findings += _differences("usdx.undecoded_logs", _by_place(kept), _by_place(map(_undecoded, batch.undecoded)))
    mend = bool(findings) and repair and not answer.open
    taken = await stored.replace(stream, span, batch) if mend else []
    if not answer.open:
        kinds = {kind: sum(len(getattr(one, kind)) for one in findings) for kind in KINDS}
        await stored.cover(stream, span, Proof(answer.evidence, _count(batch), _digest(fetched), kinds, mend))
    return Audited(stream, span, _count(batch), answer.evidence, findings, mend, answer.differences, answer.open, taken)


async def _compare(stored: Revision, stream: str, table: Table, span: Range, batch: Batch) -> Finding:
    rows = batch.rows.get(str(table))
    chain = _by_place(_plain(table, row) for row in (rows.records if rows is not None else ()))
    ours = _by_place(_plain(table, row) for row in await stored.rows_in(stream, table, span))
    found = _differences(str(table), ours, chain)
    return found[0] if found else Finding(str(table), (), (), ())


def _differences(table: str, stored: Mapping[Place, Row], chain: Mapping[Place, Row]) -> list[Finding]:
    found = Finding(
        table,
        missing=sorted(chain.keys() - stored.keys()),
        wrong=sorted(place for place in chain.keys() & stored.keys() if chain[place] != stored[place]),
        invented=sorted(stored.keys() - chain.keys()),
    )
    return [found] if found.count else []


def _by_place(rows: Iterable[Row]) -> dict[Place, Row]:
    out: dict[Place, Row] = {}
    for row in rows:
        block, index = row[1], row[2]
        assert isinstance(block, int)
        assert isinstance(index, int)
        out[block, index] = row
    return out


def _plain(table: Table, row: Row) -> Row:
    """A row as it compares equal whether it comes from a decoder or from Postgres, which spells JSON in its own way."""
    types = list(table.types.values())
    return tuple(json.loads(str(value)) if kind == "jsonb" else value for kind, value in zip(types, row, strict=True))


def _undecoded(row: Row) -> Row:
    """Of a raw log what the chain says, without the words of our decoder."""
    return tuple(tuple(value) if isinstance(value, list) else value for value in row[1:-2])


def _count(batch: Batch) -> int:
    return sum(rows.count for rows in batch.rows.values()) + len(batch.undecoded)


def _digest(fetched: Fetched) -> bytes:
    """What was proved: the last block's hash commits to all below it, the logs to the answer."""
    digest = sha256(fetched.logs.last.hash)
    for log in fetched.logs.logs:
        said = (log.block_number, log.log_index, log.transaction_hash, log.address, *log.topics, log.data)
        digest.update(f"{'/'.join(said)};".lower().encode())
    return digest.digest()
