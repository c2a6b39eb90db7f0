"""Compare tables as they are with what their events want, and refuse to write into those that were changed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence

from indexer.errors import SchemaDrift
from indexer.naming import quoted
from indexer.occupants import misplaced
from indexer.schema import Drift, Table, describe, drift
from shared.db import Connection

Columns = list[tuple[str, str, bool]]


async def refuse_drifted(cx: Connection, tables: Iterable[Table]) -> None:
    """Raise SchemaDrift unless every table is as its event wants it; then it stays so until the transaction ends.

    A binary COPY into a column of another type may succeed and store something else, so nothing is copied unseen.
    """
    wanted = sorted(tables, key=str)
    if not wanted:
        return
    await cx.execute(f"lock table {', '.join(one.qualified for one in wanted)} in row exclusive mode")
    actual = await columns(cx, wanted)
    problems = [found for one in wanted for found in drift(one, actual[str(one)])]
    if problems:
        told = "; ".join(f"{one.table}: {one.problem}" + (f" ({one.remedy})" if one.remedy else "") for one in problems)
        raise SchemaDrift(f"a table was changed while it was being filled, and nothing was written: {told}")


async def columns(cx: Connection, tables: Sequence[Table]) -> dict[str, Columns]:
    """The columns of tables as they are: name, type and whether a value must be given, in their order."""
    rows = await cx.fetch(
        """select nspname || '.' || relname as of, attname, format_type(atttypid, atttypmod),
            attnotnull and not atthasdef and attidentity = ''
        from unnest($1::text[], $2::text[]) as wanted (schema, name)
        join pg_namespace on nspname = wanted.schema
        join pg_class on relnamespace = pg_namespace.oid and relname = wanted.name
        join pg_attribute on attrelid = pg_class.oid and attnum > 0 and not attisdropped
        order by 1, attnum""",
        [one.schema for one in tables], [one.name for one in tables], on="pg_attribute",
    )  # fmt: skip
    found: dict[str, Columns] = defaultdict(list)
    for of, *column in rows:
        found[of].append((column[0], column[1], column[2]))
    return found


async def columns_of(cx: Connection, table: Table) -> Columns:
    """The columns of one table as they are; none when it is not there."""
    return (await columns(cx, [table]))[str(table)]


async def misfits(cx: Connection, tables: Iterable[Table]) -> list[Table]:
    """Those of the tables that are there and differ from their events, or hold others."""
    found = await _differences(cx, list(dict.fromkeys(tables)))
    return [table for table, differences in found.items() if differences]


async def examine(cx: Connection, wanted: Iterable[Table]) -> dict[Table, Sequence[Drift] | None]:
    """How each table differs from its event; None for one that is not there. `wanted` are all tables of the config."""
    tables = list(dict.fromkeys(wanted))
    found, names = await _differences(cx, tables), {str(table) for table in tables}
    return {table: found[table] if table in found else await _renamed(cx, table, names) for table in tables}


async def _differences(cx: Connection, tables: Sequence[Table]) -> dict[Table, Sequence[Drift]]:
    """How those of the tables that are there differ."""
    actual = await columns(cx, tables)
    there = [table for table in tables if actual[str(table)]]
    others = misplaced(tables, await _comments(cx, there))
    return {table: [others[table]] if table in others else drift(table, actual[str(table)]) for table in there}


async def _comments(cx: Connection, tables: Sequence[Table]) -> dict[str, str | None]:
    rows = await cx.fetch(
        """select nspname || '.' || relname, obj_description(pg_class.oid, 'pg_class')
        from unnest($1::text[], $2::text[]) as wanted (schema, name)
        join pg_namespace on nspname = wanted.schema
        join pg_class on relnamespace = pg_namespace.oid and relname = wanted.name""",
        [one.schema for one in tables], [one.name for one in tables], on="pg_class",
    )  # fmt: skip
    return {row[0]: row[1] for row in rows}


async def _renamed(cx: Connection, table: Table, wanted: Collection[str]) -> Sequence[Drift] | None:
    former = await _former(cx, table, wanted)
    if former is None:
        return None
    remedy = f"ALTER TABLE {quoted(table.schema)}.{quoted(former)} RENAME TO {quoted(table.name)};"
    return [Drift(str(table), f"its rows are in {former}, as it was called before", remedy)]


def report(drifted: Sequence[tuple[str, Drift]]) -> str:
    """What to do about streams' tables that drifted, each with its remedy."""
    told: dict[str, dict[str, None]] = {}
    for stream, one in drifted:
        remedy = one.remedy or f"usdx backfill --reindex {stream}"
        told.setdefault(remedy, {})[f"{one.table}: {one.problem}"] = None
    lines = ["\n  ".join(problems) + f"\n    {remedy}" for remedy, problems in told.items()]
    return "tables no longer fit their ABI; what mends it follows each\n  " + "\n  ".join(lines)


async def _former(cx: Connection, table: Table, wanted: Collection[str]) -> str | None:
    """The table that held the event until an overload of it came or went, which changes the names of both."""
    rows = await cx.fetch(
        """select relname from pg_class join pg_namespace on pg_namespace.oid = relnamespace
        where nspname = $1 and relkind in ('r', 'p') and obj_description(pg_class.oid, 'pg_class') = $2""",
        table.schema, describe(table), on=table.name,
    )  # fmt: skip
    names = [row[0] for row in rows if f"{table.schema}.{row[0]}" not in wanted]
    return next((one for one in names if one.startswith(f"{table.name}_") or table.name.startswith(f"{one}_")), None)
