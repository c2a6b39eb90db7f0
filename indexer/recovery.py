"""Take streams back to a block, or let them begin anew, with the loss counted before and after.

All of it happens in one transaction under the leases of the chains, so a worker never sees half of it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime

from indexer.assembly import deployments, streams_of
from indexer.layout import known_starts
from indexer.naming import quoted
from indexer.schema import Table
from indexer.streams import Stream
from shared import protocol
from shared.db import Connection, Database
from shared.errors import ConfigError, LeaseHeld
from shared.lease import lease
from shared.settings import Settings


@dataclass(frozen=True, slots=True)
class Setback:
    """One stream's way down. `to` is None when it begins anew; `rows` counts what is deleted, by table."""

    stream: str
    chain: str
    at: int
    to: int | None
    rows: Mapping[str, int] = field(default_factory=dict)

    def __str__(self) -> str:
        lost = ", ".join(f"{count} of {table}" for table, count in self.rows.items() if count) or "no rows"
        goal = "begins anew" if self.to is None else f"block {self.at} -> {self.to}"
        return f"{self.stream} ({self.chain}): {goal}, deletes {lost}"


@dataclass(frozen=True, slots=True)
class _Target:
    """Where a stream goes: the block and, where it is known, what it was on our chain."""

    number: int
    hash: bytes | None = None
    time: datetime | None = None


async def configured(db: Database, settings: Settings) -> dict[str, Stream]:
    """The streams that both the config and the database know, factories before what they make."""
    loaded = {key: (protocol.load(one.path), one) for key, one in settings.protocols.items()}
    known = await known_starts(db)
    found: dict[str, Stream] = {}
    for chain in dict.fromkeys(one.chain for one in settings.protocols.values()):
        for deployment in deployments(loaded, chain):
            for one in await streams_of(deployment, known, _unborn):
                if one.key in known:
                    found[one.key] = one
    return found


async def _unborn(address: bytes) -> int:
    """The birth of a contract whose stream the database does not know, and which is left out therefore."""
    return 0


def chosen(streams: Mapping[str, Stream], names: Collection[str], chains: Collection[str] = ()) -> list[Stream]:
    """The streams of these names or chains, all without either, and those that their factories made.

    Raises ConfigError for a name that is not there.
    """
    chains_known = {one.chain for one in streams.values()}
    unknown = [name for name in names if name not in streams] + [name for name in chains if name not in chains_known]
    if unknown:
        there = ", ".join(sorted({*streams, *chains_known})) or "none: nothing was indexed yet"
        raise ConfigError(f"{', '.join(unknown)}: not in this config and database; there are {there}")
    found: dict[str, Stream] = {}
    for key, one in streams.items():
        wanted = not (names or chains) or key in names or one.chain in chains
        if wanted or (one.parent is not None and any(parent in found for parent in one.parent.keys)):
            found[key] = one
    return list(found.values())


@asynccontextmanager
async def alone(db: Database, chains: Iterable[str]) -> AsyncIterator[None]:
    """Hold the leases of these chains. Raises LeaseHeld at once when a worker holds one of them or stands by for it."""
    async with AsyncExitStack() as stack:
        for chain in sorted(chains):
            await stack.enter_async_context(_at_once(db, chain))
        yield


@asynccontextmanager
async def _at_once(db: Database, chain: str) -> AsyncIterator[None]:
    key = f"chain {chain}"

    def refuse() -> None:
        raise LeaseHeld(f"an indexer works on {key}, so nothing was changed")

    async with lease(db, key, waiting=refuse):
        async with db.connection() as cx:
            there = await cx.fetchval(
                "select count(*) from pg_stat_activity where application_name = $1 and datname = current_database()",
                f"usdx lease {key}"[:63],
                on="pg_stat_activity",
            )
        if there > 1:
            refuse()
        yield


async def roll_back(db: Database, streams: Sequence[Stream], to: int, *, dry: bool) -> list[Setback]:
    """Delete what the streams stored above block `to` and set their cursors there; `dry` only counts.

    Above the last final block a stream goes to its newest checkpoint at or below `to`, whose hash is known: from there
    the next range is linked to it, and a fork meanwhile is noticed. A stream that stands at `to` or below stays.
    """
    done = []
    async with db.transaction(readonly=dry) as cx:
        for stream in streams:
            at, target = await _target(cx, stream, to)
            if target.number < at:
                rows = await _lose(cx, stream, target.number, dry=dry)
                done.append(Setback(stream.key, stream.chain, at, target.number, rows))
                if not dry:
                    await _stand(cx, stream, target)
    return done


async def reindex(db: Database, streams: Sequence[Stream], *, dry: bool) -> list[Setback]:
    """Delete all that the streams stored, and their cursors: they begin anew at the next start."""
    async with db.transaction(readonly=dry) as cx:
        return await _forget(cx, streams, dry=dry)


