"""Laws of the database border."""

from __future__ import annotations

import pytest

from shared.db import Database
from shared.errors import DatabaseRejected
from shared.metrics import Registry


async def test_statements_are_counted_by_operation_and_table(db: Database, registry: Registry) -> None:
    """Each statement is one count and one duration, under its first word and the caller's table."""
    async with db.connection() as cx:
        await cx.execute("create table t (n int)", on="t")
        await cx.fetchval("select count(*) from t", on="t")
        await cx.fetchval("select count(*) from t", on="t")
    assert registry.value("usdx_db_queries_total", operation="select", table="t") == 2
    assert registry.value("usdx_db_query_duration_seconds_count", operation="create", table="t") == 1


async def test_a_failed_transaction_leaves_nothing(db: Database) -> None:
    """An error inside a transaction undoes all of it."""
    async with db.connection() as cx:
        await cx.execute("create table t (n int)")

    async def fail() -> None:
        async with db.transaction() as cx:
            await cx.execute("insert into t values (1)")
            await cx.execute("select * from nowhere")

    with pytest.raises(DatabaseRejected, match='"nowhere"'):
        await fail()
    async with db.connection() as cx:
        assert await cx.fetchval("select count(*) from t") == 0
