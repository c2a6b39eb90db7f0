"""What metrics, the merge, the API and the business figures cost: `python -m benchmarks.bench_aggregator [PART…]`.

Parts: `metrics`, `stall`, `merge`, `figures` (--rows N), and `load` (--url URL, --rate N, --seconds N) on an aggregator
that runs and whose `aggregator.rate` allows it.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import random
import statistics
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import aiohttp
from aiohttp import web
from aiohttp.test_utils import make_mocked_request

from aggregator.business import Business
from aggregator.merge import Part, merge
from shared import http
from shared.clock import system_clock
from shared.db import Database
from shared.health import Health
from shared.metrics import LATENCY, Family, Registry
from shared.protocol import load
from shared.settings import Settings

WEXEL = Path(__file__).parents[1] / "protocols" / "wexel"
COUNT = Family("bench_things_total", "counter", "Things.", ("a", "b"))
TIME = Family("bench_duration_seconds", "histogram", "Durations.", ("a", "b"), "seconds", LATENCY)


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


def filled(series: int) -> Registry:
    """A registry that exposes about so many samples."""
    registry = Registry()
    histogram = registry.histogram(TIME)
    for number in range(series // (len(LATENCY) + 3)):
        histogram.observe(0.1, str(number % 30), str(number // 30))
    return registry


def say(what: str, value: str, target: str = "") -> None:
    print(f"{what:<58} {value:>18}  {target}", flush=True)


def metrics() -> None:
    """One increment, one observation, one request, one series."""
    registry = Registry()
    counter, histogram = registry.counter(COUNT), registry.histogram(TIME)
    say("counter, labels given", f"{best(lambda: counter.inc('x', 'y')) * 1e9:,.0f} ns")
    child = counter.of("x", "y")
    say("counter, child kept", f"{best(child.inc) * 1e9:,.0f} ns")
    say("histogram, labels given", f"{best(lambda: histogram.observe(0.07, 'x', 'y')) * 1e9:,.0f} ns")
    asyncio.run(_request(registry))
    registry = filled(2_100)
    samples = registry.exposition().count(b"\n")
    took = best(registry.exposition, times=3)
    say(f"exposition of {samples:,} lines", f"{took * 1e3:.1f} ms", f"{took / samples * 1e6:.1f} µs a line (≤ 25)")


async def _request(registry: Registry) -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        return response

    response = web.Response()
    middleware = http.instrument(registry)
    request = make_mocked_request("GET", "/x")
    rounds = []
    for _ in range(5):
        began = time.perf_counter()
        for _ in range(5_000):
            await middleware(request, handler)
        with_it = time.perf_counter() - began
        began = time.perf_counter()
        for _ in range(5_000):
            await handler(request)
        rounds.append((with_it - (time.perf_counter() - began)) / 5_000)
    say("HTTP middleware a request", f"{min(rounds) * 1e6:.1f} µs", "≤ 20 µs")


def stall() -> None:
    """The longest that the event loop stands still while it is scraped."""
    asyncio.run(_stall())


async def _stall() -> None:
    registry = filled(2_100)
    worst = 0.0
    stop = False

    async def watch() -> None:
        nonlocal worst
        while not stop:
            began = time.perf_counter()
            await asyncio.sleep(0.0005)
            worst = max(worst, time.perf_counter() - began - 0.0005)

    application = http.app(registry, Health(registry, system_clock()))
    async with http.serve(application, "127.0.0.1", 0) as port, aiohttp.ClientSession() as session:
        stalls = []
        for _ in range(10):
            worst, stop = 0.0, False
            watching = asyncio.create_task(watch())
            async with session.get(f"http://127.0.0.1:{port}/metrics") as answer:
                await answer.read()
            stop = True
            await watching
            stalls.append(worst)
            await asyncio.sleep(1.05)
    say("event loop, stall by a scrape, median of 10", f"{statistics.median(stalls) * 1e3:.1f} ms", "< 10 ms")
    say("event loop, stall by a scrape, worst of 10", f"{max(stalls) * 1e3:.1f} ms", "< 10 ms")


def merging() -> None:
    """Three workers into one."""
    text = filled(1_400).exposition().decode()
    parts = [Part((("job", f"j{n}"), ("instance", "i:1"), ("service", "s")), text) for n in range(3)]
    samples = sum(merge(parts).samples)
    took = best(lambda: merge(parts), times=3)
    say(f"merge of {samples:,} samples", f"{took * 1e3:.1f} ms", f"{took / samples * 1e6:.2f} µs a sample (≤ 5)")


def figures(rows: int) -> None:
    """All business gauges over so many event rows."""
    asyncio.run(_figures(rows))


async def _figures(rows: int) -> None:
    from tests.integration.aggregator.world import World

    with tempfile.TemporaryDirectory() as folder:
        settings = Settings.model_validate({"data_dir": folder})
        async with await Database.open(settings, Registry()) as db:
            await db.migrate()
            await World(db).begin()
            began = time.perf_counter()
            await _fill(db, rows)
            say(f"{rows:,} event rows written and analysed", f"{time.perf_counter() - began:.0f} s")
            gauges = {gauge.name: gauge for gauge in load(WEXEL).gauges}
            business = Business(db, system_clock(), gauges, random.Random(1))
            refresh = await business.refresh()
            say(
                f"refresh of {len(refresh.readings)} gauges over {rows:,} rows",
                f"{refresh.duration_s:.2f} s",
                "seconds",
            )
            for gauge, message in refresh.broken.items():
                say(f"  {gauge}", "failed", message)


async def _fill(db: Database, rows: int) -> None:
    """Deposits with their transfers, and for every tenth a loan, for every fifth a redemption."""
    deposits = rows * 10 // 23
    word = "decode(lpad(to_hex(n), 64, '0'), 'hex')"
    meta = f"31337, n / 10, n % 10, now(), {word}, {word}, decode(repeat('aa', 20), 'hex')"
    owner = "decode(lpad(to_hex(n % 100000 + 1), 40, '0'), 'hex')"
    statements = (
        """insert into wexel.vault_pool_created
        select 31337, 0, n, now(), decode(repeat('00', 32), 'hex'), decode(repeat('00', 32), 'hex'),
        decode(repeat('aa', 20), 'hex'), n, 1800, 12 from generate_series(1, 6) n""",
        f"""insert into wexel.vault_wexel_created
        select {meta}, n, {owner}, n % 6 + 1, 1000000 + n, 1800, 1800000000 from generate_series(1, $1::bigint) n""",
        f"""insert into wexel.vault_transfer
        select {meta}, decode(repeat('00', 20), 'hex'), {owner}, n from generate_series(1, $1::bigint) n""",
        f"""insert into wexel.vault_collateralized
        select {meta}, n, 500000 from generate_series(1, $1::bigint) n where n % 10 = 0""",
        f"""insert into wexel.vault_redeemed
        select {meta}, n, 1000000 + n from generate_series(1, $1::bigint) n where n % 5 = 1""",
    )
    async with db.connection() as cx:
        for sql in statements:
            await cx.execute(sql, *((deposits,) if "$1" in sql else ()), timeout_s=3600)
        await cx.execute("vacuum analyze", timeout_s=3600)


def load_test(url: str, rate: int, seconds: int) -> None:
    """So many requests a second, whether the answers come or not."""
    asyncio.run(_load(url.rstrip("/"), rate, seconds))


async def _load(url: str, rate: int, seconds: int) -> None:
    paths = (
        *(
            "wexels",
            "wexels?limit=10&sort=id",
            "pools",
            "users?limit=20",
            "deposits?limit=20",
            "loans",
            "prices",
            "chains",
        ),
        *("market/listings", "market/trades", "events/vault/WexelCreated?limit=20", "prices/ETH-USD/history?limit=50"),
        *(f"wexels/{number}" for number in range(1, 40)),
    )
    times: list[float] = []
    answers: Counter[str] = Counter()

    async def ask(session: aiohttp.ClientSession, path: str) -> None:
        began = time.perf_counter()
        try:
            async with session.get(f"{url}/api/v1/{path}") as answer:
                await answer.read()
                answers[str(answer.status)] += 1
        except (aiohttp.ClientError, TimeoutError) as exc:
            answers[type(exc).__name__] += 1
        times.append(time.perf_counter() - began)

    async def behind(session: aiohttp.ClientSession) -> float:
        async with session.get(f"{url}/api/v1/status") as answer:
            chain = (await answer.json())["chains"][0]
        return float(chain["head"] - chain["block"])

    connector = aiohttp.TCPConnector(limit=200)
    async with aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(30)) as session:
        loop = asyncio.get_running_loop()
        began, asked, tasks = loop.time(), 0, set[asyncio.Task[None]]()
        lags = []
        while (elapsed := loop.time() - began) < seconds:
            while asked < elapsed * rate:
                task = asyncio.create_task(ask(session, paths[asked % len(paths)]))
                tasks.add(task)
                task.add_done_callback(tasks.discard)
                asked += 1
                if asked % rate == 0:
                    lags.append(await behind(session))
            await asyncio.sleep(0.002)
        await asyncio.gather(*tasks)
    times.sort()
    say(
        f"{rate:,} requests/s asked for {seconds} s, answers",
        ", ".join(f"{n:,} × {what}" for what, n in answers.items()),
    )
    say("  rate of answers", f"{len(times) / (loop.time() - began):,.0f}/s")
    for share in (0.5, 0.95, 0.99):
        say(f"  p{share * 100:.0f}", f"{times[int(len(times) * share)] * 1e3:.1f} ms")
    say("  blocks behind the head meanwhile, at most", f"{max(lags, default=0):.0f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", default=["metrics", "stall", "merge", "figures"])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--url", default="http://127.0.0.1:3001")
    parser.add_argument("--rate", type=int, default=1_000)
    parser.add_argument("--seconds", type=int, default=20)
    given = parser.parse_args()
    known: dict[str, Callable[[], None]] = {
        "metrics": metrics,
        "stall": stall,
        "merge": merging,
        "figures": lambda: figures(given.rows),
        "load": lambda: load_test(given.url, given.rate, given.seconds),
    }
    for part in given.parts:
        known[part]()


if __name__ == "__main__":
    main()