async def reset(db: Database, streams: Sequence[Stream], *, dry: bool) -> list[Setback]:
    """As `reindex`, and drop the tables, the protocols' views and the chains' identities, as before the first start.

    A table in which a chain of another config has rows stays, with its views. Prices, alerts and figures stay. Raises
    DatabaseRejected when a view made by somebody else stands on a table.
    """
    async with db.transaction(readonly=dry) as cx:
        done = await _forget(cx, streams, dry=dry)
        if not dry:
            tables = {table.qualified: table for one in streams for table in one.tables.values()}
            empty = [table for table in tables.values() if not await _in_use(cx, table)]
            kept = {table.schema for table in tables.values() if table not in empty}
            for schema in {table.schema for table in empty} - kept:
                await _drop_views(cx, schema)
            for table in empty:
                await cx.execute(f"drop table if exists {table.qualified}", on=table.name)
            await cx.execute(
                "delete from usdx.chains where not exists (select from usdx.cursors as c where c.chain = chains.chain)",
                on="chains",
            )
        return done


async def _forget(cx: Connection, streams: Sequence[Stream], *, dry: bool) -> list[Setback]:
    done = []
    for stream in streams:
        at = await cx.fetchval("select block_number from usdx.cursors where stream = $1", stream.key, on="cursors")
        rows = await _lose(cx, stream, -1, dry=dry)
        done.append(Setback(stream.key, stream.chain, at, None, rows))
        if not dry:
            await cx.execute("delete from usdx.cursors where stream = $1", stream.key, on="cursors")
    return done


async def _in_use(cx: Connection, table: Table) -> bool:
    """Whether the table is there and holds a row still, of another chain then."""
    if await cx.fetchval("select to_regclass($1)", table.qualified, on=table.name) is None:
        return False
    found = await cx.fetchval(f"select exists (select from {table.qualified})", on=table.name)  # noqa: S608 -- quoted
    return bool(found)


async def _drop_views(cx: Connection, schema: str) -> None:
    rows = await cx.fetch(
        "select view_name from usdx.views where schema_name = $1 order by position desc", schema, on="views"
    )
    for row in rows:
        await cx.execute(f"drop view if exists {quoted(schema)}.{quoted(row['view_name'])}", on="views")
    await cx.execute("delete from usdx.views where schema_name = $1", schema, on="views")


async def _target(cx: Connection, stream: Stream, to: int) -> tuple[int, _Target]:
    """Where the stream stands, and where it can go to."""
    row = await cx.fetchrow(
        "select start_block, block_number, final_block from usdx.cursors where stream = $1", stream.key, on="cursors"
    )
    assert row is not None, "`configured` gives only streams that have a cursor"
    begin, final = row["start_block"] - 1, row["final_block"]
    if to >= row["block_number"]:
        return row["block_number"], _Target(row["block_number"])
    known = await cx.fetchrow(
        """select block_number, block_hash from usdx.checkpoints
        where stream = $1 and block_number between $2 and $3 order by block_number desc limit 1""",
        stream.key, min(to, final), to, on="checkpoints",
    )  # fmt: skip
    if known is not None and known["block_number"] > begin:
        return row["block_number"], _Target(known["block_number"], known["block_hash"])
    return row["block_number"], _Target(max(begin, min(to, final)))


async def _lose(cx: Connection, stream: Stream, above: int, *, dry: bool) -> dict[str, int]:
    """Delete or count the stream's rows above a block."""
    chain_id = await cx.fetchval("select chain_id from usdx.chains where chain = $1", stream.chain, on="chains")
    lost = {}
    for table in stream.tables.values():
        if await cx.fetchval("select to_regclass($1)", table.qualified, on=table.name) is not None:
            lost[f"{table.schema}.{table.name}"] = await _gone(
                cx, table.qualified, "chain_id = $1 and block_number > $2", chain_id, above, dry=dry, on=table
            )
    mine = "stream = $1 and {} > $2"
    for name, column in (
        ("undecoded_logs", "block_number"),
        ("checkpoints", "block_number"),
        ("coverage", "last_block"),
    ):
        lost[f"usdx.{name}"] = await _gone(cx, f"usdx.{name}", mine.format(column), stream.key, above, dry=dry, on=name)
    return lost


async def _gone(
    cx: Connection, table: str, where: str, whose: object, above: int, *, dry: bool, on: Table | str
) -> int:
    """How many rows are deleted, or would be."""
    label = on if isinstance(on, str) else on.name
    if dry:
        return int(await cx.fetchval(f"select count(*) from {table} where {where}", whose, above, on=label))  # noqa: S608
    tag = await cx.execute(f"delete from {table} where {where}", whose, above, on=label)  # noqa: S608 -- quoted names
    return int(tag.rpartition(" ")[2])


async def _stand(cx: Connection, stream: Stream, target: _Target) -> None:
    await cx.execute(
        """update usdx.cursors set block_number = $2, block_hash = $3, block_time = $4, updated_at = now()
        where stream = $1""",
        stream.key, target.number, target.hash, target.time, on="cursors",
    )  # fmt: skip
