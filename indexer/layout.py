"""Lay out the database for the streams: schemas, tables, cursors and views."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256

from indexer.annexes import as_settled, settle
from indexer.drift import columns_of, examine, report
from indexer.errors import SchemaDrift, WrongChain
from indexer.naming import quoted
from indexer.schema import Table, create_table, describe
from indexer.scopes import Split
from indexer.streams import Stream
from shared.db import Connection, Database


@dataclass(frozen=True, slots=True)
class View:
    """One view of a protocol: its whole CREATE VIEW statement, in the order of its file."""

    schema: str
    name: str
    sql: str

    @property
    def digest(self) -> bytes:
        return sha256(self.sql.encode()).digest()


async def claim_chain(db: Database, chain: str, chain_id: int, genesis: bytes) -> None:
    """Remember which chain this name stands for. Raises WrongChain when the database holds another one."""
    async with db.transaction() as cx:
        await cx.execute(
            "insert into usdx.chains (chain, chain_id, genesis_hash) values ($1, $2, $3) on conflict do nothing",
            chain, chain_id, genesis, on="chains",
        )  # fmt: skip
        row = await cx.fetchrow("select chain_id, genesis_hash from usdx.chains where chain = $1", chain, on="chains")
    if row is None:
        raise WrongChain(f"chain id {chain_id} is in this database already, under another name than {chain!r}")
    if (row["chain_id"], row["genesis_hash"]) != (chain_id, genesis):
        raise WrongChain(
            f"in this database chain {chain!r} has id {row['chain_id']} and genesis 0x{row['genesis_hash'].hex()[:16]}…"
            f", but its endpoint serves id {chain_id} and genesis 0x{genesis.hex()[:16]}…"
        )


async def known_starts(db: Database) -> dict[str, int]:
    """The first block of every stream that the database knows."""
    async with db.connection() as cx:
        rows = await cx.fetch("select stream, start_block from usdx.cursors", on="cursors")
    return {row["stream"]: row["start_block"] for row in rows}


async def prepare(db: Database, streams: Iterable[Stream]) -> tuple[Stream, ...]:
    """Create what is missing, refuse what has drifted, and return the streams as they are to run. Needs the lease.

    A stream to which addresses or events were added comes back as what its cursor covers and annexes for the rest; so
    does one of whose tables was gone.
    What a factory made begins anew when the factory was extended: older children may come to light.
    Raises SchemaDrift with every remedy in its message.
    """
    wanted = list(streams)
    async with db.transaction() as cx:
        await cx.execute("select pg_advisory_xact_lock(hashtext('usdx layout'))")
        made = await _missing(cx, wanted)
        for table in made:
            await _create_table(cx, table)
        ids = dict(await cx.fetch("select chain, chain_id from usdx.chains", on="chains"))
        extended: set[str] = set()
        splits: list[Split] = []
        for stream in wanted:  # factories come before what they make
            if stream.parent is not None and extended.intersection(stream.parent.keys):
                await _forget(cx, ids[stream.chain], stream)
            new = [event for event, table in stream.tables.items() if table in made]
            splits.append(await settle(cx, ids[stream.chain], stream, new))
            if splits[-1].fresh:
                extended.add(stream.key)
    return _linked([stream for one in splits for stream in one.streams])


async def laid_out(db: Database, streams: Iterable[Stream]) -> tuple[Stream, ...]:
    """The streams as `prepare` last laid them out, without those that it has not; nothing is changed.

    Raises SchemaDrift when a table has drifted or is gone, and ConfigError when they were laid out for another config.
    """
    wanted = list(streams)
    async with db.transaction("repeatable_read", readonly=True) as cx:
        gone = await _missing(cx, wanted)
        running = [one for stream in wanted for one in await as_settled(cx, stream)]
    if lost := sorted(str(table) for one in running for table in one.tables.values() if table in gone):
        raise SchemaDrift(f"{', '.join(lost)}: not there; the next start of the indexer makes and fills it again")
    return _linked(running)


async def refuse_unfit(db: Database, streams: Iterable[Stream]) -> None:
    """Raise SchemaDrift, with every remedy in its message, when a table does not fit its event."""
    async with db.connection() as cx:
        await _missing(cx, list(streams))


async def _missing(cx: Connection, streams: Sequence[Stream]) -> list[Table]:
    """The tables that are not there. Raises SchemaDrift."""
    found = await examine(cx, [table for stream in streams for table in stream.tables.values()])
    drifted = [
        (stream.key, one) for stream in streams for table in stream.tables.values() for one in found[table] or ()
    ]
    if drifted:
        raise SchemaDrift(report(drifted))
    return [table for table, differences in found.items() if differences is None]


def _linked(running: Sequence[Stream]) -> tuple[Stream, ...]:
    """The streams, each with every stream that fills its factory's table as its parents."""
    return tuple(
        one
        if one.parent is None
        else replace(one, parent=replace(one.parent, keys=tuple(_filling(one.parent.table, running))))
        for one in running
    )


