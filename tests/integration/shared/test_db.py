"""Laws of the database border."""

from __future__ import annotations

import asyncio
import gc
import struct
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from shared import migrate
from shared.db import Connection, Database, address_of, operation_of, watch
from shared.db_errors import translate
from shared.errors import (
    ConfigError,
    DatabaseConflict,
    DatabaseRejected,
    DatabaseTimeout,
    DatabaseUnavailable,
    SchemaMismatch,
    UsdxError,
)
from shared.health import Health
from shared.metrics import Registry
from shared.runtime import Stop
from shared.settings import Settings
from tests.fakes.clock import Hands


async def _make_table(db: Database) -> None:
    async with db.connection() as cx:
        await cx.execute("create table public.t (n int primary key, word text)")


async def _count(db: Database) -> int:
    async with db.connection() as cx:
        return int(await cx.fetchval("select count(*) from public.t"))


async def test_statements_are_counted_by_operation_and_table(db: Database, registry: Registry) -> None:
    """Each statement is one count and one duration, under its first word and the caller's table."""
    async with db.connection() as cx:
        await cx.execute("create table public.t (n int)", on="t")
        await cx.fetchval("select count(*) from public.t", on="t")
        await cx.fetchrow("select count(*) from public.t", on="t")
        await cx.fetch("select * from public.t")
        await cx.executemany("insert into public.t values ($1)", [(1,), (2,)], on="t")
    for operation, table, count in (("create", "t", 1), ("select", "t", 2), ("select", "none", 1), ("insert", "t", 1)):
        labels = {"operation": operation, "table": table}
        assert registry.value("usdx_db_queries_total", **labels) == count
        assert registry.value("usdx_db_query_duration_seconds_count", **labels) == count


@pytest.mark.parametrize(
    ("sql", "operation"),
    [
        ("select 1", "select"),
        ("  \n INSERT into x", "insert"),
        ("-- why\n-- and how\nupdate t", "update"),
        ("with x as (select 1) delete", "with"),
        ("vacuum", "other"),
        ("", "other"),
        ("/* hint */ select 1", "other"),
    ],
)
def test_the_operation_is_the_first_word(sql: str, operation: str) -> None:
    """From a closed set, so that it can be a label."""
    assert operation_of(sql) == operation


async def test_series_can_start_at_zero(db: Database, registry: Registry) -> None:
    """What a room will do is visible before it does it, its errors too."""
    db.start_series("insert", "quotes")
    assert registry.value("usdx_db_queries_total", operation="insert", table="quotes") == 0
    for kind in ("unavailable", "timeout", "conflict", "rejected"):
        assert registry.value("usdx_db_errors_total", operation="insert", kind=kind) == 0


async def test_copy_of_records(db: Database, registry: Registry) -> None:
    """Rows of Python values arrive, and are counted as a copy."""
    await _make_table(db)
    async with db.transaction() as cx:
        assert await cx.copy_records("public", "t", ["n", "word"], [(1, "a"), (2, None)]) == 2
    assert await _count(db) == 2
    assert registry.value("usdx_db_queries_total", operation="copy", table="t") == 1


async def test_copy_of_binary(db: Database) -> None:
    """Bytes in Postgres's own format arrive."""
    await _make_table(db)
    row = struct.pack("!hi", 2, 4) + struct.pack("!i", 7) + struct.pack("!i", 1) + b"x"
    body = b"PGCOPY\n\xff\r\n\0" + struct.pack("!ii", 0, 0) + row + struct.pack("!h", -1)
    async with db.transaction() as cx:
        assert await cx.copy_binary("public", "t", ["n", "word"], body, on="label") == 1
        assert dict(await cx.fetchrow("select * from public.t")) == {"n": 7, "word": "x"}


async def test_rows_can_be_streamed(db: Database) -> None:
    """A large result comes row by row."""
    async with db.transaction(readonly=True) as cx:
        seen = [row[0] async for row in cx.stream("select * from generate_series(1, $1::int)", 2500, prefetch=100)]
    assert seen == list(range(1, 2501))


