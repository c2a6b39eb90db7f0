"""Let one process at a time work on a stream.

The lease is an advisory lock of Postgres on a connection of its own: it ends when that connection does, so a dead
process frees it at once, a vanished machine after `SERVER_PATIENCE_S`, when the server's keepalives give it up, and a
process that is stopped or hangs as soon, because it asks nothing any more. A holder asks for a sign of life every
second and gives up sooner than the server does. The url must lead to Postgres itself or to a pooler in session mode.

Other sessions of a process that is stopped may live on, with locks: no timeout ends one that waits in the midst of a
COPY. Transactions under a lease are marked therefore (`mark`), and its holder ends those of any other process.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import Any

import structlog

from shared.clock import Clock, system_clock
from shared.db import Connection, Database, keepalives
from shared.db_errors import FOREIGN, translated
from shared.db_hosts import CONNECT_TIMEOUT_S
from shared.errors import LeaseLost
from shared.runtime import Stop

BEAT_S = 1.0
BEAT_TIMEOUT_S = 3.0  # a holder gives up after at most BEAT_S + BEAT_TIMEOUT_S
SERVER_PATIENCE_S = 10  # the server gives a silent connection up after this; must be longer
_SETTINGS = {**keepalives(SERVER_PATIENCE_S), "idle_session_timeout": str(SERVER_PATIENCE_S * 1000)}
_MARK = "select pg_advisory_xact_lock_shared(hashtext($1), $2)"
_EVICT = """select count(pg_terminate_backend(pid)) from pg_locks join pg_stat_activity using (pid)
    where locktype = 'advisory' and objsubid = 2 and datname = current_database() and datid = database
      and classid::bigint = hashtext($1)::bigint & 4294967295 and objid::bigint <> $2
      and pg_has_role(usesysid, 'usage')"""


@asynccontextmanager
async def lease(
    db: Database,
    stream_key: str,
    *,
    clock: Clock | None = None,
    waiting: Callable[[], None] | None = None,
    stop: Stop | None = None,
) -> AsyncIterator[None]:
    """Hold the lease of `stream_key` inside the context; waits, as long as it takes, while another holds it.

    `waiting` is called once a second meanwhile; at the `stop` the wait ends as if cancelled. When the lease is lost,
    the body is cancelled and LeaseLost raised.
    """
    clock = clock or system_clock()
    connection = await _connect(db, stream_key)
    try:
        await _acquire(connection, db, stream_key, partial(_pause, clock, stop), waiting)
        with translated(db.target):
            await _evict(connection, db, stream_key)
        async with _watched(connection, db, stream_key, clock):
            yield
    finally:
        with suppress(*FOREIGN):
            await connection.close(timeout=1.0)


async def mark(cx: Connection, db: Database, stream_key: str) -> None:
    """Say that this transaction of `db` writes under the lease of `stream_key`: whoever holds that next may end it."""
    await cx.execute(_MARK, _writing(stream_key), db.token)


async def _connect(db: Database, stream_key: str) -> Any:
    return await db.connect(application_name=f"usdx lease {stream_key}"[:63], **_SETTINGS)


async def _acquire(
    connection: Any,
    db: Database,
    stream_key: str,
    pause: Callable[[float], Awaitable[None]],
    waiting: Callable[[], None] | None,
) -> None:
    while True:
        with translated(db.target):
            if await connection.fetchval(
                "select pg_try_advisory_lock(hashtextextended($1, 0))", f"usdx {stream_key}", timeout=CONNECT_TIMEOUT_S
            ):
                return
        if waiting is not None:
            waiting()
        await pause(BEAT_S * random.uniform(0.8, 1.2))


async def _pause(clock: Clock, stop: Stop | None, seconds: float) -> None:
    if stop is None:
        await clock.sleep(seconds)
    elif await stop.wait(seconds):
        raise asyncio.CancelledError


def _writing(stream_key: str) -> str:
    return f"usdx writes {stream_key}"


async def _evict(connection: Any, db: Database, stream_key: str) -> None:
    """End the sessions of other processes that write under our lease: they lost it, whether they know or not."""
    if ended := await connection.fetchval(_EVICT, _writing(stream_key), db.token, timeout=BEAT_TIMEOUT_S):
        structlog.get_logger("lease").warning(
            "sessions of the last holder ended in mid-transaction", lease=stream_key, sessions=ended
        )


@asynccontextmanager
async def _watched(connection: Any, db: Database, stream_key: str, clock: Clock) -> AsyncIterator[None]:
    """Cancel the body when the connection dies, and turn that cancellation into LeaseLost."""
    body = asyncio.current_task()
    assert body is not None
    before = body.cancelling()  # up to Python 3.12 a TaskGroup that failed leaves its request to cancel behind
    watcher = asyncio.create_task(_until_lost(connection, db, stream_key, clock))
    lost = left = False

    def on_lost(task: asyncio.Task[None]) -> None:
        nonlocal lost
        if not task.cancelled() and not left:
            lost = True
            body.cancel()

    watcher.add_done_callback(on_lost)
    try:
        yield
    except asyncio.CancelledError:
        if lost and body.cancelling() - 1 <= before:
            raise LeaseLost(f"the lease of {stream_key} is lost: its database connection ended") from None
        raise
    finally:
        left = True  # the body ended of something else, perhaps in the same moment
        if lost:  # whatever it made of our request, that is answered: nobody else shall see a cancellation
            body.uncancel()
        watcher.remove_done_callback(on_lost)
        watcher.cancel()
        await asyncio.wait({watcher})


async def _until_lost(connection: Any, db: Database, stream_key: str, clock: Clock) -> None:
    """Return as soon as the connection gives no sign of life; each one clears the ground of other writers."""
    with suppress(*FOREIGN):
        while True:
            await _evict(connection, db, stream_key)
            await clock.sleep(BEAT_S)
