"""What befalls a database: moved elsewhere, full, locked, slow, closed to us, changed by hand."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from pathlib import Path

import asyncpg
import pytest

from indexer.errors import SchemaDrift
from shared.db import Database
from shared.errors import DatabaseRejected, DatabaseUnavailable
from shared.metrics import Registry
from shared.settings import Settings
from tests.adversity.cluster import Cluster, ask, value
from tests.adversity.proxy import proxied
from tests.adversity.scene import Scene, living, scene
from tests.adversity.shop import transfer
from tests.fakes.chain import FakeChain
from tests.integration.indexer.world import Reader, token, worker

HALTED = 'usdx_indexer_halted{chain="fake"}'
RESTARTS = 'usdx_worker_task_restarts_total{task="chain fake"}'


@asynccontextmanager
async def working(folder: Path, url: str, worker_url: str | None = None, more: str = "") -> AsyncIterator[Scene]:
    """An indexer that is at its chain's head."""
    async with scene(folder, url, worker_url, more=more) as one:
        await one.start()
        await one.settle()
        yield one


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder that the owner of a server may reach, too."""
    with tempfile.TemporaryDirectory(prefix="usdx-db-") as name:
        Path(name).chmod(0o755)
        yield Path(name)


# Failover


@pytest.mark.parametrize("way", ["two hosts in the url", "one address that moves"])
async def test_failover_to_a_standby_that_lacks_the_last_commits(way: str, place: Path) -> None:
    """The primary dies, a standby that is behind is promoted: the worker finds it and fetches again what it lacks."""
    first, second = Cluster(place / "first"), Cluster(place / "second")
    await asyncio.to_thread(first.make)
    async with AsyncExitStack() as stack:
        stack.callback(first.stop)
        await asyncio.to_thread(first.start)
        await ask(first.url(), "create database usdx")
        replication = await stack.enter_async_context(proxied(first.dial()))
        await asyncio.to_thread(second.copy, f"postgresql://usdx@127.0.0.1:{replication.port}/?sslmode=disable")
        stack.callback(second.stop)
        await asyncio.to_thread(second.start)
        one_line = await stack.enter_async_context(proxied(first.dial()))
        other_line = await stack.enter_async_context(proxied(second.dial()))
        hosts = [f"127.0.0.1:{line.port}" for line in (one_line, other_line)]
        if way == "two hosts in the url":
            worker_url = f"postgresql://usdx@{','.join(hosts)}/usdx?sslmode=disable&target_session_attrs=read-write"
        else:
            worker_url = f"postgresql://usdx@{hosts[0]}/usdx?sslmode=disable"
        one = await stack.enter_async_context(working(place, first.url("usdx"), worker_url))
        await replayed(first, second)
        replication.refusing = True
        replication.cut()
        one.life.fork(3, 5)
        one.life.grow(3)
        await one.settle()
        lost = await value(first.url("usdx"), "select max(block_number) from usdx.cursors")
        await asyncio.to_thread(first.stop)
        one.url = second.url("usdx")
        if way == "one address that moves":
            one_line.dial = second.dial()  # at first it leads to a standby, which takes no writes
            await one.says("read-only transaction")
        await asyncio.to_thread(second.promote)
        kept = await value(second.url("usdx"), "select max(block_number) from usdx.cursors")
        assert isinstance(kept, int)
        assert isinstance(lost, int)
        assert kept < lost, "the standby was behind"
        async with living(one):
            await asyncio.sleep(0.5)
        await one.settle()
        assert (await one.scrape())[HALTED] == 0
        assert await one.end() == 0
        assert "Traceback" not in one.said()


async def replayed(first: Cluster, second: Cluster) -> None:
    """Wait until the standby has everything."""
    at = await value(first.url(), "select pg_current_wal_lsn()::text")
    while not await value(second.url(), f"select pg_last_wal_replay_lsn() >= '{at}'::pg_lsn"):
        await asyncio.sleep(0.02)


async def test_a_session_that_became_read_only_is_left(database_url: str) -> None:
    """Who finds that its session takes no writes any more asks for another one, which may lead elsewhere."""
    name = await value(database_url, "select current_database()")
    settings = Settings.model_validate({"database": {"url": database_url, "pool_size": 1}})
    await ask(database_url, f"alter database {name} set default_transaction_read_only = on")
    async with await Database.open(settings, Registry(), application_name="test") as db:
        with pytest.raises(DatabaseUnavailable, match="read-only"):
            await make_spoons(db)
        reset = f"begin read write; alter database {name} reset default_transaction_read_only; commit"
        await ask(database_url, reset)
        with suppress(DatabaseUnavailable):  # of a session that the pool may have begun in between
            await make_spoons(db)
            return
        await make_spoons(db)


async def make_spoons(db: Database) -> None:
    async with db.transaction() as cx:
        await cx.execute("create table spoons ()")


# No room


@contextmanager
def small_disk(folder: Path, mb: int) -> Iterator[None]:
    folder.mkdir(exist_ok=True)
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={mb}m", "tmpfs", str(folder)], capture_output=True)
    if mounted.returncode != 0:
        pytest.skip(f"a disk that can be full needs the right to mount one: {mounted.stderr.decode().strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def fill(folder: Path) -> Path:
    """Leave no byte."""
    ballast = folder / "ballast"
    with ballast.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(bytes(4096))
    return ballast


@pytest.mark.timeout(120)
async def test_full_disks(place: Path) -> None:
    """With no room for rows, or for the log that makes Postgres fall, nothing is lost and work goes on afterwards."""
    with small_disk(place / "data-disk", 96), small_disk(place / "wal-disk", 12):
        for disk in ("data-disk", "wal-disk"):
            (place / disk).chmod(0o777)
        server = Cluster(place / "data-disk" / "server", {"max_wal_size": "4MB", "min_wal_size": "2MB"})
        await asyncio.to_thread(server.make, "-X", str(place / "wal-disk" / "wal"), "--wal-segsize=1")
        try:
            await asyncio.to_thread(server.start)
            await ask(server.url(), "create database usdx")
            async with proxied(server.dial()) as line:
                worker_url = f"postgresql://usdx@127.0.0.1:{line.port}/usdx?sslmode=disable"
                async with working(place, server.url("usdx"), worker_url) as one:
                    await no_room_for_rows(one, place / "data-disk")
                    await no_room_for_the_log(one, server, place / "wal-disk")
                    assert await one.end() == 0
        finally:
            await asyncio.to_thread(server.stop)


async def no_room_for_rows(one: Scene, disk: Path) -> None:
    ballast = fill(disk)
    one.life.chain.mine(*(transfer(number) for number in range(2000)))
    one.life._note()
    await one.says("No space left on device", '"reason": "database_unavailable"')
    assert await one.differences() == []
    assert await one.probe("/healthz") == 200
    assert (await one.scrape())['usdx_indexer_step_errors_total{chain="fake",reason="database_unavailable"}'] >= 1
    ballast.unlink()
    await one.settle()


async def no_room_for_the_log(one: Scene, server: Cluster, disk: Path) -> None:
    ballast = fill(disk)
    one.life.chain.mine(*(transfer(number) for number in range(200)))
    one.life._note()
    with suppress(asyncpg.PostgresError, OSError):
        while server.alive():
            await ask(one.url, "select pg_logical_emit_message(true, '', repeat('x', 500000))")
    await one.until(lambda: not server.alive())
    assert "No space left on device" in server.words()
    ballast.unlink()
    await asyncio.to_thread(server.start)
    await one.settle()


# Locks


async def test_locks_of_others(database_url: str, tmp_path: Path) -> None:
    """Who locks a table or a cursor makes it wait; whoever loses a deadlock or a lock timeout does the step again."""
    async with working(tmp_path, database_url) as one:
        other = await asyncpg.connect(database_url)
        for what in (
            "lock table shop.token_transfer",
            "lock table usdx.cursors",
            "update usdx.cursors set chain = chain",
        ):
            async with other.transaction():
                await other.execute(what)
                one.life.grow(3)
                await waits(other)
            await one.settle()
        assert "step failed" not in one.said()

        await other.execute("set deadlock_timeout = '1h'")  # the worker is who finds it, and who loses
        async with other.transaction():
            await other.execute("lock table shop.token_transfer in exclusive mode")
            one.life.chain.mine(transfer(1))
            one.life._note()
            await waits(other)
            await other.execute("update usdx.cursors set updated_at = now()")
        await one.says('"reason": "database_conflict"', "deadlock detected")
        await one.settle()

        await other.execute("alter role usdx set lock_timeout = '100ms'")
        try:
            await other.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity "
                "where datname = current_database() and pid <> pg_backend_pid()"
            )
            async with asyncio.timeout(60):
                while (await one.scrape())[RESTARTS] != 1:
                    await asyncio.sleep(0.1)
            await one.settle()
            async with other.transaction():
                await other.execute("lock table usdx.checkpoints")
                one.life.grow(2)
                await one.says("lock timeout")
            await one.settle()
        finally:
            await other.execute("alter role usdx reset lock_timeout")
            await other.close()
        assert (await one.scrape())[HALTED] == 0
        assert await one.end() == 0


async def waits(other: asyncpg.Connection) -> None:
    """Until somebody waits for a lock of ours."""
    while not await other.fetchval(
        "select count(*) from pg_stat_activity where pg_backend_pid() = any(pg_blocking_pids(pid))"
    ):
        await asyncio.sleep(0.02)


# Slow commits


async def test_slow_commits(database_url: str, tmp_path: Path) -> None:
    """Commits that take seconds: rows stay right, and a commit that outlives its killed worker is seen by the next."""
    async with working(tmp_path, database_url) as one:
        await ask(
            database_url,
            """create function usdx.sleeps() returns trigger language plpgsql as
                $$ begin perform pg_sleep(0.25); return null; end $$;
            create constraint trigger slow after update on usdx.cursors deferrable initially deferred
                for each row execute function usdx.sleeps()""",
        )
        async with living(one):
            for _ in range(2):
                while not await value(
                    database_url, "select count(*) from pg_stat_activity where query ~* '^commit' and state = 'active'"
                ):
                    await asyncio.sleep(0.01)
                assert await one.end(signal.SIGKILL) == -signal.SIGKILL
                await one.start()
                assert await one.differences() == []
        await ask(database_url, "drop trigger slow on usdx.cursors")
        await one.settle()
        assert "halted" not in one.said()
        assert await one.end() == 0


# No connection to be had


async def test_too_many_connections(database_url: str, tmp_path: Path) -> None:
    """Refused for being one too many: at the start it says so and ends with 1, later it waits until there is room."""
    database = database_url.split("/")[3].split("?")[0]
    await ask(database_url, f"create role crowd login; grant all on database {database} to crowd")
    crowd = "alter role crowd connection limit {}; grant usdx to crowd"
    worker_url = database_url.replace("usdx@", "crowd@")
    try:
        await ask(database_url, crowd.format(0))
        async with scene(tmp_path, database_url, worker_url) as one:
            await one.start()
            assert one.process is not None
            assert await asyncio.wait_for(one.process.wait(), 60) == 1
            assert "too many connections" in one.said().splitlines()[-1]
            await ask(database_url, crowd.format(20))
            await one.start()
            await one.settle()
            await ask(database_url, crowd.format(0))
            await ask(database_url, "select pg_terminate_backend(pid) from pg_stat_activity where usename = 'crowd'")
            one.life.fork(2, 4)
            await one.says('"reason": "database_unavailable"', "too many connections")
            assert await one.probe("/healthz") == 200
            assert await one.differences() == []
            await ask(database_url, crowd.format(20))
            await one.settle()
            assert await one.end() == 0
    finally:
        await ask(database_url, "reassign owned by crowd to usdx; drop owned by crowd; drop role crowd")


# Changed by hand

ALTER = "alter table shop.token_transfer "
DRIFTS = {
    "dropped column": ("drop column value", "column value numeric\\(78,0\\) is missing"),
    "same width, other meaning": ("alter column log_index type double precision", "column log_index"),
    "bytes into text": ("alter column address type text using encode(address, 'hex')", "column address"),
    "renamed": ("rename column value to amount", "is called value in the ABI"),
    "demanding": (f"add who int not null default 0; {ALTER} alter who drop default", "demands a value"),
}


@pytest.mark.parametrize("change", DRIFTS)
async def test_no_row_enters_a_table_that_was_changed(change: str, db: Database) -> None:
    """Whatever became of the columns, the step is undone whole, with a word on what differs."""
    what, words = DRIFTS[change]
    fake = FakeChain()
    fake.mine(transfer(1))
    indexer = await worker(db, Reader(fake), token())
    await indexer.step()
    async with db.connection() as cx:
        await cx.execute(ALTER + what)
        before = await cx.fetch("select * from shop.token_transfer")
    assert before
    fake.mine(transfer(2))
    with pytest.raises(SchemaDrift, match=words):
        await indexer.step()
    async with db.connection() as cx:
        assert await cx.fetch("select * from shop.token_transfer") == before
        assert await cx.fetchval("select block_number from usdx.cursors") == 1
        await cx.execute("drop table shop.token_transfer")
    with pytest.raises(DatabaseRejected, match="does not exist"):
        await indexer.step()


async def test_a_table_changed_under_a_running_indexer(database_url: str, tmp_path: Path) -> None:
    """It halts and says why, goes on answering, and says the same at the next start."""
    async with working(tmp_path, database_url) as one:
        await ask(database_url, ALTER + "alter column block_number type double precision")
        one.life.chain.mine(transfer(5))
        one.life._note()
        await one.says('"halted"', '"reason": "schema_drift"', "column block_number")
        assert (await one.scrape())[HALTED] == 1
        assert await one.probe("/healthz") == 200
        assert await one.end() == 0
        await one.start()
        assert one.process is not None
        assert await asyncio.wait_for(one.process.wait(), 60) == 1
        assert "column block_number" in one.said().rpartition("usdx: ")[2]
