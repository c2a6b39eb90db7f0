"""Refuse to write into tables that somebody changed since they were laid out."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from indexer.errors import SchemaDrift
from indexer.schema import Table, drift
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
