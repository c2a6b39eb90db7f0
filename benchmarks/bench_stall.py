"""How long the aggregator's event loop stands still: while it is scraped, merges all workers, or looks at the status.
Whatever else it shall answer waits as long."""

from __future__ import annotations

import asyncio
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import uvloop

from benchmarks.report import Line
from benchmarks.stage import Databases
from benchmarks.wexel_world import fill
from shared import http
from shared.clock import system_clock
from shared.db import Database
from shared.health import Health
from shared.metrics import LATENCY, Family, Registry
from shared.runtime import bound_stalls
from shared.settings import Settings
from tests.fakes.clock import Hands
from tests.integration.aggregator.world import site

ROUNDS = 20
PAUSE_S = 1.05
SERIES = 2_100
ROWS = 100_000
TARGET_S = 0.010
TIME = Family("bench_duration_seconds", "histogram", "Durations.", ("a", "b"), "seconds", LATENCY)
CHAIN = Family("usdx_indexer_events_processed_total", "counter", "Events.", ("chain", "event"))


@dataclass(slots=True)
class Watch:
    """Notes the longest stall, and the longest when what was lost to other processes is left out."""

    stalls: list[tuple[float, float]] = field(default_factory=list)

    async def over(self, action: Callable[[], Awaitable[object]]) -> None:
        """Watch the loop while the action runs."""
        worst, ended = (0.0, 0.0), False

        async def watch() -> None:
            nonlocal worst
            while not ended:
                began, waited = time.perf_counter(), waited_for_a_core_s()
                await asyncio.sleep(0.0005)
                whole = time.perf_counter() - began - 0.0005
                worst = max(worst[0], whole), max(worst[1], whole - (waited_for_a_core_s() - waited))

        watching = asyncio.create_task(watch())
        await action()
        ended = True
        await watching
        self.stalls.append(worst)

    def lines(self, what: str, detail: str) -> Iterator[Line]:
        """Its median and its worst."""
        for word, choose in (("median", statistics.median), ("worst", max)):
            seconds = choose([whole for whole, _ in self.stalls])
            own = choose([own for _, own in self.stalls])
            yield Line(
                f"event loop, stall by {what}, {word} of {len(self.stalls)}",
                f"{seconds * 1e3:.1f} ms",
                f"< {TARGET_S * 1e3:.0f} ms",
                seconds < TARGET_S,
                f"{detail}; {own * 1e3:.1f} ms without waiting for a core",
            )


def waited_for_a_core_s() -> float:
    """How long this process's threads were ready to run and did not, because others did."""
    found = 0
    for one in Path("/proc/self/task").iterdir():
        with suppress(OSError):  # a thread that has ended
            found += int((one / "schedstat").read_text().split()[1])
    return found / 1e9


def filled(series: int) -> Registry:
    """A registry that exposes about so many samples."""
    registry = Registry()
    histogram = registry.histogram(TIME)
    for number in range(series // (len(LATENCY) + 3)):
        histogram.observe(0.1, str(number % 30), str(number // 30))
    return registry


def stall(databases: Databases) -> Iterator[Line]:
    """All three."""
    bound_stalls()
    yield from uvloop.run(_scraped()).lines("a scrape", f"{SERIES:,} series, gzip")
    with _exposing() as indexer, _exposing() as oracle, databases.fresh() as database:
        merged, looked = uvloop.run(_aggregating(database, {"indexer": [indexer], "oracle": [oracle]}))
    yield from merged.lines("/metrics/all", f"two workers of {SERIES:,} series, gzip")
    yield from looked.lines("the status", f"the same workers, {ROWS:,} event rows")


async def _scraped() -> Watch:
    registry, watch = filled(SERIES), Watch()
    application = http.app(registry, Health(registry, system_clock()))
    client = aiohttp.ClientSession(auto_decompress=False)  # it shares the loop, and shall not be what is measured
    async with http.serve(application, "127.0.0.1", 0) as port, client as session:

        async def scrape() -> None:
            async with session.get(f"http://127.0.0.1:{port}/metrics") as answer:
                await answer.read()

        for _ in range(ROUNDS):
            await watch.over(scrape)
            await asyncio.sleep(PAUSE_S)
    return watch


async def _aggregating(database: str, workers: dict[str, Sequence[str]]) -> tuple[Watch, Watch]:
    merged, looked = Watch(), Watch()
    settings = Settings.model_validate({"database": {"url": database}})
    client = aiohttp.ClientSession(auto_decompress=False)
    async with await Database.open(settings, Registry()) as db, client as session:
        await fill(db, ROWS)
        async with site(settings, db, _Now(), workers=workers) as served:

            async def scrape() -> None:
                async with session.get(served.client.make_url("/metrics/all")) as answer:
                    await answer.read()

            served.rooms.meters.refreshed(await served.rooms.business.refresh())
            await served.rooms.status.look()
            for _ in range(ROUNDS):
                await asyncio.sleep(PAUSE_S)
                await merged.over(scrape)
                await asyncio.sleep(PAUSE_S)
                await looked.over(served.rooms.status.look)
            assert served.rooms.status.status is not None
            assert all(worker.up for worker in served.rooms.status.status.workers)
    return merged, looked


class _Now(Hands):
    """The true time."""

    def read(self) -> float:
        return time.time()


@contextmanager
def _exposing() -> Iterator[str]:
    """A worker in a process of its own that always says the same; yields its address."""
    registry = filled(SERIES)
    events = registry.counter(CHAIN)
    for number in range(200):
        events.inc(f"chain{number % 4}", f"event{number // 4}")
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "metrics").write_bytes(registry.exposition())
        argv = [sys.executable, "-u", "-m", "http.server", "0", "--bind", "127.0.0.1", "--directory", folder]
        with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
            assert process.stdout is not None
            try:
                yield f"http://127.0.0.1:{process.stdout.readline().split()[5]}"
            finally:
                process.terminate()