async def test_a_failed_transaction_leaves_nothing(db: Database) -> None:
    """An error inside a transaction undoes all of it."""
    await _make_table(db)

    async def fail() -> None:
        async with db.transaction() as cx:
            await cx.execute("insert into public.t values (1)")
            await cx.execute("select * from nowhere")

    with pytest.raises(DatabaseRejected, match='"nowhere"'):
        await fail()
    assert await _count(db) == 0


async def test_a_cancelled_transaction_leaves_nothing(db: Database) -> None:
    """Cancellation in mid-step is an error like any other; the connection goes back whole."""
    await _make_table(db)
    inside = asyncio.Event()

    async def step() -> None:
        async with db.transaction() as cx:
            await cx.execute("insert into public.t values (1)")
            inside.set()
            await cx.execute("select pg_sleep(60)")

    for _ in range(20):  # more often than the pool has connections
        inside.clear()
        task = asyncio.create_task(step())
        await inside.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert await _count(db) == 0


async def test_who_is_cancelled_while_giving_back_leaves_no_traceback(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A connection that breaks while it is reset is dropped in silence, even when its borrower no longer listens."""
    giving, cut, said = asyncio.Event(), asyncio.Event(), list[str]()
    monkeypatch.setattr(db, "_pool", pool := _Breaking(db._pool, giving, cut))
    asyncio.get_running_loop().set_exception_handler(lambda _, context: said.append(context["message"]))

    async def borrow() -> None:
        async with db.connection():
            pass

    borrower = asyncio.create_task(borrow())
    await giving.wait()
    borrower.cancel()
    await asyncio.wait([borrower])
    assert borrower.cancelled()
    cut.set()
    while not pool.broken:
        await asyncio.sleep(0)
    await asyncio.sleep(0.01)
    gc.collect()
    assert not said


@dataclass
class _Breaking:
    """A pool whose connections break, when told so, while they are given back."""

    inner: Any
    giving: asyncio.Event
    cut: asyncio.Event
    broken: bool = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    async def release(self, raw: Any) -> None:
        self.giving.set()
        await self.cut.wait()
        await self.inner.release(raw)
        self.broken = True
        raise asyncpg.ConnectionDoesNotExistError("connection was closed in the middle of operation")


async def test_a_readonly_transaction_writes_nothing(db: Database) -> None:
    """The server refuses."""
    await _make_table(db)

    async def write() -> None:
        async with db.transaction(readonly=True) as cx:
            await cx.execute("insert into public.t values (1)")

    with pytest.raises(UsdxError, match="read-only"):
        await write()


async def test_a_snapshot_sees_one_moment(db: Database) -> None:
    """Repeatable read shows the same rows all the time."""
    await _make_table(db)
    async with db.transaction(isolation="repeatable_read", readonly=True) as snapshot:
        assert await snapshot.fetchval("select count(*) from public.t") == 0
        async with db.transaction() as other:
            await other.execute("insert into public.t values (1)")
        assert await snapshot.fetchval("select count(*) from public.t") == 0
    assert await _count(db) == 1


async def test_a_statement_is_bounded_in_time(db: Database, registry: Registry) -> None:
    """The server itself stops a statement that runs too long."""

    async def sleep() -> None:
        async with db.transaction(timeout_s=0.05) as cx:
            await cx.execute("select pg_sleep(60)")

    with pytest.raises(DatabaseTimeout):
        await sleep()
    assert registry.value("usdx_db_errors_total", operation="select", kind="timeout") == 1
    async with db.connection() as cx:
        assert await cx.fetchval("show statement_timeout") == "0"


async def test_conflicts_are_told_apart(db: Database) -> None:
    """Two serializable transactions that cross: one of them is told to run again."""
    await _make_table(db)

    async def cross(first: Connection) -> None:
        await first.fetchval("select count(*) from public.t")
        async with db.transaction(isolation="serializable") as second:
            await second.fetchval("select count(*) from public.t")
            await second.execute("insert into public.t values (1)")
        await first.execute("insert into public.t values (2)")

    async def step() -> None:
        async with db.transaction(isolation="serializable") as first:
            await cross(first)

    with pytest.raises(DatabaseConflict):
        await step()


Act = Callable[[Connection], Coroutine[None, None, object]]


@pytest.mark.parametrize(
    ("act", "words"),
    [
        (lambda cx: cx.execute("selekt 1"), "syntax error"),
        (lambda cx: cx.fetch("select $1::int", "x"), "invalid input"),
        (lambda cx: cx.fetch("select $1::int"), "expects 1 argument"),
        (
            lambda cx: cx.execute("insert into public.t values (1), (1)"),
            r"duplicate key .*; DETAIL:  Key \(n\)=\(1\) already exists",
        ),
        (lambda cx: cx.copy_records("public", "nowhere", ["n"], [(1,)]), "nowhere"),
        (lambda cx: cx.copy_binary("public", "t", ["n"], b"rubbish"), "COPY file signature"),
    ],
)
async def test_what_is_wrong_is_rejected(db: Database, act: Act, words: str) -> None:
    """Statement, arguments and data that cannot be right are permanent errors, in Postgres's words."""
    await _make_table(db)
    async with db.connection() as cx:
        with pytest.raises(DatabaseRejected, match=words):
            await act(cx)
        assert await cx.fetchval("select 1") == 1


async def test_a_lost_connection_is_unavailable_and_replaced(db: Database, registry: Registry) -> None:
    """After the server cut a connection off, the next one works."""

    async def suicide() -> None:
        async with db.transaction() as cx:
            await cx.execute("select pg_terminate_backend(pg_backend_pid())")

    with pytest.raises(DatabaseUnavailable):
        await suicide()
    await db.probe()
    assert registry.value("usdx_db_errors_total", operation="select", kind="unavailable") == 1
    assert registry.value("usdx_db_errors_total", operation="rollback", kind="unavailable") == 1


async def test_a_connection_lost_between_two_statements_is_unavailable(db: Database) -> None:
    """What is asked next is the same outage, to be waited out, although the pool has taken the connection back."""

    async def interrupted() -> None:
        async with db.transaction() as cx:
            pid = await cx.fetchval("select pg_backend_pid()")
            lost = asyncio.Event()
            cx.raw.add_termination_listener(lambda _: lost.set())
            async with db.connection() as other:
                await other.execute("select pg_terminate_backend($1)", pid)
            await asyncio.wait_for(lost.wait(), 60)
            await cx.execute("select 1")

    with pytest.raises(DatabaseUnavailable, match="is closed"):
        await interrupted()


async def test_a_snapshot_that_cannot_be_closed_is_counted(db: Database, registry: Registry) -> None:
    """What its body failed of is what the caller hears; the commit that failed, too, is counted."""
    with pytest.raises(DatabaseUnavailable, match="terminating connection"):
        async with db.snapshot(5.0) as cx:
            await cx.execute("select pg_terminate_backend(pg_backend_pid())")
    assert registry.value("usdx_db_errors_total", operation="select", kind="unavailable") == 1
    assert registry.value("usdx_db_errors_total", operation="commit", kind="unavailable") == 1


async def test_a_connection_that_cannot_be_had_is_counted(db: Database, registry: Registry) -> None:
    """An outage is seen in the errors although no statement is sent; its series exists at 0 before."""
    assert registry.value("usdx_db_errors_total", operation="connect", kind="unavailable") == 0
    await db._pool.close()
    for _ in range(2):
        with pytest.raises(DatabaseUnavailable):
            await db.probe()
    assert registry.value("usdx_db_errors_total", operation="connect", kind="unavailable") == 2
    assert registry.value("usdx_db_queries_total", operation="connect", table="none") is None


async def test_nobody_there(settings: Settings, registry: Registry) -> None:
    """A refused connection names the address without the password."""
    nowhere = {"url": "postgresql://usdx:hunter2@127.0.0.1:1/usdx"}
    with pytest.raises(DatabaseUnavailable, match=r"database 127\.0\.0\.1:1/usdx: ") as caught:
        await Database.open(Settings.model_validate({"database": nowhere}), registry)
    assert "hunter2" not in str(caught.value)


async def test_a_missing_database_is_rejected(postgres: object, settings: Settings, registry: Registry) -> None:
    """A login or database that Postgres does not know cannot get better by waiting."""
    assert settings.database.url is not None
    url = settings.database.url.get_secret_value().replace("/test_", "/nowhere_")
    with pytest.raises(DatabaseRejected, match="does not exist"):
        await Database.open(Settings.model_validate({"database": {"url": url}}), registry)


async def test_a_malformed_url_is_our_error(registry: Registry) -> None:
    """What the driver cannot read is refused in our own words."""
    url = "postgresql://db:port/usdx"
    with pytest.raises(ConfigError, match="db:port/usdx cannot be read"):
        await Database.open(Settings.model_validate({"database": {"url": url}}), registry)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://usdx:hunter2@db.example:5432/usdx?sslmode=require", "db.example:5432/usdx"),
        ("postgres://db/usdx", "db/usdx"),
        ("postgresql://u:p@a:1,b:2/usdx", "a:1,b:2/usdx"),
        ("postgresql://usdx@/usdx?host=%2Frun", "local socket/usdx"),
        ("postgresql://[::1]:5432", "[::1]:5432"),
        ("rubbish", "of unknown address"),
    ],
)
def test_what_is_shown_of_a_url(url: str, shown: str) -> None:
    """Hosts and database, never user or password."""
    assert address_of(url) == shown


