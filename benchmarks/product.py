"""Run the product as its users do, and count what it stored and asked for."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import asyncpg

from benchmarks.stage import ROOT, SCHEMA, WORK, Node, configure
from benchmarks.tree import Tree, Usage

USDX = Path(sys.executable).with_name("usdx")
TIMEOUT_S = 1_200


@dataclass(frozen=True, slots=True)
class Run:
    """One `usdx backfill`. Shape: `start_s` is what its start took, until the first row could have been asked for."""

    rows: int
    usage: Usage
    start_s: float
    requests: int
    calls: int
    node_cpu_s: float

    @property
    def per_s(self) -> float:
        """Events a second of the whole command, its start included."""
        return self.rows / self.usage.seconds

    @property
    def steady_per_s(self) -> float:
        """Events a second once it was started."""
        return self.rows / max(self.usage.seconds - self.start_s, 1e-9)


@dataclass(frozen=True, slots=True)
class Spent:
    """What nodes were asked for so far, and what answering cost them."""

    requests: int
    calls: int
    cpu_s: float


def backfill(
    node: Node, database: str, command: Sequence[str] = (str(USDX),), *, witnesses: Sequence[Node] = ()
) -> Run:
    """`usdx backfill` from an empty database to the tip. With witnesses every log must be confirmed by another node.

    Raises RuntimeError with its words when it fails.
    """
    nodes = [node, *witnesses]
    config = configure(WORK / "run", database, nodes)
    before = _spent(nodes)
    tree = Tree([*command, "backfill", "--config", str(config)], ROOT, WORK / "run.log")
    start_s = _until_asked(nodes, tree)
    usage = tree.wait(TIMEOUT_S)
    if usage.code:
        raise RuntimeError(f"usdx backfill ended with {usage.code}:\n{usage.output[-3000:]}")
    after = _spent(nodes)
    return Run(
        asyncio.run(count(database)),
        usage,
        start_s,
        after.requests - before.requests,
        after.calls - before.calls,
        after.cpu_s - before.cpu_s,
    )


@dataclass(frozen=True, slots=True)
class Counting:
    """What counting cost one `usdx backfill`. Shape: CPU seconds, of counting and of the whole process tree."""

    calls: int
    cpu_s: float
    tree_cpu_s: float

    @property
    def share(self) -> float:
        return self.cpu_s / self.tree_cpu_s


def counting(node: Node, database: str) -> Counting:
    """`usdx backfill` with a clock around everything that counts."""
    found = WORK / "counting.json"
    run = backfill(node, database, (sys.executable, "-m", "benchmarks.clocked", str(found)))
    told = json.loads(found.read_text())
    return Counting(told["calls"], told["cpu_s"], run.usage.cpu_s)


def _spent(nodes: Sequence[Node]) -> Spent:
    told = [node.stats() for node in nodes]
    return Spent(
        sum(one["requests"] for one in told),
        sum(sum(one["calls"].values()) for one in told),
        sum(one["cpu_s"] for one in told),
    )


def _until_asked(nodes: Sequence[Node], tree: Tree) -> float:
    """Seconds until one of the nodes was asked for the first logs."""
    began, before = time.monotonic(), _questions(nodes)
    while tree.process.poll() is None and _questions(nodes) == before:
        time.sleep(0.02)
    return time.monotonic() - began


def _questions(nodes: Sequence[Node]) -> int:
    return sum(int(node.stats()["calls"].get("eth_getLogs", 0)) for node in nodes)


async def count(database: str) -> int:
    """How many rows all event tables hold."""
    cx = await asyncpg.connect(database)
    try:
        tables = await cx.fetch("select tablename from pg_tables where schemaname = $1", SCHEMA)
        counts = [await cx.fetchval(f'select count(*) from "{SCHEMA}"."{row["tablename"]}"') for row in tables]
    finally:
        await cx.close()
    return sum(counts)


@dataclass(frozen=True, slots=True)
class Seen:
    """When blocks were published and when they stood in Postgres, in unix seconds."""

    published: float
    visible: float

    @property
    def delay_ms(self) -> float:
        return (self.visible - self.published) * 1000


def follow(node: Node, database: str, poll_s: float, seconds: float) -> Sequence[Seen]:
    """`usdx indexer` at the moving head: for each block how long it took to be seen by another connection."""
    config = configure(WORK / "live", database, [node], poll_s=poll_s)
    tree = Tree([str(USDX), "indexer", "--config", str(config)], ROOT, WORK / "live.log")
    try:
        return asyncio.run(_watch(node, database, seconds))
    finally:
        tree.stop()


async def _watch(node: Node, database: str, seconds: float) -> Sequence[Seen]:
    stats = node.stats()
    t0, start, mine_s = stats["t0"], stats["start"], stats["mine_s"]
    cx = await asyncpg.connect(database)
    try:
        for _ in range(600):
            if await cx.fetchval("select to_regclass('usdx.cursors') is not null"):
                break
            await asyncio.sleep(0.1)
        query = await cx.prepare("select max(block_number) from usdx.cursors")
        at = await _caught_up(query, node)
        seen: list[Seen] = []
        end = time.time() + seconds
        while time.time() < end:
            now_at = await query.fetchval()
            now = time.time()
            seen += [Seen(t0 + (number - start) * mine_s, now) for number in range(at + 1, now_at + 1)]
            at = max(at, now_at)
            await asyncio.sleep(0.001)
    finally:
        await cx.close()
    return seen


async def _caught_up(query: asyncpg.prepared_stmt.PreparedStatement, node: Node) -> int:
    """The first block from which on it follows the tip."""
    for _ in range(600):
        at = await query.fetchval()
        if at is not None and node.stats()["head"] - at <= 1:
            await asyncio.sleep(1.0)
            return int(await query.fetchval())
        await asyncio.sleep(0.1)
    raise RuntimeError("usdx indexer never reached the tip; see .usdx/bench/live.log")
