"""What metrics, merge, status, API and business figures cost: `python -m benchmarks.bench_aggregator [PART…]`.

Parts: `metrics`, `stall`, `merge`, `figures` (--rows N) and `load` (--rate N, --seconds N); all of them when none is
named. Prints a table and writes it to `benchmarks/AGGREGATOR.md`, keeping the lines of parts that were not asked for.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import random
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import cast
from unittest.mock import Mock

import uvloop
from aiohttp import web
from aiohttp.test_utils import make_mocked_request

from aggregator.business import Business
from aggregator.merge import Part, merge, read
from benchmarks import bench_load, bench_stall, machine, report
from benchmarks.bench_stall import TIME, filled
from benchmarks.report import Line
from benchmarks.stage import WORK, Databases
from benchmarks.wexel_world import fill
from shared import embedded, http
from shared.clock import system_clock
from shared.db import Database
from shared.metrics import Family, Registry
from shared.protocol import load
from shared.settings import Settings
from tests.integration.aggregator.world import WEXEL

RESULTS = Path(__file__).with_name("AGGREGATOR.md")
KEPT = WORK / "aggregator-lines.json"
COUNT = Family("bench_things_total", "counter", "Things.", ("a", "b"))
ROUNDS = 20
SERVER = WORK / "postgres-aggregator"  # not that of the other benchmarks, which may run meanwhile


def best(action: Callable[[], object], rounds: int = 7, times: int = 20_000) -> float:
    """Seconds for one call: the best of some rounds, without the garbage collector."""
    gc.disable()
    try:
        found = []
        for _ in range(rounds):
            began = time.perf_counter()
            for _ in range(times):
                action()
            found.append((time.perf_counter() - began) / times)
        return min(found)
    finally:
        gc.enable()


def metrics() -> Iterator[Line]:
    """One increment, one observation, one request, one series."""
    registry = Registry()
    counter, histogram = registry.counter(COUNT), registry.histogram(TIME)
    yield Line("counter, labels given", f"{best(lambda: counter.inc('x', 'y')) * 1e9:,.0f} ns")
    yield Line("counter, child kept", f"{best(counter.of('x', 'y').inc) * 1e9:,.0f} ns")
    yield Line("histogram, labels given", f"{best(lambda: histogram.observe(0.07, 'x', 'y')) * 1e9:,.0f} ns")
    took = uvloop.run(_request(registry)) * 1e6
    yield Line("HTTP middleware, a request", f"{took:.1f} µs", "< 20 µs", took < 20)
    registry = filled(2_100)
    samples = registry.exposition().count(b"\n")
    took = best(registry.exposition, times=3)
    each = took / samples * 1e6
    yield Line(
        f"exposition of {samples:,} lines", f"{took * 1e3:.1f} ms", "≤ 25 µs a line", each <= 25, f"{each:.1f} µs"
    )


async def _request(registry: Registry) -> float:
    async def handler(request: web.Request) -> web.StreamResponse:
        return response

    response = web.Response()
    middleware = http.instrument(registry)
    request = make_mocked_request("GET", "/x")
    cast(Mock, request.match_info.route).resource.canonical = "/x"
    rounds = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        for _ in range(2_000):
            await middleware(request, handler)
        with_it = time.perf_counter() - began
        began = time.perf_counter()
        for _ in range(2_000):
            await handler(request)
        rounds.append((with_it - (time.perf_counter() - began)) / 2_000)
    return min(rounds)


def stall() -> Iterator[Line]:
    """How long the event loop stands still."""
    with embedded.start(SERVER) as server:
        yield from bench_stall.stall(Databases(server))


def merging() -> Iterator[Line]:
    """Three workers into one."""
    text = filled(1_400).exposition().decode()
    labels = [(("job", f"j{n}"), ("instance", "i:1"), ("service", "s")) for n in range(3)]
    samples = sum(merge([Part(one, read(text)) for one in labels]).samples)
    took = best(lambda: merge([Part(one, read(text)) for one in labels]), times=3)
    each = took / samples * 1e6
    yield Line(f"merge of {samples:,} samples", f"{took * 1e3:.1f} ms", "≤ 5 µs a sample", each <= 5, f"{each:.2f} µs")


def figures(rows: int) -> Iterator[Line]:
    """All business gauges over so many event rows."""
    with embedded.start(SERVER) as server, Databases(server).fresh() as database:
        yield from asyncio.run(_figures(database, rows))


async def _figures(database: str, rows: int) -> Sequence[Line]:
    settings = Settings.model_validate({"database": {"url": database}})
    async with await Database.open(settings, Registry()) as db:
        await fill(db, rows)
        gauges = {gauge.name: gauge for gauge in load(WEXEL).gauges}
        taken = []
        for _ in range(3):
            async with db.connection() as cx:
                await cx.execute("truncate usdx.figures, usdx.figure_refreshes")
            refresh = await Business(db, system_clock(), gauges, random.Random(1)).refresh()
            taken.append(refresh.duration_s)
    took = statistics.median(taken)
    return [
        Line(
            f"refresh of {len(refresh.readings)} gauges, {rows:,} event rows",
            f"{took:.2f} s",
            "seconds: < 10 s",
            took < 10 and not refresh.broken,
            f"median of {', '.join(f'{one:.1f}' for one in taken)} s"
            + "".join(f"; {gauge} failed: {message}" for gauge, message in refresh.broken.items()),
        )
    ]


def loading(rate: int, seconds: float) -> Iterator[Line]:
    """The API while the indexer works."""
    with embedded.start(SERVER) as server:
        yield from bench_load.load(Databases(server), bench_load.Plan(rate, seconds, int(seconds * 35_000)))


def document(about: Mapping[str, str], lines: Sequence[Line]) -> str:
    """The whole of AGGREGATOR.md."""
    return report.markdown(about, lines, "").replace(
        "# Benchmark results\n\nWritten by `make bench` on one machine; a ratio compares what one run measured."
        " A measurement may be repeated alone:",
        "# What the aggregator costs\n\nWritten by `python -m benchmarks.bench_aggregator` on one machine, which runs"
        " Postgres, indexer, node and whoever asks as well. A part may be repeated alone:",
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", metavar="PART")
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--rate", type=int, default=1_000)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--dry", action="store_true", help="write no file")
    given = parser.parse_args()
    known: dict[str, Callable[[], Iterator[Line]]] = {
        "metrics": metrics,
        "stall": stall,
        "merge": merging,
        "figures": lambda: figures(given.rows),
        "load": lambda: loading(given.rate, given.seconds),
    }
    if unknown := set(given.parts) - set(known):
        parser.error(f"no such part: {', '.join(sorted(unknown))}; there are {', '.join(known)}")
    about = machine.describe()
    found = report.load(KEPT)
    for part in given.parts or known:
        print(f"{part} …", file=sys.stderr, flush=True)
        at = f"{about['date'][11:16]}, {about['commit'][:7]}"
        found[part] = [replace(line, at=at) for line in known[part]()]
        print(report.table(found[part]), flush=True)
    if not given.dry:
        KEPT.parent.mkdir(parents=True, exist_ok=True)
        report.save(KEPT, found)
        RESULTS.write_text(document(about, [line for part in known for line in found.get(part, ())]))
        print(f"written to {RESULTS}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
