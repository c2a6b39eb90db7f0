"""Laws of leases."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from shared.db import Database
from shared.errors import LeaseLost
from shared.lease import lease, mark
from shared.metrics import Registry
from shared.runtime import Stop, run
from shared.settings import Settings

ROOT = Path(__file__).parents[3]
HOLDER = """
import asyncio, sys
from shared.db import Database
from shared.lease import lease
from shared.metrics import Registry
from shared.settings import Settings

async def main():
    async with await Database.open(Settings.model_validate({"database": {"url": sys.argv[1]}}), Registry()) as db:
        async with lease(db, "wexel/vault"):
            print("held", flush=True)
            await asyncio.sleep(600)

asyncio.run(main())
"""


@asynccontextmanager
async def _holder(url: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """Another process that holds the lease of wexel/vault."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-c", HOLDER, url),
        stdout=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )
    try:
        assert process.stdout is not None
        assert await process.stdout.readline() == b"held\n"
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def _lease_connections(db: Database) -> list[int]:
    async with db.connection() as cx:
        rows = await cx.fetch(
            """select pid from pg_stat_activity
            where application_name like 'usdx lease%' and datname = current_database()"""
        )
    return [row["pid"] for row in rows]


async def test_two_never_hold_it_at_once(settings: Settings) -> None:
    """However many ask, one works on the stream at a time, and everybody's turn comes."""
    inside, most, turns = 0, 0, 0

    async def work() -> None:
        nonlocal inside, most, turns
        async with await Database.open(settings, Registry()) as db, lease(db, "wexel/vault"):
            inside += 1
            most = max(most, inside)
            await asyncio.sleep(0.05)
            turns += 1
            inside -= 1

    await asyncio.gather(*(work() for _ in range(5)))
    assert (most, turns, inside) == (1, 5, 0)


async def test_the_next_holder_does_not_wait_for_the_last(db: Database, settings: Settings) -> None:
    """Who got stuck in the midst of a COPY is ended by the next holder of the lease, at once or when it is met later;
    our own sessions and those under other leases are left alone."""
    async with db.connection() as cx:
        await cx.execute("create table public.t (n int primary key); create table public.more (n int)")

    @asynccontextmanager
    async def stuck(last: Database, key: str, number: int) -> AsyncIterator[asyncio.Task[None]]:
        copying, never = asyncio.Event(), asyncio.Event()

        async def source() -> AsyncIterator[bytes]:
            yield b"1\n"
            copying.set()
            await never.wait()

        async def write() -> None:
            async with last.transaction() as cx:
                await mark(cx, last, key)
                await cx.execute("insert into public.t values ($1)", number)
                await cx.raw.copy_to_table("more", schema_name="public", source=source())

        task = asyncio.create_task(write())
        await copying.wait()
        try:
            yield task
        finally:
            never.set()
            await asyncio.wait({task})
            task.exception()

    async def insert(number: int) -> None:
        async with db.transaction() as cx:
            await mark(cx, db, "wexel/vault")
            await cx.execute("insert into public.t values ($1)", number)

    async with (
        await Database.open(settings, Registry()) as last,
        stuck(last, "other", 1) as other,
        stuck(db, "wexel/vault", 2) as own,
    ):
        async with stuck(last, "wexel/vault", 3), lease(db, "wexel/vault"):
            await asyncio.wait_for(insert(3), 60)
            async with stuck(last, "wexel/vault", 4):
                await asyncio.wait_for(insert(4), 60)
        assert not other.done()
        assert not own.done()


async def test_other_streams_are_independent(db: Database) -> None:
    """A lease is of one stream."""
    async with lease(db, "wexel/vault"), lease(db, "wexel/marketplace"):
        assert len(await _lease_connections(db)) == 2


async def test_it_is_given_back(db: Database) -> None:
    """After the context nothing is held, also after an error."""
    for _ in range(3):
        with pytest.raises(ValueError, match="step"):
            async with lease(db, "wexel/vault"):
                raise ValueError("step")


async def test_a_dead_holder_is_followed_within_seconds(db: Database, database_url: str) -> None:
    """After kill -9 of the holder the next one takes over by itself."""
    waited: list[int] = []
    async with _holder(database_url) as process:

        async def follow() -> str:
            async with lease(db, "wexel/vault", waiting=lambda: waited.append(1)):
                return "mine"

        follower = asyncio.create_task(follow())
        while not waited:
            await asyncio.sleep(0.05)
        assert not follower.done()
        process.send_signal(signal.SIGKILL)
        assert await asyncio.wait_for(follower, 90) == "mine"


