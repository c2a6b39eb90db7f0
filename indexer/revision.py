"""Read again and replace what is stored, for audits and second decodings."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from indexer.errors import CursorMoved
from indexer.heirs import Lineage
from indexer.model import Range
from indexer.naming import quoted
from indexer.ownership import own
from indexer.rows import Batch, Row
from indexer.schema import Table
from indexer.scopes import main_key, scope_of
from indexer.store import UNDECODED, copy_batch
from indexer.streams import Stream
from indexer.takeback import Setback
from shared.db import Connection, Database


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
        self._lineage = Lineage(chain_id, self._streams.values())

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

    async def solve(self, stream: str, places: Sequence[tuple[int, int]], batch: Batch) -> list[Setback]:
        """Store the rows of logs that were undecoded, and forget those; none that a reorg has taken back meanwhile.

        What descends from births that come to light goes back to before them; returned.
        """
        blocks, indexes = [place[0] for place in places], [place[1] for place in places]
        async with self._db.transaction() as cx, self._births(cx, stream) as taken:
            await cx.execute("select from usdx.cursors where stream = $1 for update", stream, on="cursors")
            gone = await cx.fetch(
                "delete from usdx.undecoded_logs where stream = $1 and chain_id = $2 and (block_number, log_index) in "
                "(select * from unnest($3::bigint[], $4::bigint[])) returning block_number, log_index, block_hash",
                stream, self._chain_id, blocks, indexes, on="undecoded_logs",
            )  # fmt: skip
            still = {tuple(row) for row in gone}
            for rows in batch.rows.values():
                rows.records = [row for row in rows.records if (row[1], row[2], row[4]) in still]
            await copy_batch(cx, batch)
        return taken

    async def replace(self, stream: str, span: Range, batch: Batch) -> list[Setback]:
        """Put a batch in the place of all that a stream has stored in a range.

        What descends from births that this changes goes back to before them; returned. Raises CursorMoved when the
        stream does not cover the range any more.
        """
        async with self._db.transaction() as cx:
            await self._stay(cx, stream, span)
            async with self._births(cx, stream) as taken:
                await self._delete(cx, stream, span)
                await copy_batch(cx, batch)
        return taken

    async def cover(self, stream: str, span: Range, proof: Proof) -> None:
        """Write down that a range was audited, in the place of all earlier audits that reach into it.

        Raises CursorMoved when the stream does not cover the range any more.
        """
        async with self._db.transaction() as cx:
            await self._stay(cx, stream, span)
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

    async def _delete(self, cx: Connection, stream: str, span: Range) -> None:
        mine, arguments = own(self._streams[stream], 4)
        for table in self._streams[stream].tables.values():
            sql = f"delete from {table.qualified} where chain_id = $1 and block_number between $2 and $3{mine}"  # noqa: S608
            await cx.execute(sql, self._chain_id, span.first, span.last, *arguments, on=table.name)
        await cx.execute(
            "delete from usdx.undecoded_logs where stream = $1 and chain_id = $2 and block_number between $3 and $4",
            stream, self._chain_id, span.first, span.last, on="undecoded_logs",
        )  # fmt: skip

    async def _stay(self, cx: Connection, stream: str, span: Range) -> None:
        """Keep a stream, its annexes and what descends from them where they are until the transaction ends.

        They are locked at once: piece by piece, a worker that commits all of them and we would wait for each other.
        Raises CursorMoved when the stream was taken back to below the range, or when it covers something else by now
        than what we know of: our idea of whose rows are whose would be wrong.
        """
        family = main_key(stream)
        rows = await cx.fetch(
            """select stream, block_number from usdx.cursors where exists
            (select from unnest($1::text[]) as one where stream = one or starts_with(stream, one || '+'))
            order by stream for update""",
            [family, *self._lineage.below(self._streams[stream])], on="cursors",
        )  # fmt: skip
        at: int | None = dict(rows).get(stream)
        if at is None or at < span.last:
            stands = "is forgotten" if at is None else f"stands at {at}"
            raise CursorMoved(f"{stream}: {stands} by now, so {span} was left as it is")
        found = await cx.fetch(
            "select stream, address, event from usdx.scopes where stream = any($1)",
            [row[0] for row in rows if main_key(row[0]) == family], on="scopes",
        )  # fmt: skip
        ours = [one for key, one in self._streams.items() if main_key(key) == family]
        known = {(one.key, *pair) for one in ours for pair in scope_of(one)}
        if not known.issuperset(map(tuple, found)):
            raise CursorMoved(f"{family}: covers other addresses or events by now, so {span} was left as it is")

    @asynccontextmanager
    async def _births(self, cx: Connection, stream: str) -> AsyncIterator[list[Setback]]:
        """Let what descends from a stream follow the births that are changed meanwhile; what went back is added."""
        taken: list[Setback] = []
        before = await self._lineage.births(cx, self._streams[stream])
        yield taken
        taken += await self._lineage.follow(cx, before, await self._lineage.births(cx, self._streams[stream]))
