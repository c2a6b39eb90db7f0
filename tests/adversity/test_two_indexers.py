"""Two indexers of one chain: one works, the other stands by, whatever stops or cuts off the first."""

from __future__ import annotations

import asyncio
import os
import signal
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import asyncpg
import pytest

from shared import embedded
from shared.embedded_place import PORT
from tests.adversity.crash import PATIENCE_S, Game, free_port, stage
from tests.adversity.nursery import Forked
from tests.adversity.proxy import Proxy, proxied, to_socket
from tests.adversity.shop import config_text

AT_ONCE = 4
"""How often who stands by may ask for a lease, about once a second, that nobody holds any more."""

SILENCE = 13
"""The same, in the ten seconds for which a holder may be silent."""

LONG_S = 60.0
"""On a machine that is very busy; 2 to 12 s on one that is not."""


@dataclass
class One:
    """One of the two, with a line of its own to the database."""

    name: str
    config: Path
    line: Proxy
    log: Path
    process: Forked | None = None
    _read: int = field(default=0)

    def said(self) -> str:
        """What it said since the last `mark`."""
        return self.log.read_bytes()[self._read :].decode(errors="replace") if self.log.exists() else ""

    def mark(self) -> None:
        self._read = self.log.stat().st_size if self.log.exists() else 0  # a new log is read from its beginning

    def commits(self) -> bool:
        return '"range"' in self.said()

    def stands_by(self) -> bool:
        return "standing by" in self.said()

    def send(self, number: int) -> None:
        assert self.process is not None
        os.kill(self.process.pid, number)


@asynccontextmanager
async def pair() -> AsyncIterator[tuple[Game, One, One]]:
    """A living chain and two indexers of it: the first works, the second stands by."""
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="usdx-pair-")))
        game = await stack.enter_async_context(stage(folder, 5))
        both = []
        for name in ("first", "second"):
            sockets = embedded.Place((folder / "postgres").resolve()).sockets
            line = await stack.enter_async_context(proxied(to_socket(str(sockets / f".s.PGSQL.{PORT}"))))
            url = f"postgresql://usdx@127.0.0.1:{line.port}/usdx?sslmode=disable"
            config = folder / f"{name}.toml"
            endpoints = {"node": f"http://127.0.0.1:{game.to_node.port}"}
            config.write_text(config_text(folder / "shop", url, endpoints, free_port()))
            both.append(One(name, config, line, folder / f"{name}.log"))
        first, second = both
        first.process = await game.nursery.fork(first.config, first.log)
        await until(game, first.commits, first, second)
        second.process = await game.nursery.fork(second.config, second.log)
        await until(game, second.stands_by, first, second)
        try:
            yield game, first, second
            for one in both:
                assert '"halted"' not in one.log.read_text(), one.log.read_text()[-3000:]
        finally:
            for one in both:
                if one.process is not None and one.process.returncode is None:
                    one.send(signal.SIGCONT)
                    one.process.kill()
                    await one.process.wait()


async def until(game: Game, holds: Callable[[], bool], *both: One) -> float:
    """Wait, comparing tables and chain all the while; how long it took."""
    began = time.monotonic()
    while not holds():
        await game.check()
        said = "\n".join(f"{one.name}: {one.said()[-2000:]}" for one in both)
        assert time.monotonic() - began < PATIENCE_S, said
        await asyncio.sleep(0.05)
    return time.monotonic() - began


async def at_head(game: Game) -> None:
    """The chain rests, and the tables are all of it."""
    game.paused = True
    began = time.monotonic()
    while wrong := await game.look(at_head=True):
        assert time.monotonic() - began < PATIENCE_S, wrong
        await asyncio.sleep(0.1)
    game.paused = False


async def stopped(game: Game, first: One, second: One) -> None:
    """SIGSTOP: the process lives, its kernel still answers, it does nothing."""
    first.send(signal.SIGSTOP)


async def stopped_in_a_commit(game: Game, first: One, second: One) -> None:
    """SIGSTOP while it holds the locks of a transaction."""
    first.line.delay_s = 0.03
    began = time.monotonic()
    while True:
        first.send(signal.SIGSTOP)
        await asyncio.sleep(0.1)  # what was on the line arrives
        if await sessions(game, "state = 'idle in transaction'"):
            break
        first.send(signal.SIGCONT)
        assert time.monotonic() - began < PATIENCE_S
        await asyncio.sleep(0.013)
    first.line.delay_s = 0.0


async def cut_off_in_a_copy(game: Game, first: One, second: One) -> None:
    """Its network is gone, without a word, while the server waits for the data of a COPY: no timeout ends that."""
    first.line.silent_after = b"COPY "
    await until(game, lambda: first.line.silent, first, second)
    first.line.refusing = True
    while not await sessions(game, "state = 'active' and wait_event = 'ClientRead' and query like 'COPY %'"):
        await asyncio.sleep(0.01)


async def sessions(game: Game, such: str) -> int:
    """How many sessions are such ones."""
    cx = await asyncpg.connect(game.servers[0].url)
    try:
        return int(await cx.fetchval(f"select count(*) from pg_stat_activity where {such}"))
    finally:
        await cx.close()


async def killed(game: Game, first: One, second: One) -> None:
    """kill -9."""
    first.send(signal.SIGKILL)


BLOWS = (stopped, stopped_in_a_commit, cut_off_in_a_copy, killed)


@asynccontextmanager
async def tries(game: Game) -> AsyncIterator[set[object]]:
    """When somebody asked for the lease in vain, by the server's clock. A load on the machine makes them no more."""
    seen = set[object]()
    cx = await asyncpg.connect(game.servers[0].url)
    asked = "select query_start from pg_stat_activity where query like 'select pg_try_advisory_lock%'"

    async def look() -> None:
        while True:
            seen.update(row[0] for row in await cx.fetch(asked))
            await asyncio.sleep(0.1)

    looking = asyncio.create_task(look())
    try:
        yield seen
        assert not looking.done(), looking.result()
    finally:
        looking.cancel()
        await asyncio.gather(looking, return_exceptions=True)
        await cx.close()


@pytest.mark.timeout(900)
@pytest.mark.parametrize("blow", BLOWS, ids=lambda blow: blow.__name__)
async def test_the_second_takes_over(blow: Callable[[Game, One, One], Awaitable[None]]) -> None:
    """The other one takes over within seconds; when the first comes back it stands by; the tables are right at every
    look."""
    async with pair() as (game, first, second):
        second.mark()
        await blow(game, first, second)
        async with tries(game) as asked:
            took_s = await until(game, second.commits, first, second)
        print(f"{blow.__name__}: taken over after {took_s:.1f} s, {len(asked)} tries")
        assert 0 < len(asked) <= (AT_ONCE if blow is killed else AT_ONCE + SILENCE)
        assert took_s < LONG_S
        first.mark()
        second.mark()
        if blow is killed:
            assert first.process is not None
            await first.process.wait()
            first.log = first.log.with_suffix(".again")
            first.mark()
            first.process = await game.nursery.fork(first.config, first.log)
        else:
            first.line.silent = first.line.refusing = False
            first.send(signal.SIGCONT)
        await until(game, first.stands_by, first, second)
        await until(game, second.commits, first, second)
        await at_head(game)
