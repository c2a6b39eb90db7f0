"""Kill a real indexer, its Postgres and its connections at random moments, and compare the tables with the chain.

`python -m tests.adversity.crash --kills 200 --seed 7` plays one long game and prints what it did.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import signal
import socket
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import asyncpg

from shared import embedded, migrate
from shared.embedded_place import PORT
from tests.adversity.blows import BLOWS, MOMENT_S, deck, one_more
from tests.adversity.nursery import Forked, Nursery, nursery
from tests.adversity.proxy import Proxy, proxied, to_socket, to_tcp
from tests.adversity.shop import Life, config_text, differences, write_protocol
from tests.fakes.node import FakeNode, served

ROOT = Path(__file__).parents[2]
PATIENCE_S = 240.0  # a bound for what never comes, not a measure
CHECK_EVERY = 10
REAL_EVERY = 10  # every tenth worker is started by the command line, the others are forked
ENDS_WITHIN_S = 10.0  # what is promised


@dataclass
class Tally:
    """What was tried, what of it struck, and what came of it."""

    seed: int
    done: Counter[str] = field(default_factory=Counter)
    struck: Counter[str] = field(default_factory=Counter)
    kills: int = 0
    checks: int = 0
    settled: int = 0
    own_exits: Counter[str] = field(default_factory=Counter)
    blocks: int = 0
    forks: int = 0
    began: float = field(default_factory=time.monotonic)

    def __str__(self) -> str:
        took = time.monotonic() - self.began
        done = ", ".join(f"{self.struck[kind]} of {count} x {kind}" for kind, count in sorted(self.done.items()))
        return (
            f"seed {self.seed}: {self.kills} worker kills; {done}; {self.blocks} blocks, {self.forks} forks, "
            f"{self.checks} snapshots compared, {self.settled} times at rest; ends of its own {dict(self.own_exits)}; "
            f"{took:.0f} s"
        )

    def missing(self) -> list[str]:
        """The kinds of blows that never struck."""
        return [kind for kind in BLOWS if not self.struck[kind]]


@dataclass
class Game:
    """One worker, its node and its database, each behind a proxy."""

    folder: Path
    rng: random.Random
    life: Life
    node: FakeNode
    to_node: Proxy
    to_database: Proxy
    servers: list[embedded.Handle]
    tally: Tally
    config: Path
    nursery: Nursery
    deck: list[str]
    process: asyncio.subprocess.Process | Forked | None = None
    paused: bool = False
    _starts: int = 0

    async def start(self) -> None:
        self._starts += 1
        file = self.folder / f"worker-{self._starts}.log"
        if self._starts % REAL_EVERY:
            self.process = await self.nursery.fork(self.config, file)
            return
        with file.open("wb") as log:
            self.process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "indexer", "--config", str(self.config)),
                cwd=ROOT,
                stdout=log,
                stderr=asyncio.subprocess.STDOUT,
                env={key: value for key, value in os.environ.items() if not key.startswith("USDX_")},
            )

    def said(self) -> str:
        file = self.folder / f"worker-{self._starts}.log"
        return file.read_text(errors="replace") if file.exists() else ""

    async def tend(self) -> None:
        """Start the worker when it is down. It may have given up while starting, with one clear message."""
        if self.process is not None and self.process.returncode is not None:
            self._bury(1)
        if self.process is None:
            await self.start()
        assert '"halted"' not in self.said(), self.said()

    def _bury(self, *fitting: int) -> None:
        """See how it ended, which must be in one of the ways that fit, and without a word of complaint."""
        assert self.process is not None
        said = self.said()
        assert self.process.returncode in fitting, f"{self.process.returncode}: {said}"
        assert "Traceback" not in said, said
        assert "task died" not in said, said
        assert "Please report" not in said, said
        if self.process.returncode == 1:
            last = next(line for line in reversed(said.splitlines()) if line.startswith("usdx: "))
            self.tally.own_exits[last.split(":")[1].strip()[:60]] += 1
        self.process = None

    async def end(self, number: signal.Signals) -> bool:
        """Kill it, or stop it, which it does with 0 and in time; another one starts. Whether there was one to end."""
        struck = False
        if self.process is not None and self.process.returncode is None:
            self.process.send_signal(number)
            code = await asyncio.wait_for(self.process.wait(), ENDS_WITHIN_S)
            struck = code in (0, -number)
            self._bury(*((-number, 1) if number == signal.SIGKILL else (0,)))  # 1 where it had just given up
            self.tally.kills += struck and number == signal.SIGKILL
        await self.tend()
        return struck

    async def until(self, holds: Callable[[], bool]) -> bool:
        """Wait for a moment, with a worker that is up; whether it came."""
        deadline = time.monotonic() + MOMENT_S
        while not holds() and time.monotonic() < deadline:
            if self.process is None or self.process.returncode is not None:
                await self.tend()
            await asyncio.sleep(0.002)
        return holds()

    async def at_work(self) -> None:
        """Wait until the worker that is up has stored something."""
        assert await self.until(lambda: '"range"' in self.said()), f"{self.tally}\n{self.said()[-3000:]}"

    async def act(self) -> None:
        """One blow, each kind once before any comes again, then a look at what the tables hold."""
        await self.tend()
        kind = self.deck.pop() if self.deck else one_more(self.rng)
        struck = await BLOWS[kind].deal(self)
        self.tally.done[kind] += 1
        self.tally.struck[kind] += struck
        await self.check()
        if sum(self.tally.done.values()) % CHECK_EVERY == 0:
            await self.settle()

    def place(self) -> embedded.Place:
        return embedded.Place((self.folder / "postgres").resolve())

    async def bring_postgres_back(self) -> None:
        self.servers.append(await asyncio.to_thread(embedded.start, self.folder / "postgres"))

    async def connect(self) -> asyncpg.Connection:
        """To the database itself, around the proxy; waits while it recovers."""
        deadline = time.monotonic() + PATIENCE_S
        while True:
            try:
                return await asyncpg.connect(self.place().url(), timeout=20)
            except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
                if time.monotonic() > deadline:
                    raise
                await asyncio.sleep(0.05)

    async def look(self, *, at_head: bool = False) -> list[str]:
        """How the tables differ from the chain that ends at the cursors."""
        while True:
            cx = await self.connect()
            try:
                return await differences(cx, self.life, at_head=at_head)
            except (OSError, asyncpg.PostgresConnectionError, asyncpg.InterfaceError):
                await asyncio.sleep(0.05)  # it went away under our hands
            finally:
                with suppress(OSError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError):
                    await cx.close(timeout=5)

    async def check(self) -> None:
        """At any moment: rows and cursor are of one chain, nothing lost, nothing doubled."""
        wrong = await self.look()
        assert not wrong, f"{self.tally}\n{wrong}\n{self.said()[-3000:]}"
        self.tally.checks += 1

    async def settle(self) -> None:
        """The world leaves it in peace: the tables become those of the chain, up to its head."""
        self.paused = True
        deadline = time.monotonic() + PATIENCE_S
        while wrong := await self.look(at_head=True):
            await self.tend()
            assert time.monotonic() < deadline, f"{self.tally}\n{wrong}\n{self.said()[-3000:]}"
            await asyncio.sleep(0.1)
        self.tally.settled += 1
        self.paused = False

    async def live(self) -> None:
        """The chain goes on, whatever happens to us."""
        while True:
            await asyncio.sleep(self.life.rng.uniform(0.02, 0.2))
            if not self.paused:
                self.life.live()


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@asynccontextmanager
async def stage(folder: Path, seed: int) -> AsyncIterator[Game]:
    """A chain with a past, a node, a database of its own and a worker, all connected through proxies."""
    rng, life = random.Random(seed), Life(random.Random(seed + 1))
    life.grow(300)
    node = FakeNode(life.chain, finality_depth=life.finality)
    server = await asyncio.to_thread(embedded.start, folder / "postgres")
    servers = [server]
    async with AsyncExitStack() as stack:
        stack.callback(lambda: [one.close() for one in servers])
        cx = await asyncpg.connect(server.url)
        async with cx.transaction():
            await migrate.apply(cx, migrate.known())
        await cx.close()
        url = await stack.enter_async_context(served(node))
        host, _, port = url.removeprefix("http://").partition(":")
        to_node = await stack.enter_async_context(proxied(to_tcp(host, int(port))))
        sockets = embedded.Place((folder / "postgres").resolve()).sockets
        to_database = await stack.enter_async_context(proxied(to_socket(str(sockets / f".s.PGSQL.{PORT}"))))
        forks = await stack.enter_async_context(nursery())
        config = folder / "usdx.toml"
        database = f"postgresql://usdx@127.0.0.1:{to_database.port}/usdx?sslmode=disable"
        endpoints = {"node": f"http://127.0.0.1:{to_node.port}"}
        config.write_text(config_text(write_protocol(folder / "shop"), database, endpoints, free_port()))
        game = Game(folder, rng, life, node, to_node, to_database, servers, Tally(seed), config, forks, deck(rng))
        living = asyncio.create_task(game.live())
        try:
            yield game
        finally:
            living.cancel()
            with suppress(asyncio.CancelledError):
                await living
            if game.process is not None and game.process.returncode is None:
                game.process.kill()
                await game.process.wait()


async def play(folder: Path, seed: int, kills: int, tell: Callable[[str], object] = lambda text: None) -> Tally:
    """Go on until every blow struck and so many worker kills were survived; then everything must be as on the chain."""
    async with stage(folder, seed) as game:
        while game.deck or game.tally.kills < kills:
            await game.act()
            game.tally.blocks, game.tally.forks = len(game.life.chain.blocks), game.life.forks
            tell(str(game.tally))
        await game.settle()
        assert not game.tally.missing(), f"never struck: {game.tally.missing()} in {game.tally}"
        return game.tally


def main() -> None:
    """The long version."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(2**32))
    asked = parser.parse_args()
    print(f"seed {asked.seed}: replay with --seed {asked.seed} --kills {asked.kills}", flush=True)
    with tempfile.TemporaryDirectory(prefix="usdx-crash-") as folder:
        tally = asyncio.run(play(Path(folder), asked.seed, asked.kills, lambda text: print(text, flush=True)))
    print(f"PASSED {tally}")


if __name__ == "__main__":
    main()