async def test_a_lost_lease_ends_the_work(db: Database) -> None:
    """When the lease's connection dies, the body is cancelled and LeaseLost tells why."""
    working = asyncio.Event()
    ended = ""

    async def work() -> None:
        nonlocal ended
        async with lease(db, "wexel/vault"):
            working.set()
            try:
                await asyncio.sleep(600)
            except asyncio.CancelledError:
                ended = "cancelled"
                raise

    task = asyncio.create_task(work())
    await working.wait()
    (pid,) = await _lease_connections(db)
    async with db.connection() as cx:
        await cx.execute("select pg_terminate_backend($1)", pid)
    with pytest.raises(LeaseLost, match="wexel/vault"):
        await asyncio.wait_for(task, 90)
    assert ended == "cancelled"
    async with lease(db, "wexel/vault"):
        pass


async def test_a_lease_is_lost_again_after_other_errors(db: Database) -> None:
    """What a group of tasks failed of before does not make a lost lease look like a cancellation."""

    async def work() -> None:
        with pytest.raises(ExceptionGroup):
            async with asyncio.TaskGroup() as group:
                group.create_task(_fail())
        async with lease(db, "wexel/vault"):
            (pid,) = await _lease_connections(db)
            async with db.connection() as cx:
                await cx.execute("select pg_terminate_backend($1)", pid)
            await asyncio.sleep(600)

    with pytest.raises(LeaseLost, match="wexel/vault"):
        await asyncio.wait_for(asyncio.create_task(work()), 90)


async def test_a_lease_lost_in_the_moment_of_its_end(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error of the body is what is told, and nothing is cancelled afterwards."""
    lost = asyncio.Event()

    async def until_lost(*_: object) -> None:
        await lost.wait()

    monkeypatch.setattr("shared.lease._until_lost", until_lost)

    async def work(turns: int) -> None:
        async with lease(db, "wexel/vault"):
            await asyncio.sleep(0)
            lost.set()
            for _ in range(turns):
                await asyncio.sleep(0)
            raise ValueError("step")

    for turns in range(6):
        lost.clear()
        with pytest.raises((ValueError, LeaseLost)):
            await work(turns)


async def test_a_lost_lease_leaves_no_cancellation_behind(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """A body that fails of being cancelled for the lease raises its own error, and its task can go on."""
    lost = asyncio.Event()

    async def until_lost(*_: object) -> None:
        await lost.wait()

    monkeypatch.setattr("shared.lease._until_lost", until_lost)

    async def roll_back() -> None:
        lost.set()
        try:
            await asyncio.sleep(600)
        except asyncio.CancelledError:
            raise ValueError("rollback failed") from None

    async def work() -> int:
        for _ in range(2):
            lost.clear()
            with pytest.raises(ValueError, match="rollback failed"):
                async with lease(db, "wexel/vault"):
                    await roll_back()
        task = asyncio.current_task()
        assert task is not None
        return task.cancelling()

    assert await asyncio.create_task(work()) == 0


async def test_a_stop_ends_the_wait(db: Database, settings: Settings) -> None:
    """Who stands by ends at once when asked to, not only when it is cancelled."""
    stop, stood_by = Stop(), asyncio.Event()

    async def stand_by(stop: Stop) -> None:
        async with lease(db, "wexel/vault", waiting=stood_by.set, stop=stop):
            raise AssertionError("another holds it")

    async with await Database.open(settings, Registry()) as other, lease(other, "wexel/vault"):
        running = asyncio.create_task(run({"standby": stand_by}, stop=stop, grace_s=600))
        await asyncio.wait_for(stood_by.wait(), 60)
        stop.set()
        await asyncio.wait_for(running, 60)


async def _fail() -> None:
    await asyncio.sleep(0)
    raise ValueError("step")


async def test_cancellation_stays_cancellation(db: Database) -> None:
    """Who cancels the body sees a cancellation, not a lost lease."""
    working = asyncio.Event()

    async def work() -> None:
        async with lease(db, "wexel/vault"):
            working.set()
            await asyncio.sleep(600)

    task = asyncio.create_task(work())
    await working.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    async with lease(db, "wexel/vault"):
        pass
