"""Read again and replace what is stored, for audits and second decodings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from indexer.model import Range
from indexer.naming import quoted
from indexer.ownership import own
from indexer.rows import Batch, Row
from indexer.schema import Table
from indexer.store import UNDECODED, copy_batch
from indexer.streams import Stream
from indexer.takeback import take_back
from shared.db import Database


@dataclass(frozen=True, slots=True)
class Proof:
    """What an audit of a range found. `digest` commits to the answer that it was compared with.

    Shape: `violations` counts rows by kind: missing, wrong, invented.
    """

    evidence: str
    logs: int
    digest: bytes
    violations: Mapping[str, int]
    repaired: bool


class Revision:
    """The stored rows of one chain's streams."""

    def __init__(self, db: Database, chain_id: int, streams: Iterable[Stream]) -> None:
        self._db = db
        self._chain_id = chain_id
        self._streams = {one.key: one for one in streams}

    async def rows_in(self, stream: str, table: Table, span: Range) -> list[Row]:
        """The rows of a range that a stream has stored."""
        names, (mine, arguments) = ", ".join(quoted(name) for name in table.column_names), own(self._streams[stream], 4)
        sql = f"select {names} from {table.qualified} where chain_id = $1 and block_number between $2 and $3{mine}"  # noqa: S608
        async with self._db.connection() as cx:
            rows = await cx.fetch(sql, self._chain_id, span.first, span.last, *arguments, on=table.name)
        return [tuple(row) for row in rows]

    async def undecoded_in(self, stream: str, span: Range) -> list[Row]:
        """The undecoded logs of a range, in the columns of `UNDECODED`."""
        async with self._db.connection() as cx:
            rows = await cx.fetch(
                f"select {', '.join(UNDECODED)} from usdx.undecoded_logs "  # noqa: S608 -- our own columns
                "where stream = $1 and chain_id = $2 and block_number between $3 and $4",
                stream, self._chain_id, span.first, span.last, on="undecoded_logs",
            )  # fmt: skip
        return [tuple(row) for row in rows]

    async def undecoded(self, stream: str, after: tuple[int, int], most: int) -> list[Any]:
        """Undecoded logs above a (block, log index). Shape: that place, then the columns of META, topics and data."""
        async with self._db.connection() as cx:
            rows = await cx.fetch(
                f"select {', '.join(UNDECODED[1:-2])} from usdx.undecoded_logs "  # noqa: S608 -- our own columns
                "where stream = $1 and chain_id = $2 and (block_number, log_index) > ($3, $4) order by 2, 3 limit $5",
                stream, self._chain_id, *after, most, on="undecoded_logs",
            )  # fmt: skip
        return [((row["block_number"], row["log_index"]), *row) for row in rows]

    async def solve(
        self, stream: str, places: Sequence[tuple[int, int]], batch: Batch, heirs: Mapping[str, Sequence[Stream]]
    ) -> None:
        """Store the rows of logs that were undecoded, and forget those; none that a reorg has taken back meanwhile.

        What descends from a table in `heirs` goes back to before the first of its new rows: those may be births.
        """
        async with self._db.transaction() as cx:
            await cx.execute("select from usdx.cursors where stream = $1 for update", stream, on="cursors")
            blocks, indexes = [place[0] for place in places], [place[1] for place in places]
            gone = await cx.fetch(
                "delete from usdx.undecoded_logs where stream = $1 and chain_id = $2 and (block_number, log_index) in "
                "(select * from unnest($3::bigint[], $4::bigint[])) returning block_number, log_index, block_hash",
                stream, self._chain_id, blocks, indexes, on="undecoded_logs",
            )  # fmt: skip
            still = {tuple(row) for row in gone}
            for rows in batch.rows.values():
                rows.records = [row for row in rows.records if (row[1], row[2], row[4]) in still]
            await copy_batch(cx, batch)
            for name, rows in batch.rows.items():
                for heir in heirs.get(name, ()) if rows.records else ():
                    await take_back(cx, heir, min(row[1] for row in rows.records if isinstance(row[1], int)) - 1)

    async def replace(self, stream: str, span: Range, batch: Batch) -> None:
        """Put a batch in the place of all that a stream has stored in a range."""
        async with self._db.transaction() as cx:
            await cx.execute("select from usdx.cursors where stream = $1 for update", stream, on="cursors")
            mine, arguments = own(self._streams[stream], 4)
            for table in self._streams[stream].tables.values():
                sql = f"delete from {table.qualified} where chain_id = $1 and block_number between $2 and $3{mine}"  # noqa: S608
                await cx.execute(sql, self._chain_id, span.first, span.last, *arguments, on=table.name)
            await cx.execute(
                """delete from usdx.undecoded_logs
                where stream = $1 and chain_id = $2 and block_number between $3 and $4""",
                stream, self._chain_id, span.first, span.last, on="undecoded_logs",
            )  # fmt: skip
            await copy_batch(cx, batch)

    async def cover(self, stream: str, span: Range, proof: Proof) -> None:
        """Write down that a range was audited, in the place of all earlier audits that reach into it."""
        async with self._db.transaction() as cx:
            await cx.execute(
                "delete from usdx.coverage where stream = $1 and first_block <= $3 and last_block >= $2",
                stream, span.first, span.last, on="coverage",
            )  # fmt: skip
            await cx.execute(
                """insert into usdx.coverage
                (stream, first_block, last_block, evidence, logs, digest,
                violations, repaired, missing, wrong, invented)
                values ($1, $2, $3, $4, $5, $6, $7::bigint + $8 + $9, $10, $7, $8, $9)
                on conflict (stream, first_block) do update set
                last_block = excluded.last_block, evidence = excluded.evidence, logs = excluded.logs,
                digest = excluded.digest, violations = excluded.violations, repaired = excluded.repaired,
                missing = excluded.missing, wrong = excluded.wrong, invented = excluded.invented,
                checked_at = now()""",
                stream, span.first, span.last, proof.evidence, proof.logs, proof.digest,
                *(proof.violations[kind] for kind in ("missing", "wrong", "invented")), proof.repaired, on="coverage",
            )  # fmt: skip

    async def withdraw(self, streams: Sequence[str], evidence: str) -> int:
        """Forget audits whose evidence turned out to be none. Returns how many."""
        async with self._db.connection() as cx:
            tag = await cx.execute(
                "delete from usdx.coverage where stream = any($1) and evidence = $2",
                list(streams), evidence, on="coverage",
            )  # fmt: skip
        return int(tag.rpartition(" ")[2])

    async def covered(self, stream: str) -> list[tuple[Range, bool]]:
        """The audited ranges of a stream, ascending, and whether each is in order now."""
        async with self._db.connection() as cx:
            rows = await cx.fetch(
                """select first_block, last_block, violations = 0 or repaired from usdx.coverage
                where stream = $1 order by first_block""",
                stream,
                on="coverage",
            )
        return [(Range(row[0], row[1]), row[2]) for row in rows]
