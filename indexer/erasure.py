"""Forget all that was indexed of some chains, by what the database holds, whatever the config names by now."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from indexer.drift import columns
from indexer.layout import drop_views
from indexer.naming import quoted
from indexer.schema import META, Table
from shared.db import Connection, Database

_OURS = """
    select nspname, relname from pg_class join pg_namespace on pg_namespace.oid = relnamespace
    where relkind in ('r', 'p') and obj_description(pg_class.oid, 'pg_class') ~ '^[^ ()]*[(].*[)]( anonymous)?$'
    and (select count(*) from pg_attribute join unnest($1::text[], $2::text[]) as meta (name, type)
        on attname = name and format_type(atttypid, atttypmod) = type
        where attrelid = pg_class.oid and attnum > 0 and not attisdropped) = cardinality($1::text[])
    order by 1, 2"""
_OF_STREAMS = ("checkpoints", "coverage", "undecoded_logs")


@dataclass(frozen=True, slots=True)
class Erased:
    """Something that is forgotten, in words."""

    text: str

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class _Table:
    """A table of events. `rows` are those of the chains that are forgotten, `others` says that it holds more."""

    schema: str
    name: str
    rows: int
    others: bool

    @property
    def qualified(self) -> str:
        return f"{quoted(self.schema)}.{quoted(self.name)}"


async def erase(db: Database, chains: Collection[str], tables: Collection[Table] = (), *, dry: bool) -> list[Erased]:
    """Forget the rows, cursors, reorgs and identities of these chains, and of any that nothing was indexed of.

    Protocols whose tables held nothing else lose them, and their views: it is as before the first start. Tables of
    events are known by their shape and comment; `tables` are some more. Other chains, prices, alerts and figures stay.
    `dry` only counts. Raises DatabaseRejected when a view made by somebody else stands on a table.
    """
    async with db.transaction(readonly=dry) as cx:
        rows = await cx.fetch(
            """select chain, chain_id from usdx.chains where chain = any($1)
            or not exists (select from usdx.cursors where cursors.chain = chains.chain) order by 1""",
            list(chains), on="chains",
        )  # fmt: skip
        ids = {row[0]: row[1] for row in rows}
        if not ids:
            return []
        places = await _places(cx, tables)
        gone, kept = await _tables(cx, places, list(ids.values()), alone=await _alone(cx, list(ids)))
        found = [Erased(f"{one.schema}.{one.name}: dropped, with {one.rows} rows") for one in gone]
        some = [one for one in kept if one.rows]
        found += [Erased(f"{one.schema}.{one.name}: {one.rows} rows deleted, other chains' stay") for one in some]
        found += await _streams(cx, list(ids))
        found += [Erased(f"chain {chain}: may be another one than id {ids[chain]} then") for chain in ids]
        if not dry:
            await _drop(cx, gone)
            await _delete(cx, ids, kept)
        return found


async def remaining(db: Database, chains: Collection[str]) -> list[str]:
    """The chains in the database that are none of these and that something was indexed of."""
    async with db.connection() as cx:
        rows = await cx.fetch(
            "select distinct chain from usdx.cursors where chain <> all($1) order by 1", list(chains), on="cursors"
        )
    return [row[0] for row in rows]


async def _alone(cx: Connection, chains: Sequence[str]) -> bool:
    """Whether nothing was indexed of any other chain."""
    return not await cx.fetchval(
        "select exists (select from usdx.cursors where chain <> all($1))", list(chains), on="cursors"
    )


async def _places(cx: Connection, tables: Collection[Table]) -> list[tuple[str, str]]:
    """Schema and name of every table of events."""
    rows = await cx.fetch(_OURS, [name for name, _ in META], [kind for _, kind in META], on="pg_class")
    actual = await columns(cx, list(tables))
    return sorted({(row[0], row[1]) for row in rows} | {(one.schema, one.name) for one in tables if actual[str(one)]})


async def _tables(
    cx: Connection, places: Iterable[tuple[str, str]], ids: Sequence[int], *, alone: bool
) -> tuple[list[_Table], list[_Table]]:
    """The tables of events that go, and those that stay: views may stand on all of a schema, so it goes as a whole.

    While other chains are indexed, a schema without any row of ours may be theirs and stays.
    """
    schemas: dict[str, list[_Table]] = {}
    for schema, name in places:
        qualified = f"{quoted(schema)}.{quoted(name)}"
        rows, others = await cx.fetchrow(
            f"""select (select count(*) from {qualified} where chain_id = any($1)),
            exists (select from {qualified} where chain_id <> all($1))""",  # noqa: S608 -- quoted names
            list(ids), on=name,
        )  # fmt: skip
        schemas.setdefault(schema, []).append(_Table(schema, name, rows, others))
    gone: list[_Table] = []
    kept: list[_Table] = []
    for group in schemas.values():
        ours = not any(one.others for one in group) and (alone or any(one.rows for one in group))
        (gone if ours else kept).extend(group)
    return gone, kept


async def _streams(cx: Connection, chains: Sequence[str]) -> list[Erased]:
    """What is forgotten of streams, and how many reorgs."""
    rows = await cx.fetch(
        "select stream, chain, block_number from usdx.cursors where chain = any($1) order by 2, 1", chains, on="cursors"
    )
    found = [Erased(f"{stream} ({chain}): begins anew, stood at block {at}") for stream, chain, at in rows]
    for name in _OF_STREAMS:
        count = await cx.fetchval(
            f"select count(*) from usdx.{name} where stream = any($1)", [row[0] for row in rows], on=name  # noqa: S608
        )  # fmt: skip
        found += [Erased(f"usdx.{name}: {count} rows deleted")] if count else []
    reorgs = await cx.fetchval("select count(*) from usdx.reorgs where chain = any($1)", chains, on="reorgs")
    return found + ([Erased(f"usdx.reorgs: {reorgs} rows deleted")] if reorgs else [])


async def _drop(cx: Connection, tables: Sequence[_Table]) -> None:
    for schema in dict.fromkeys(one.schema for one in tables):
        await drop_views(cx, schema)
    for one in tables:
        await cx.execute(f"drop table {one.qualified}", on=one.name)


async def _delete(cx: Connection, ids: dict[str, int], kept: Sequence[_Table]) -> None:
    for one in kept:
        if one.rows:
            sql = f"delete from {one.qualified} where chain_id = any($1)"  # noqa: S608 -- quoted names
            await cx.execute(sql, list(ids.values()), on=one.name)
    await cx.execute(
        "delete from usdx.undecoded_logs where chain_id = any($1)", list(ids.values()), on="undecoded_logs"
    )
    for name in ("reorgs", "cursors", "chains"):  # all else of a stream goes with its cursor
        await cx.execute(f"delete from usdx.{name} where chain = any($1)", list(ids), on=name)  # noqa: S608
