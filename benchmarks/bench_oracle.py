"""How much of one core 1,000 feeds of 8 sources cost when they are observed once a second.

The whole way: schedule, joint requests over real HTTP to a server in another process, parsers, rules, metrics, and rows
into a real Postgres. What counts is the CPU time of the oracle's own process per second of rounds; below 1 one core is
enough. Run: `python -m benchmarks.bench_oracle [--feeds 1000] [--seconds 10] [--no-store]`.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import multiprocessing
import os
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import uvloop
from aiohttp import web

from oracle.aggregate import Memory
from oracle.board import Board
from oracle.journal import Journal
from oracle.metrics import RoundMetrics
from oracle.model import Round
from oracle.plan import FeedPlan, Plan, plan
from oracle.round import Rounds
from oracle.samples import Samples
from oracle.schedule import follow
from oracle.store import Store
from oracle.wiring import open_sources
from shared.clock import system_clock
from shared.db import Database
from shared.health import Health
from shared.metrics import Registry
from shared.runtime import Stop
from shared.settings import Settings

VENUES = ("binance", "okx", "bybit", "gate", "kucoin", "kraken", "hermes", "coingecko")
MANY = {"requests": 100_000, "per": "1s"}


def names(count: int) -> list[str]:
    """Invented assets, none of which ends like a currency."""
    return [f"A{i:04}" for i in range(count)]


def answer(venue: str, request: web.Request, assets: list[str]) -> Any:
    """What a venue says when it is asked: of those it is asked for, or of all where it answers with all.

    The price is the same everywhere and moves with the second.
    """
    now_ms, price = int(time.time() * 1000), str(100 + Decimal(int(time.time()) % 50) / 100)
    query = request.query
    match venue:
        case "binance":
            if "symbol" in query:
                return {"symbol": query["symbol"], "price": price}
            return [{"symbol": one, "price": price} for one in json.loads(query["symbols"])]
        case "okx":
            rows = [{"instId": f"{a}-USDT", "last": price, "ts": str(now_ms), "vol24h": "7"} for a in assets]
            return {"code": "0", "data": rows}
        case "bybit":
            rows = [{"symbol": f"{a}USDT", "lastPrice": price, "volume24h": "7"} for a in assets]
            return {"retCode": 0, "time": now_ms, "result": {"list": rows}}
        case "gate":
            return [{"currency_pair": f"{a}_USDT", "last": price, "base_volume": "7"} for a in assets]
        case "kucoin":
            rows = [{"symbol": f"{a}-USDT", "last": price, "vol": "7"} for a in assets]
            return {"code": "200000", "data": {"time": now_ms, "ticker": rows}}
        case "kraken":
            of = query["pair"].split(",")
            dollar = {"USDTUSD": "1"}
            return {
                "error": [],
                "result": {one: {"c": [dollar.get(one, price)], "v": ["1", str(now_ms)]} for one in of},
            }
        case "hermes":
            said = {
                "price": f"{Decimal(price):.8f}".replace(".", ""),
                "conf": "1",
                "expo": -8,
                "publish_time": now_ms // 1000,
            }
            return {"parsed": [{"id": one, "price": said} for one in query.getall("ids[]")]}
        case _:
            return {one: {"usd": float(price), "last_updated_at": now_ms // 1000} for one in query["ids"].split(",")}


def serve(port: Any, count: int) -> None:
    """The venues, in a process of their own."""
    _pin(1)
    assets, said = names(count), dict[tuple[str, int], bytes]()

    async def handle(request: web.Request) -> web.Response:
        key = (str(request.rel_url), int(time.time()))
        if key not in said:
            said[key] = json.dumps(answer(request.match_info["venue"], request, assets)).encode()
        return web.Response(body=said[key], content_type="application/json")

    async def main() -> None:
        app = web.Application(client_max_size=2**20)
        app.router.add_get("/{venue}/{rest:.*}", handle)
        runner = web.AppRunner(app, max_line_size=2**16)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        port.send(runner.addresses[0][1])
        await asyncio.Event().wait()

    asyncio.run(main())


@contextlib.contextmanager
def venues(count: int) -> Iterator[int]:
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=serve, args=(theirs, count), daemon=True)
    process.start()
    try:
        yield ours.recv()
    finally:
        process.kill()
        process.join()


def _pin(core: int) -> None:
    cores = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {cores[core % len(cores)]})


def planned(port: int, count: int) -> tuple[Settings, Plan]:
    """A feed in dollars for every asset; five of its eight sources are converted through USDT/USD."""
    feeds: dict[str, Any] = {"USDT/USD": {"sources": ["kraken"], "every": "1s", "min_sources": 1}}
    for i, asset in enumerate(names(count)):
        feeds[f"{asset}/USD"] = {"sources": list(VENUES), "every": "1s", "max_jump_bps": 0,
                                 "hermes": {"symbol": f"{i:064x}"}}  # fmt: skip
    table = {name: {"base_url": f"http://127.0.0.1:{port}/{name}", **MANY} for name in VENUES}
    settings = Settings.model_validate({"feeds": feeds, "venues": table})
    return settings, plan(settings)


@contextlib.asynccontextmanager
async def journal_of(planned_: Plan, registry: Registry, health: Health, store: bool) -> AsyncIterator[Journal | None]:
    if not store:
        yield None
        return
    clock = system_clock()
    with tempfile.TemporaryDirectory(prefix="usdx-bench-") as folder:
        settings = Settings.model_validate({"data_dir": Path(folder)})
        async with await Database.open(settings, registry) as db:
            await db.migrate()
            limits = {one.pair: one.feed.limits for one in planned_.feeds}
            pairs = {(one.pair, n): t.pair for one in planned_.feeds for n, t in one.feed.terms.items()}
            yield Journal(Store(db, limits, pairs), Samples(), health, clock)


async def run(port: int, count: int, seconds: float, store: bool) -> None:
    _pin(0)
    settings, made = planned(port, count)
    registry, clock, stop, done = Registry(), system_clock(), Stop(), list[Round]()
    board, ages = Board(), {one.pair: 60.0 for one in made.feeds}
    seen, health = RoundMetrics(registry, made), Health(registry, clock)
    async with (
        open_sources(settings, made, registry, clock, Samples()) as sources,
        journal_of(made, registry, health, store) as journal,
        asyncio.TaskGroup() as group,
    ):

        async def feed(one: FeedPlan) -> None:
            rounds = Rounds(one, sources.asker.ask, board, ages, clock, Memory())

            async def step(missed: int) -> None:
                finished = await rounds.take(missed)
                seen.observe(finished)
                done.append(finished)
                if journal is not None:
                    journal.put(finished)

            await follow(step, one.every_s, stop, clock)

        if journal is not None:
            group.create_task(journal.run(stop))
        for one in made.feeds:
            group.create_task(feed(one))
        await asyncio.sleep(3)  # connections, caches, the first conversions
        done.clear()
        cpu_s, wall_s, stored = time.process_time(), time.monotonic(), journal.stored if journal else 0
        await asyncio.sleep(seconds)
        cpu_s, wall_s = time.process_time() - cpu_s, time.monotonic() - wall_s
        stored = (journal.stored if journal else 0) - stored
        report(made, list(done), cpu_s, wall_s, stored, store)
        stop.set()
        if journal is not None:
            journal.close()


def report(made: Plan, done: list[Round], cpu_s: float, wall_s: float, stored: int, store: bool) -> None:
    """Ratios, not absolutes: what a second of rounds costs."""
    rounds_per_s = len(done) / wall_s
    used = sum(len(one.observation.used) for one in done) / max(1, len(done))
    fresh = sum(one.observation.result == "fresh" for one in done)
    per_round_s = cpu_s / max(1, len(done))
    due = sum(1 / one.every_s for one in made.feeds)
    why = Counter(f"{i.source} {i.reason}" for one in done for i in one.observation.inputs if i.reason)
    print(f"{len(made.feeds)} feeds due {due:.0f} rounds/s: took {rounds_per_s:.0f} rounds/s")
    print(f"  {fresh} of {len(done)} fresh, {used:.2f} sources used, dropped {dict(why.most_common(3))}")
    print(f"  {sum(one.missed_ticks for one in done)} ticks missed")
    print(f"  {per_round_s * 1e6:.0f} µs of CPU a round, {cpu_s / wall_s:.2f} of one core at this pace")
    print(f"  core needed for all feeds once a second: {per_round_s * due:.2f} (below 1.00 is enough)")
    if store:
        print(f"  {stored / wall_s:.0f} rounds/s stored with their quotes")


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--feeds", type=int, default=1000)
    asked.add_argument("--seconds", type=float, default=10)
    asked.add_argument("--no-store", action="store_true")
    chosen = asked.parse_args()
    with venues(chosen.feeds) as port:
        uvloop.run(run(port, chosen.feeds, chosen.seconds, not chosen.no_store))


if __name__ == "__main__":
    main()
