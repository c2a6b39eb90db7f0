"""One real indexer on a chain that lives, with any database: what it says, exports and stores."""

from __future__ import annotations

import asyncio
import random
import re
import signal
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import asyncpg

from shared.embedded_place import PORT, Place
from tests.adversity.crash import free_port
from tests.adversity.nursery import Forked, Nursery, nursery
from tests.adversity.proxy import Dial, to_socket
from tests.adversity.shop import Life, config_text, differences, write_protocol
from tests.fakes.node import FakeNode, served

PATIENCE_S = 60.0  # a bound for what never comes, not a measure
FINAL = 8
SAMPLE = re.compile(r"^([a-z_]+)(?:\{([^}]*)\})? (\S+)$", re.M)


@dataclass
class Scene:
    """A worker, its chain and the database it writes to; `url` is our own way to that database."""

    life: Life
    node: FakeNode
    config: Path
    url: str
    port: int
    log: Path
    nursery: Nursery
    process: Forked | None = None
    clock: Path | None = None

    async def start(self) -> None:
        self.process = await self.nursery.fork(self.config, self.log, clock=self.clock)

    async def end(self, number: int = signal.SIGTERM) -> int:
        """Send a signal; the exit code, which must come within the ten seconds that are promised."""
        assert self.process is not None
        self.process.send_signal(number)
        return await asyncio.wait_for(self.process.wait(), 10)

    def said(self) -> str:
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    async def differences(self, *, at_head: bool = False) -> list[str]:
        cx = await asyncpg.connect(self.url)
        try:
            return await differences(cx, self.life, at_head=at_head)
        finally:
            await cx.close()

    async def settle(self) -> None:
        """Wait until the tables are those of the whole chain; they must be right at every look before, too."""
        deadline = time.monotonic() + PATIENCE_S
        while await self.differences(at_head=True):
            assert await self.differences() == [], self.said()[-3000:]
            assert self.process is None or self.process.returncode is None, self.said()[-3000:]
            assert time.monotonic() < deadline, self.said()[-3000:]
            await asyncio.sleep(0.05)

    async def until(self, holds: Callable[[], bool]) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while not holds():
            assert time.monotonic() < deadline, self.said()[-3000:]
            await asyncio.sleep(0.02)

    async def says(self, *words: str, times: int = 1) -> None:
        """Wait until its log has the words."""
        await self.until(lambda: all(self.said().count(word) >= times for word in words))

    async def scrape(self) -> dict[str, float]:
        """Its samples, `family{labels}` → value."""
        async with aiohttp.ClientSession() as session, session.get(f"http://127.0.0.1:{self.port}/metrics") as answer:
            text = await answer.text()
        return {f"{name}{{{labels}}}" if labels else name: float(value) for name, labels, value in SAMPLE.findall(text)}

    async def probe(self, path: str) -> int:
        """The status of /healthz or /readyz."""
        async with aiohttp.ClientSession() as session, session.get(f"http://127.0.0.1:{self.port}{path}") as answer:
            return answer.status

    def open_files(self) -> int:
        assert self.process is not None
        return len(list(Path(f"/proc/{self.process.pid}/fd").iterdir()))


@asynccontextmanager
async def scene(
    folder: Path, url: str, worker_url: str | None = None, *, blocks: int = 120, seed: int = 21, more: str = ""
) -> AsyncIterator[Scene]:
    """A chain of so many blocks and an indexer that is not started yet; `worker_url` is the indexer's own way in."""
    life = Life(random.Random(seed), FINAL)
    life.grow(blocks)
    node = FakeNode(life.chain, finality_depth=life.finality)
    port = free_port()
    async with AsyncExitStack() as stack:
        endpoints = {"node": await stack.enter_async_context(served(node))}
        config = folder / "usdx.toml"
        config.write_text(config_text(write_protocol(folder / "shop"), worker_url or url, endpoints, port, more))
        forks = await stack.enter_async_context(nursery())
        one = Scene(life, node, config, url, port, folder / "indexer.log", forks)
        try:
            yield one
        finally:
            if one.process is not None and one.process.returncode is None:
                one.process.send_signal(signal.SIGCONT)
                one.process.kill()
                await one.process.wait()


@asynccontextmanager
async def living(one: Scene, every_s: float = 0.05) -> AsyncIterator[None]:
    """The chain grows and forks meanwhile."""

    async def live() -> None:
        while True:
            one.life.live()
            await asyncio.sleep(every_s)

    task = asyncio.create_task(live())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def socket_of(root: Path) -> Dial:
    """Dial the embedded Postgres under a folder."""
    return to_socket(str(Place(root.resolve()).sockets / f".s.PGSQL.{PORT}"))