async def test_the_pool_is_visible(db: Database, registry: Registry) -> None:
    """Connections by state, the limit, and how long one waits for one."""
    async with db.connection(), db.connection():
        assert registry.value("usdx_db_pool_connections", state="used") == 2
    assert registry.value("usdx_db_pool_connections", state="used") == 0
    assert registry.value("usdx_db_pool_connections", state="idle") == 2
    assert registry.value("usdx_db_pool_max_connections") == 8
    assert registry.value("usdx_db_pool_acquire_duration_seconds_count") == 2


async def test_a_closed_pool_is_no_longer_visible(settings: Settings, registry: Registry) -> None:
    """A gauge without truth is absent."""
    async with await Database.open(settings, registry):
        pass
    assert registry.value("usdx_db_pool_connections", state="idle") is None


async def test_sessions_are_named_and_in_utc(db: Database) -> None:
    """Who looks at pg_stat_activity sees whose sessions these are."""
    async with db.connection() as cx:
        assert await cx.fetchval("show application_name") == "test"
        assert await cx.fetchval("show timezone") == "UTC"


async def test_closing_cuts_off_who_is_busy(settings: Settings, registry: Registry) -> None:
    """A statement that does not end holds no process up."""
    db = await Database.open(settings, registry)
    inside = asyncio.Event()

    async def busy() -> None:
        async with db.connection() as cx:
            inside.set()
            await cx.execute("select pg_sleep(60)")

    task = asyncio.create_task(busy())
    await inside.wait()
    await asyncio.wait_for(db.close(), 60)
    with pytest.raises(DatabaseUnavailable):
        await task


