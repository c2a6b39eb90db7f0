"""In one transaction check the cursor, drop orphaned rows, COPY the batch, move the cursor."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime

from indexer.copy_format import HEADER, TRAILER
from indexer.drift import refuse_drifted
from indexer.errors import CursorMoved
from indexer.heirs import births_in
from indexer.model import BlockRef, Cursor
from indexer.ownership import own
from indexer.reorg import Checkpoint
from indexer.rows import Batch
from indexer.schema import Table
from indexer.streams import Parent, Stream
from shared.db import Connection, Database
from shared.lease import mark

UNDECODED = (
    "stream", "chain_id", "block_number", "log_index", "block_time", "block_hash", "tx_hash", "address",
    "topics", "data", "reason", "message",
)  # fmt: skip


class Store:
    """The tables and cursors of one chain's streams."""

    def __init__(self, db: Database, chain_id: int, streams: Iterable[Stream]) -> None:
        self._db = db
        self._chain_id = chain_id
        self._streams = {one.key: one for one in streams}

    async def cursors(self, streams: Sequence[str]) -> dict[str, Cursor]:
        """Where the streams stand."""
        async with self._db.connection() as cx:
            rows = await cx.fetch(
                "select stream, block_number, block_hash, block_time from usdx.cursors where stream = any($1)",
                list(streams),
                on="cursors",
            )
        return {row["stream"]: _cursor(row["block_number"], row["block_hash"], row["block_time"]) for row in rows}

    async def checkpoints(self, streams: Sequence[str]) -> list[Checkpoint]:
        """The blocks that every one of the streams once stood at, newest first."""
        async with self._db.connection() as cx:
            rows = await cx.fetch(
                """select block_number, block_hash from usdx.checkpoints where stream = any($1)
                group by block_number, block_hash having count(*) = $2 order by block_number desc""",
                list(streams),
                len(streams),
                on="checkpoints",
            )
        return [Checkpoint(row["block_number"], row["block_hash"]) for row in rows]

    async def births(self, parent: Parent) -> dict[bytes, int]:
        """The block of birth of every contract that a factory's table knows."""
        async with self._db.connection() as cx:
            return await births_in(cx, self._chain_id, parent)

    async def editions(self, streams: Sequence[str]) -> dict[str, int]:
        """Which edition of its births each stream is to be filled from."""
        async with self._db.connection() as cx:
            rows = await cx.fetch(
                "select stream, births_edition from usdx.cursors where stream = any($1)", list(streams), on="cursors"
            )
        return {row[0]: row[1] for row in rows}

    async def elsewhere(self, streams: Sequence[str], number: int, hash_: bytes) -> list[str]:
        """Those of the streams that once passed a block of that number but another hash.

        Below a stream's checkpoints nothing can differ: it is final, or the stream had not begun.
        """
        async with self._db.connection() as cx:
            rows = await cx.fetch(
                """select stream from unnest($1::text[]) as stream
                where $2 >= (select min(block_number) from usdx.checkpoints as one where one.stream = stream.stream)
                and not exists (select from usdx.checkpoints as one
                    where one.stream = stream.stream and block_number = $2 and block_hash = $3)""",
                list(streams), number, hash_, on="checkpoints",
            )  # fmt: skip
        return [row["stream"] for row in rows]

    async def against(self, streams: Sequence[str], number: int, hash_: bytes) -> list[str]:
        """Those of the streams that stood at another block of that number."""
        async with self._db.connection() as cx:
            rows = await cx.fetch(
                """select stream from usdx.checkpoints
                where stream = any($1) and block_number = $2 and block_hash <> $3 order by stream""",
                list(streams), number, hash_, on="checkpoints",
            )  # fmt: skip
        return [row["stream"] for row in rows]

    async def beginning(self, stream: str) -> Cursor | None:
        """Just before the stream's first block, if all that it stored since is in its checkpoints and was not final."""
        async with self._db.connection() as cx:
            start = await cx.fetchval(
                """select start_block from usdx.cursors where stream = $1 and start_block > final_block
                and start_block = (select min(block_number) from usdx.checkpoints where stream = $1)""",
                stream,
                on="cursors",
            )
        return None if start is None else Cursor(start - 1, None, None)

    async def commit(
        self,
        streams: Sequence[str],
        cursor: Cursor,
        blocks: Sequence[BlockRef],
        batch: Batch,
        floor: int,
        editions: Mapping[str, int] | None = None,
    ) -> Cursor:
        """Store a batch and move the streams from `cursor` to the last of `blocks`, all or nothing.

        `blocks` become checkpoints; those below the newest one at or under `floor`, the last finalized block, go.
        Raises CursorMoved when a stream does not stand at `cursor`, or when the births that the batch was made by are
        of other `editions` than those of the streams by now.
        """
        last = blocks[-1]
        async with self._db.transaction() as cx:
            await self._mark(cx, streams)
            if last.number <= floor:  # a crash of Postgres may lose it whole, cursor and rows; it is fetched again then
                await cx.execute("set local synchronous_commit = off")
            await _move(cx, streams, cursor, Cursor(last.number, last.hash, last.time), floor)
            if editions:
                await _same(cx, editions)
            await copy_batch(cx, batch)
            await _remember(cx, streams, blocks, floor)
        return Cursor(last.number, last.hash, last.time)

    async def roll_back(self, streams: Sequence[str], cursor: Cursor, ancestor: Cursor) -> Mapping[str, int]:
        """Delete the streams' rows above `ancestor` and move them down to it. Returns how many rows of each event."""
        gone: Counter[str] = Counter()
        async with self._db.transaction() as cx:
            await self._mark(cx, streams)
            await _move(cx, streams, cursor, ancestor)
            for stream in (self._streams[key] for key in streams):
                for table in stream.tables.values():
                    gone[table.event.name] += await self._delete(cx, stream, table, ancestor.number)
            await cx.execute(
                "delete from usdx.undecoded_logs where stream = any($1) and chain_id = $2 and block_number > $3",
                list(streams), self._chain_id, ancestor.number, on="undecoded_logs",
            )  # fmt: skip
            await cx.execute(
                "delete from usdx.checkpoints where stream = any($1) and block_number > $2",
                list(streams), ancestor.number, on="checkpoints",
            )  # fmt: skip
            await _note_reorg(cx, streams, cursor, ancestor, gone.total())
        return gone

    async def _mark(self, cx: Connection, streams: Sequence[str]) -> None:
        """Under the lease by which a keeper holds the chain: its next holder does not wait for us."""
        await mark(cx, self._db, f"chain {self._streams[streams[0]].chain}")

    async def _delete(self, cx: Connection, stream: Stream, table: Table, above: int) -> int:
        mine, arguments = own(stream, 3)
        sql = f"delete from {table.qualified} where chain_id = $1 and block_number > $2{mine}"  # noqa: S608 -- quoted
        tag = await cx.execute(sql, self._chain_id, above, *arguments, on=table.name)
        return int(tag.rpartition(" ")[2])


