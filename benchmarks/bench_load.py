"""Ask the API of a real aggregator while a real indexer backfills into the same Postgres."""

from __future__ import annotations

import asyncio
import random
import socket
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import uvloop

from benchmarks.asker import Answers, ask
from benchmarks.chain import BLOCKS_PER_CHUNK, PERIOD, PROFILES, Chain
from benchmarks.product import USDX, count
from benchmarks.report import Line
from benchmarks.stage import ROOT, WORK, Databases, Node, NodePlan, configure, replay
from benchmarks.tree import Tree, cpu_of, family
from benchmarks.wexel_world import fill
from shared.db import Database
from shared.metrics import Registry
from shared.settings import Settings
from tests.integration.aggregator.world import MARKET, VAULT, WEXEL, World

ROWS = 200_000
PAGES = (
    *("wexels", "wexels?limit=10&sort=id", "pools", "users?limit=20", "deposits?limit=20", "loans", "prices", "chains"),
    *("market/listings", "market/trades", "events/vault/WexelCreated?limit=20", "events/vault/Transfer?limit=20"),
    *("prices/ETH-USD/history?limit=50", "status"),
)
TRANSFERS = "/api/v1/events/token/Transfer?limit=20"
START_S = 60.0


@dataclass(frozen=True, slots=True)
class Plan:
    """How much to ask: `rate` a second for `seconds`, while the indexer works through `blocks`."""

    rate: int
    seconds: float
    blocks: int


def common(number: int) -> str:
    """The lists and fifty wexels, as many people would look at them."""
    number %= len(PAGES) + 50
    return f"/api/v1/{PAGES[number]}" if number < len(PAGES) else f"/api/v1/wexels/{number}"


def growing(number: int) -> str:
    """The same, and what the indexer has stored last."""
    return TRANSFERS if number % (len(PAGES) + 51) == 0 else common(number)


def others(number: int) -> str:
    """Another wexel every time: nothing of this is in memory."""
    return f"/api/v1/wexels/{number + 1}"


def load(databases: Databases, plan: Plan) -> Iterator[Line]:
    """The same questions at rest and while the indexer works as fast as it can, then ever different ones."""
    with (
        replay(NodePlan("dense", plan.blocks, keep=120)) as node,
        databases.fresh() as database,
        aggregator(node, database) as api,
    ):
        at_rest = api.asked(common, plan.rate, plan.seconds / 2)
        yield Line("API, nothing else runs", *said(at_rest, plan.rate), detail=api.cost)
        indexer = Tree(
            [str(USDX), "backfill", "--config", str(WORK / "load" / "usdx.toml")], ROOT, WORK / "load-indexer.log"
        )
        _until(lambda: api.answers(TRANSFERS), "events are stored")
        before, began = asyncio.run(count(database)), time.monotonic()
        busy = api.asked(growing, plan.rate, plan.seconds)
        stored = asyncio.run(count(database)) - before
        pace = f"{stored / (time.monotonic() - began):,.0f} events/s stored meanwhile"
        works = "works" if indexer.process.poll() is None else "ENDED BEFORE"
        yield Line("API, the indexer works", *said(busy, plan.rate), detail=f"{api.cost}; indexer {works}, {pace}")
        rare = api.asked(others, plan.rate // 4, plan.seconds / 2)
        yield Line("API, the indexer works, ever other questions", *said(rare, plan.rate // 4), detail=api.cost)
        usage = indexer.wait(1_200)
        found, wanted = asyncio.run(count(database)), events_of(plan.blocks)
        yield Line(
            "events stored by then",
            f"{found:,} of {wanted:,}",
            "all",
            found == wanted and usage.code == 0,
            f"{found / usage.seconds:,.0f} events/s over all",
        )


def said(answers: Answers, rate: int) -> tuple[str, str, bool]:
    """Result, target, and whether it was met."""
    total = answers.statuses.total()
    wrong = total - answers.statuses["200"]
    times = ", ".join(f"p{share * 100:g} {answers.quantile_ms(share):.1f} ms" for share in (0.5, 0.95, 0.99))
    pace = total / answers.seconds
    return f"{pace:,.0f}/s, {wrong} errors, {times}", f"{rate:,}/s, no error", wrong == 0 and pace >= 0.97 * rate


class Api:
    """A running aggregator."""

    def __init__(self, port: int, tree: Tree) -> None:
        self._port = port
        self._tree = tree
        self.cost = ""

    def answers(self, path: str) -> bool:
        """Whether there is an answer to this."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self._port}{path}", timeout=5) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def asked(self, question: Callable[[int], str], rate: int, seconds: float) -> Answers:
        """The answers; afterwards `cost` says what one of them took of a core."""
        pids = family(self._tree.process.pid)
        before = cpu_of(pids)
        answers = uvloop.run(ask(self._port, question, rate, seconds))
        per_request_ms = (cpu_of(pids) - before) / max(1, answers.statuses.total()) * 1000
        self.cost = f"{per_request_ms:.2f} ms of the aggregator's CPU a request"
        return answers


@contextmanager
def aggregator(node: Node, database: str) -> Iterator[Api]:
    """An aggregator over a filled Wexel and the tables that the indexer is about to fill."""
    asyncio.run(_fill(database))
    folder = WORK / "load"
    configure(folder, database, [node])
    port = _free_port()
    config = folder / "aggregator.toml"
    config.write_text(
        f"""data_dir = "{folder}"
[database]
url = "{database}"
[chains.replay]
rpc = [{{ name = "replay", url = "{node.url}" }}]
[chains.demo]
rpc = [{{ name = "none", url = "http://127.0.0.1:9" }}]
[protocols.bench]
path = "{folder / "token"}"
chain = "replay"
[protocols.wexel]
path = "{WEXEL}"
chain = "demo"
addresses = {{ vault = "{VAULT}", marketplace = "{MARKET}" }}
[aggregator]
port = {port}
rate = 1e9
[log]
level = "warning"
"""
    )
    tree = Tree([str(USDX), "aggregator", "--config", str(config)], ROOT, WORK / "load-aggregator.log")
    try:
        api = Api(port, tree)
        _until(lambda: api.answers("/api/v1/status"), "the aggregator answers", WORK / "load-aggregator.log")
        yield api
    finally:
        tree.stop()


async def _fill(database: str) -> None:
    async with await Database.open(Settings.model_validate({"database": {"url": database}}), Registry()) as db:
        await fill(db, ROWS)
        world, now, rng = World(db), datetime.now(UTC), random.Random(1)
        for age_s in range(300, 0, -2):
            await world.price(f"{3000 + rng.random():.4f}", now - timedelta(seconds=age_s))


def events_of(blocks: int) -> int:
    """How many events the replay node's chain has."""
    chain = Chain(PROFILES["dense"])
    each = [int(chain.pattern(number).of_block[-1]) for number in range(min(PERIOD, -(-blocks // BLOCKS_PER_CHUNK)))]
    full, rest = divmod(blocks, BLOCKS_PER_CHUNK)
    total = sum(each[number % PERIOD] for number in range(full))
    return total + (int(chain.pattern(full % PERIOD).of_block[rest]) if rest else 0)


def _until(condition: Callable[[], bool], what: str, log: Path | None = None) -> None:
    deadline = time.monotonic() + START_S
    while not condition():
        if time.monotonic() > deadline:
            raise RuntimeError(f"not within {START_S:.0f} s: {what}\n{log.read_text()[-2000:] if log else ''}")
        time.sleep(0.05)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
