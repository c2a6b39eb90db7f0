"""Lay out the database for the streams: schemas, tables, cursors and views."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256

from indexer.annexes import settle
from indexer.drift import columns_of, examine, report
from indexer.errors import SchemaDrift, WrongChain
from indexer.naming import quoted
from indexer.schema import Drift, Table, create_table, describe, drift
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
    """Create what is missing, refuse what has drifted, and return the streams as they are to run.

    A stream to which addresses or events were added comes back as what its cursor covers and annexes for the rest; so
    does one of whose tables was gone.
    What a factory made begins anew when the factory was extended: older children may come to light.
    Raises SchemaDrift with every remedy in its message.
    """
    wanted = list(streams)
    names = {str(table) for stream in wanted for table in stream.tables.values()}
    drifted: list[tuple[str, Drift]] = []
    made: set[Table] = set()
    async with db.transaction() as cx:
        await cx.execute("select pg_advisory_xact_lock(hashtext('usdx layout'))")
        for stream in wanted:
            for table in stream.tables.values():
                found = await _table(cx, table, names)
                if found is None:
                    made.add(table)
                drifted += [(stream.key, one) for one in found or ()]
        if drifted:
            raise SchemaDrift(report(drifted))
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
    running = [stream for one in splits for stream in one.streams]
    return tuple(_under_all(stream, running) for stream in running)


def _under_all(stream: Stream, running: Sequence[Stream]) -> Stream:
    """The stream with every stream that fills its factory's table as its parents."""
    if stream.parent is None:
        return stream
    table = stream.parent.table
    keys = tuple(one.key for one in running if table in one.tables.values())
    return replace(stream, parent=replace(stream.parent, keys=keys))


async def reset(db: Database, chain_id: int, streams: Iterable[Stream]) -> None:
    """Forget all that streams have stored, so that they begin anew.

    A table that has drifted from its ABI is dropped whole, with the protocol's own views. When a second chain has rows
    in it they go, too, and that chain's stream has to be reset as well. Raises DatabaseRejected when a view made by
    somebody else stands on it.
    """
    async with db.transaction() as cx:
        await cx.execute("select pg_advisory_xact_lock(hashtext('usdx layout'))")
        for stream in streams:
            for table in stream.tables.values():
                actual = await columns_of(cx, table)
                if actual and drift(table, actual):
                    await _drop_views(cx, table.schema)
                    await cx.execute(f"drop table {table.qualified}", on=table.name)
            await _forget(cx, chain_id, stream)


async def _forget(cx: Connection, chain_id: int, stream: Stream) -> None:
    """Delete all rows of a stream and its annexes, and where they stood."""
    for table in stream.tables.values():
        if await columns_of(cx, table):
            sql = f"delete from {table.qualified} where chain_id = $1"  # noqa: S608 -- quoted names
            await cx.execute(sql, chain_id, on=table.name)
    for name in ("undecoded_logs", "cursors"):
        sql = f"delete from usdx.{name} where stream = $1 or starts_with(stream, $1 || '+')"  # noqa: S608
        await cx.execute(sql, stream.key, on=name)


async def _drop_views(cx: Connection, schema: str) -> None:
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
            await _drop_views(cx, schema)
            await _create(cx, group)
    return changed


async def _create(cx: Connection, views: Sequence[View]) -> None:
    for position, view in enumerate(views):
        await cx.execute(view.sql, on="views")
        await cx.execute(
            "insert into usdx.views (schema_name, view_name, position, digest) values ($1, $2, $3, $4)",
            view.schema, view.name, position, view.digest, on="views",
        )  # fmt: skip


async def _table(cx: Connection, table: Table, wanted: Collection[str]) -> Sequence[Drift] | None:
    """How the table differs from its event; None when it was not there and is now."""
    await cx.execute(f"create schema if not exists {quoted(table.schema)}", on=table.name)
    found = await examine(cx, table, wanted)
    if found is not None:
        return found
    await cx.execute(create_table(table), on=table.name)
    comment = await cx.fetchval("select quote_literal($1::text)", describe(table))
    await cx.execute(f"comment on table {table.qualified} is {comment}", on=table.name)
    return None