async def copy_batch(cx: Connection, batch: Batch) -> None:
    """COPY all rows of a batch. Raises SchemaDrift when a table is not any more what the rows were made for."""
    await refuse_drifted(cx, [rows.table for rows in batch.rows.values()])
    for rows in batch.rows.values():
        schema, table, columns = rows.table.schema, rows.table.name, rows.table.column_names
        if rows.records:
            await cx.copy_records(schema, table, columns, rows.records)
        if rows.binary_rows:
            await cx.copy_binary(schema, table, columns, [HEADER, *rows.binary, TRAILER])
    if batch.undecoded:
        await cx.copy_records("usdx", "undecoded_logs", UNDECODED, batch.undecoded)


async def _move(cx: Connection, streams: Sequence[str], old: Cursor, new: Cursor, floor: int = -1) -> None:
    """Lock and move the cursors; the check and the move are one statement, so nobody gets in between."""
    tag = await cx.execute(
        """update usdx.cursors set block_number = $4, block_hash = $5, block_time = $6, updated_at = now(),
        final_block = greatest(final_block, $7)
        where stream = any($1) and block_number = $2 and block_hash is not distinct from $3""",
        list(streams), old.number, old.hash, new.number, new.hash, _datetime(new.time),
        floor, on="cursors",
    )  # fmt: skip
    if int(tag.rpartition(" ")[2]) != len(streams):
        raise CursorMoved(f"{', '.join(streams)}: not at block {old.number} any more; somebody else moved it")


async def _same(cx: Connection, editions: Mapping[str, int]) -> None:
    """Refuse editions of births that are not the newest; the cursors are locked, so they stay what they are."""
    older = await cx.fetch(
        """select stream from usdx.cursors join unnest($1::text[], $2::bigint[]) as known (stream, edition)
        using (stream) where births_edition <> edition order by 1""",
        list(editions), list(editions.values()), on="cursors",
    )  # fmt: skip
    if older:
        names = ", ".join(row[0] for row in older)
        raise CursorMoved(f"{names}: the births of its contracts were changed meanwhile; they are read anew")


async def _remember(cx: Connection, streams: Sequence[str], blocks: Sequence[BlockRef], floor: int) -> None:
    await cx.execute(
        """insert into usdx.checkpoints (stream, block_number, block_hash)
        select stream, block.* from unnest($1::text[]) as stream, unnest($2::bigint[], $3::bytea[]) as block""",
        list(streams), [block.number for block in blocks], [block.hash for block in blocks], on="checkpoints",
    )  # fmt: skip
    kept = max((block.number for block in blocks if block.number <= floor), default=None)
    if kept is None:
        await cx.execute(
            """delete from usdx.checkpoints as old where stream = any($1) and block_number < (
            select max(block_number) from usdx.checkpoints where stream = old.stream and block_number <= $2)""",
            list(streams), floor, on="checkpoints",
        )  # fmt: skip
    else:
        await cx.execute(
            "delete from usdx.checkpoints where stream = any($1) and block_number < $2",
            list(streams), kept, on="checkpoints",
        )  # fmt: skip


async def _note_reorg(cx: Connection, streams: Sequence[str], old: Cursor, ancestor: Cursor, events: int) -> None:
    await cx.execute(
        """insert into usdx.reorgs (chain, streams, ancestor, from_block, events)
        select chain, $1, $2, $3, $4 from usdx.cursors where stream = ($1::text[])[1]""",
        list(streams), ancestor.number, old.number, events, on="reorgs",
    )  # fmt: skip
    await cx.execute("delete from usdx.reorgs where seen_at < now() - interval '30 days'", on="reorgs")


def _cursor(number: int, hash_: bytes | None, time: datetime | None) -> Cursor:
    return Cursor(number, hash_, None if time is None else int(time.timestamp()))


def _datetime(seconds: int | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