def _filling(table: Table, running: Sequence[Stream]) -> list[str]:
    return [one.key for one in running if table in one.tables.values()]


async def _forget(cx: Connection, chain_id: int, stream: Stream) -> None:
    """Delete all rows of a stream and its annexes, and where they stood."""
    for table in stream.tables.values():
        if await columns_of(cx, table):
            sql = f"delete from {table.qualified} where chain_id = $1"  # noqa: S608 -- quoted names
            await cx.execute(sql, chain_id, on=table.name)
    for name in ("undecoded_logs", "cursors"):
        sql = f"delete from usdx.{name} where stream = $1 or starts_with(stream, $1 || '+')"  # noqa: S608
        await cx.execute(sql, stream.key, on=name)


async def drop_views(cx: Connection, schema: str) -> None:
    """Drop a protocol's own views. Raises DatabaseRejected when somebody else's stands on one."""
    rows = await cx.fetch(
        "select view_name from usdx.views where schema_name = $1 order by position desc", schema, on="views"
    )
    for row in rows:
        await cx.execute(f"drop view if exists {quoted(schema)}.{quoted(row['view_name'])}", on="views")
    await cx.execute("delete from usdx.views where schema_name = $1", schema, on="views")


async def create_views(db: Database, views: Sequence[View]) -> bool:
    """Make the views be as written, in their order; True when something changed.

    When any text changed, all views of that schema are dropped and created again within one transaction: they may
    stand on each other, and nobody sees the moment between. A view that a user made on top of one stops the change.
    """
    wanted: dict[str, list[View]] = {}
    for view in views:
        wanted.setdefault(view.schema, []).append(view)
    changed = False
    async with db.transaction() as cx:
        await cx.execute("select pg_advisory_xact_lock(hashtext('usdx layout'))")
        for schema, group in wanted.items():
            known = await cx.fetch(
                "select view_name, digest from usdx.views where schema_name = $1 order by position", schema, on="views"
            )
            if [tuple(row) for row in known] == [(view.name, view.digest) for view in group]:
                continue
            changed = True
            await drop_views(cx, schema)
            await _create(cx, group)
    return changed


async def _create(cx: Connection, views: Sequence[View]) -> None:
    for position, view in enumerate(views):
        await cx.execute(view.sql, on="views")
        await cx.execute(
            "insert into usdx.views (schema_name, view_name, position, digest) values ($1, $2, $3, $4)",
            view.schema, view.name, position, view.digest, on="views",
        )  # fmt: skip


async def _create_table(cx: Connection, table: Table) -> None:
    await cx.execute(f"create schema if not exists {quoted(table.schema)}", on=table.name)
    await cx.execute(create_table(table), on=table.name)
    comment = await cx.fetchval("select quote_literal($1::text)", describe(table))
    await cx.execute(f"comment on table {table.qualified} is {comment}", on=table.name)
