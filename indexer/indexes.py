"""Build the secondary indexes that a protocol wants, once its tables are full."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from indexer.errors import BadAbi
from indexer.naming import quoted, shortened
from indexer.schema import Table
from shared.db import Database

BUILD_TIMEOUT_S = 24 * 3600.0


@dataclass(frozen=True, slots=True)
class TableIndex:
    """An index of an event table."""

    table: Table
    columns: tuple[str, ...]

    @property
    def name(self) -> str:
        return shortened(f"{self.table.name}_{'_'.join(self.columns)}_idx")

    @property
    def qualified(self) -> str:
        return f"{quoted(self.table.schema)}.{quoted(self.name)}"


def indexes(tables: Iterable[Table], wanted: Iterable[tuple[str, tuple[str, ...]]]) -> tuple[TableIndex, ...]:
    """The indexes wanted, given as (event name, columns); an overloaded event gets them on each of its tables.

    Raises BadAbi for an event or a column that is not there.
    """
    known = list(tables)
    out: list[TableIndex] = []
    for event, columns in wanted:
        found = [table for table in known if table.event.name == event]
        fitting = [table for table in found if set(columns) <= set(table.column_names)]
        if not fitting:
            raise BadAbi(f"index on {event} ({', '.join(columns)}): {_there(found)}")
        out += [TableIndex(table, columns) for table in fitting]
    return tuple(out)


async def build(db: Database, wanted: Iterable[TableIndex]) -> list[str]:
    """Build what is missing without holding up writers; the names of those built now."""
    return [index.name for index in wanted if await _build(db, index)]


async def _build(db: Database, index: TableIndex) -> bool:
    async with db.connection() as cx:
        valid = await cx.fetchval(
            """select indisvalid from pg_index join pg_class on pg_class.oid = indexrelid
            join pg_namespace on pg_namespace.oid = relnamespace where nspname = $1 and relname = $2""",
            index.table.schema, index.name, on=index.table.name,
        )  # fmt: skip
        if valid:
            return False
        if valid is not None:  # a build that was cut short leaves an index that is never used
            await cx.execute(f"drop index concurrently {index.qualified}", on=index.table.name)
        columns = ", ".join(quoted(column) for column in index.columns)
        await cx.execute(
            f"create index concurrently {quoted(index.name)} on {index.table.qualified} ({columns})",
            on=index.table.name,
            timeout_s=BUILD_TIMEOUT_S,
        )
    return True


def _there(tables: list[Table]) -> str:
    if not tables:
        return "there is no such event"
    return f"{tables[0].event.name} has the columns {', '.join(tables[0].column_names)}"
