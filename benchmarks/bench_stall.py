"""How long the aggregator's event loop stands still: while it is scraped, merges all workers, or looks at the status.
Whatever else it shall answer waits as long.

A thread that works beside the loop hands the GIL over within 0.7 ms while each has a core. Where the kernel puts
both on one core the loop waits for its slice, 4 ms on the machine measured: most results are multiples of it.
"""

from __future__ import annotations

import asyncio
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
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
PERIOD_S = 0.0005
SERIES = 2_100
ROWS = 100_000
TARGET_S = 0.010
TIME = Family("bench_duration_seconds", "histogram", "Durations.", ("a", "b"), "seconds", LATENCY)
CHAIN = Family("usdx_indexer_events_processed_total", "counter", "Events.", ("chain", "event"))


@dataclass(slots=True)
class Watch:
    """Notes the longest stall. Between two looks it does nothing else: whatever reads a file gives the GIL away, and
    has to wait for it again."""

    stalls_s: list[float] = field(default_factory=list)

    async def over(self, action: Callable[[], Awaitable[object]]) -> None:
        """Watch the loop while the action runs."""
        worst_s, ended = 0.0, False

        async def watch() -> None:
            nonlocal worst_s
            while not ended:
                began = time.perf_counter()
                await asyncio.sleep(PERIOD_S)
                worst_s = max(worst_s, time.perf_counter() - began - PERIOD_S)

        watching = asyncio.create_task(watch())
        await action()
        ended = True
        await watching
        self.stalls_s.append(worst_s)

    def lines(self, what: str, detail: str) -> Iterator[Line]:
        """Its median and its worst."""
        for word, choose in (("median", statistics.median), ("worst", max)):
            stall_s = choose(self.stalls_s)
            yield Line(
                f"event loop, stall by {what}, {word} of {len(self.stalls_s)}",
                f"{stall_s * 1e3:.1f} ms",
                f"< {TARGET_S * 1e3:.0f} ms",
                stall_s < TARGET_S,
                detail,
            )


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