async def test_the_watch_tells_the_truth(db: Database, registry: Registry) -> None:
    """While Postgres answers, the check `postgres` is good; when it stops answering, bad, with the reason."""
    health, stop = Health(registry, Hands().clock()), Stop()
    watching = asyncio.create_task(watch(db, health, stop, period_s=0.01))

    async def until(up: int) -> None:
        while registry.value("usdx_dependency_up", dependency="postgres") != up and not watching.done():
            await asyncio.sleep(0.01)

    await asyncio.wait_for(until(1), 150)
    assert health.ready
    await db._pool.close()
    await asyncio.wait_for(until(0), 150)
    assert not health.ready
    assert "the connection is closed" in health.checks()["postgres"].detail
    stop.set()
    await asyncio.wait_for(watching, 60)


def test_errors_of_the_operating_system_are_translated() -> None:
    """A reset or refused connection is the database being away."""
    assert isinstance(translate(ConnectionResetError(104, "reset"), "db"), DatabaseUnavailable)
    assert isinstance(translate(TimeoutError(), "db"), DatabaseUnavailable)


async def test_migrating_twice_does_nothing(db: Database) -> None:
    """The template was migrated; nothing is pending."""
    assert await db.migrate() == ()


async def test_processes_that_migrate_at_once_wait_for_each_other(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Of several processes one applies a migration, the others see it applied."""
    assert settings.database.url is not None
    ours = migrate.known()
    new = migrate.Migration(999, "999_slow", "select pg_sleep(0.2); create table usdx.slow (n int)")
    monkeypatch.setattr(migrate, "known", lambda: (*ours, new))

    async def one() -> tuple[str, ...]:
        async with await Database.open(settings, Registry()) as db:
            return await db.migrate()

    done = await asyncio.gather(*(one() for _ in range(4)))
    assert sorted(done) == [(), (), (), ("999_slow",)]


async def test_a_failed_migration_leaves_the_old_schema(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """All pending migrations, or none."""
    good = migrate.Migration(998, "998_good", "create table usdx.good (n int)")
    bad = migrate.Migration(999, "999_bad", "create table usdx.bad (n nonsense)")
    ours = migrate.known()
    monkeypatch.setattr(migrate, "known", lambda: (*ours, good, bad))
    with pytest.raises(DatabaseRejected, match="nonsense"):
        await db.migrate()
    async with db.connection() as cx:
        assert await cx.fetchval("select to_regclass('usdx.good')") is None


async def test_a_newer_schema_is_refused(db: Database) -> None:
    """An old version does not work on a schema from the future."""
    async with db.transaction() as cx:
        await cx.execute("insert into usdx.migrations (number, name, sha256) values (999, '999_future', '')")
    with pytest.raises(SchemaMismatch, match="999_future"):
        await db.migrate()


async def test_a_snapshot_sees_one_moment_and_cannot_write(db: Database) -> None:
    """What is committed meanwhile is not seen; a write is refused; an error, a timeout or a cancelled task leaves a
    connection that works."""
    async with db.connection() as cx:
        await cx.execute("create table kept (n int)")
    async with db.snapshot(1.0) as reading:
        assert await reading.fetchval("select count(*) from kept") == 0
        async with db.connection() as cx:
            await cx.execute("insert into kept values (1)")
        assert await reading.fetchval("select count(*) from kept") == 0
    with pytest.raises(DatabaseUnavailable, match="read-only"):
        async with db.snapshot(1.0) as reading:
            await reading.execute("insert into kept values (2)")
    with pytest.raises(DatabaseTimeout):
        async with db.snapshot(0.05) as reading:
            await reading.execute("select pg_sleep(10)")

    async def slow() -> None:
        async with db.snapshot(10.0) as reading:
            await reading.execute("select pg_sleep(10)")

    with pytest.raises(TimeoutError):
        await asyncio.wait_for(slow(), 0.1)
    async with db.snapshot(1.0) as reading:
        assert await reading.fetchval("select count(*) from kept") == 1
        assert await reading.fetchval("show statement_timeout") == "1s"
    async with db.connection() as cx:
        assert await cx.fetchval("show statement_timeout") == "0"
        assert await cx.fetchval("show transaction_read_only") == "off"
