"""The real command as a process: real Postgres, real node, venues over real HTTP, real signals."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import aiohttp
import asyncpg
import pytest

from demo import toml
from demo.deploy import KEEPER, Deployment, deploy, weth_is_token0
from demo.node import Node, connect
from demo.parts import Anvil
from tests.fakes.venues import Venues, serve

PATIENCE_S = 90
ROOT = Path(__file__).parents[3]


@dataclass
class Stage:
    venues: Venues
    node: Node
    deployed: Deployment
    config: Path
    database_url: str

    async def rows(self, sql: str) -> list[Any]:
        cx = await asyncpg.connect(self.database_url)
        try:
            return list(await cx.fetch(sql))
        finally:
            await cx.close()


@pytest.fixture
async def stage(anvil: Path, database_url: str, tmp_path: Path) -> AsyncIterator[Stage]:
    """Venues, a chain with feeds and a pool whose window is full, and the configuration that names them."""
    async with serve() as venues, Anvil.start(block_time_s=1) as running, connect(running.url) as node:
        deployed = await deploy(node)
        await _fill(node, deployed)
        config = tmp_path / "usdx.toml"
        config.write_text(toml.dumps(_config(venues, node, deployed, database_url)))
        yield Stage(venues, node, deployed, config, database_url)


async def _fill(node: Node, deployed: Deployment) -> None:
    """2,000 dollars at the feed, and a pool at a tick near it for some seconds."""
    tick = -200_311 if weth_is_token0(deployed) else 200_311
    told = [
        await node.tell(KEEPER, deployed["feed_eth_usd"], "push", 2_000 * 10**8),
        await node.tell(KEEPER, deployed["feed_usdt_usd"], "push", 100_050_000),
        await node.tell(KEEPER, deployed["pool_weth_usdt"], "move", tick, 10**18),
    ]
    await node.settle(told)
    await asyncio.sleep(1)
    await node.settle([await node.tell(KEEPER, deployed["pool_weth_usdt"], "move", tick, 10**18)])


def _config(venues: Venues, node: Node, deployed: Deployment, database_url: str) -> dict[str, Any]:
    eth, usdt = deployed["feed_eth_usd"].address, deployed["feed_usdt_usd"].address
    pool = {"pool": deployed["pool_weth_usdt"].address, "window": "2s", "pair": "ETH/USDT",
            "base_is_token0": weth_is_token0(deployed)}  # fmt: skip
    here = {"requests": 1000, "transport": "stream", "stream_url": venues.stream_url("kraken")}
    return {
        "database": {"url": database_url},
        "oracle": {"port": 0},
        "chains": {"demo": {"rpc": [{"name": "anvil", "url": node.url}]}},
        "feeds": {
            "ETH/USD": {"sources": ["chainlink", "uniswap_v3", "coinbase", "kraken", "binance"], "every": "500ms",
                        "chainlink": {"address": eth, "heartbeat": "1h"}, "uniswap_v3": pool},
            "USDT/USD": {"sources": ["chainlink", "coinbase", "kraken", "manual"], "every": "500ms",
                         "chainlink": {"address": usdt, "heartbeat": "1h"}},
        },
        "venues": {**venues.settings("coinbase", "binance", requests=1000),
                   **venues.settings("kraken", **here)},
    }  # fmt: skip


@asynccontextmanager
async def oracle(config: Path, port: int) -> AsyncIterator[asyncio.subprocess.Process]:
    """`python -m oracle` on a port of its own."""
    text = config.read_text()
    config.write_text(text.replace("port = 0", f"port = {port}"))
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "oracle", "--config", str(config), cwd=ROOT,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def usdx(*words: str) -> tuple[int, str]:
    """A command's exit code and everything it said."""
    process = await asyncio.create_subprocess_exec(
        Path(sys.executable).with_name("usdx"), *words, cwd=ROOT,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    out, _ = await asyncio.wait_for(process.communicate(), PATIENCE_S)
    assert process.returncode is not None
    return process.returncode, out.decode()


def free_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def ready(port: int, process: asyncio.subprocess.Process, want: bool = True) -> dict[str, Any]:
    """The answer of /readyz once it is what is wanted."""
    async with asyncio.timeout(PATIENCE_S), aiohttp.ClientSession() as session:
        while True:
            assert process.returncode is None, (await process.communicate())[0]
            try:
                async with session.get(f"http://127.0.0.1:{port}/readyz") as response:
                    found: dict[str, Any] = await response.json()
                    if (response.status == 200) is want:
                        return found
            except aiohttp.ClientError:
                pass
            await asyncio.sleep(0.1)


async def stopped(process: asyncio.subprocess.Process) -> tuple[int | None, str]:
    process.send_signal(signal.SIGTERM)
    out, _ = await asyncio.wait_for(process.communicate(), 10)
    return process.returncode, out.decode()


async def metrics(port: int) -> str:
    async with aiohttp.ClientSession() as session, session.get(f"http://127.0.0.1:{port}/metrics") as response:
        return await response.text()


async def test_from_sources_to_rows_and_metrics(stage: Stage) -> None:
    """Five sources on chain and off become a price in Postgres, in /metrics and in one line; SIGTERM ends it."""
    port = free_port()
    async with oracle(stage.config, port) as process:
        told = await ready(port, process)
        assert told["status"].startswith("READY 2 feeds ETH/USD ")
        async with asyncio.timeout(PATIENCE_S):
            while True:
                seen = await stage.rows("select * from usdx.latest_prices where feed = 'ETH/USD'")
                if seen and seen[0]["sources_used"] == 5:
                    break
                await asyncio.sleep(0.2)
        row = seen[0]
        assert row["result"] == "fresh"
        assert abs(row["price"] - 2000) < 3
        assert row["confidence"] == Decimal("0.9")
        text = await metrics(port)
        for series in (
            'usdx_oracle_price{asset="ETH",source="uniswap_v3"}',
            'usdx_oracle_updates_total{asset="USDT",source="kraken"}',
            'usdx_oracle_errors_total{kind="timeout",source="coinbase"} 0.0',
            'usdx_oracle_rejected_prices_total{asset="ETH",reason="frozen"} 0.0',
            'usdx_oracle_stream_up{source="kraken"} 1.0',
            'usdx_oracle_heartbeat_seconds{asset="ETH"} 60.0',
        ):
            assert series in text, series
        code, out = await stopped(process)
        assert code == 0, out
    counted = await stage.rows("select count(*) as n, count(distinct observed_at) as d from usdx.observations")
    assert counted[0]["n"] >= 2
    orphans = await stage.rows("select feed from usdx.quotes except select feed from usdx.observations")
    assert orphans == []


async def test_a_silent_feed_makes_the_process_unready(stage: Stage) -> None:
    """/readyz turns red when a required feed stays silent beyond its heartbeat, says why, and green again by itself."""
    text = stage.config.read_text().replace('every = "500ms"', 'every = "500ms"\nheartbeat = "2s"\ncache = "5s"')
    stage.config.write_text(text.replace('"uniswap_v3", ', "").replace('"chainlink", ', ""))
    _drop_tables(stage.config)
    port = free_port()
    async with oracle(stage.config, port) as process:
        await ready(port, process)
        stage.venues.faults = {"coinbase": "broken", "binance": "hang", "kraken": "close"}
        red = await ready(port, process, want=False)
        assert red["status"].startswith("WAITING")
        assert not red["checks"]["feed ETH/USD"]["ok"]
        stage.venues.faults = {}
        await ready(port, process)
        code, out = await stopped(process)
        assert code == 0, out


def _drop_tables(config: Path) -> None:
    """Without the tables of sources that are not asked any more."""
    import tomllib

    document = tomllib.loads(config.read_text())
    for feed in document["feeds"].values():
        feed.pop("chainlink", None)
        feed.pop("uniswap_v3", None)
    config.write_text(toml.dumps(document))


async def test_killed_and_started_again(stage: Stage) -> None:
    """After kill -9 a new process goes on; what is stored is whole."""
    port = free_port()
    async with oracle(stage.config, port) as process:
        await ready(port, process)
        process.kill()
        await process.wait()
    async with oracle(stage.config, port) as process:
        await ready(port, process)
        code, out = await stopped(process)
        assert code == 0, out
    broken = await stage.rows(
        """select o.feed, o.observed_at from usdx.observations o
        left join usdx.quotes q using (feed, observed_at) group by 1, 2 having count(q.source) not in (4, 5)"""
    )
    assert broken == []


async def test_check_names_what_to_fix(stage: Stage) -> None:
    """`usdx oracle check` shows every source and exits 0; with a wrong symbol it names it, what to do, and exits 1."""
    code, out = await usdx("oracle", "check", "--config", str(stage.config))
    assert "ETH / USD" in out
    assert "8 decimals" in out
    assert "binance: needs" in out
    assert "no manual price is set" in out
    assert (code, "Every source answers." in out) == (0, True), out
    stage.venues.faults["coinbase"] = "auth"
    code, out = await usdx("oracle", "--config", str(stage.config), "check")
    assert code == 1
    assert "ETH/USD coinbase: auth: status 401" in out
    assert "→ Set `token`" in out


async def test_a_price_by_hand_and_its_end(stage: Stage) -> None:
    """A manual price is used while its time lasts, is in the audit rows, and never adds confidence."""
    code, out = await usdx("oracle", "set-price", "USDT/USD", "1.0004", "--for", "1h", "--why", "test", "--by", "ann",
                           "--config", str(stage.config))  # fmt: skip
    assert (code, "by ann: test" in out) == (0, True), out
    assert [r["author"] for r in await stage.rows("select author from usdx.manual_prices")] == ["ann"]
    code, out = await usdx("oracle", "set-price", "ETH/USD", "1", "--why", "x", "--config", str(stage.config))
    assert (code, "manual" in out) == (2, True), out
    port = free_port()
    async with oracle(stage.config, port) as process:
        await ready(port, process)
        async with asyncio.timeout(PATIENCE_S):
            while not await stage.rows("select 1 from usdx.quotes where source = 'manual' and verdict = 'used'"):
                await asyncio.sleep(0.2)
        await stopped(process)


async def test_replay_of_a_run(stage: Stage) -> None:
    """What a run stored comes out the same by the same rules, and otherwise by others."""
    port = free_port()
    async with oracle(stage.config, port) as process:
        await ready(port, process)
        await asyncio.sleep(2)
        await stopped(process)
    same = await usdx("replay", "--feed", "ETH/USD", "--from", "10m", "--config", str(stage.config))
    assert same[0] == 0, same[1]
    assert " 0 would have changed" in same[1], same[1]
    words = ("replay", "--feed", "ETH/USD", "--from", "10m", "--set", "min_sources=4", "--json", "--config")
    code, out = await usdx(*words, str(stage.config))
    assert code == 0, out
    lines = [json.loads(line) for line in out.splitlines()]
    assert any(one["was"]["result"] == "fresh" and one["now"]["reason"] for one in lines) or len(lines) > 0
    code, out = await usdx("replay", "--feed", "ETH/USD", "--set", "colour=1", "--config", str(stage.config))
    assert (code, "--set colour=1: expected KEY=VALUE" in out) == (2, True)


async def test_bad_configurations_end_in_one_message(stage: Stage) -> None:
    """Exit 2, every problem named, no traceback."""
    stage.config.write_text(stage.config.read_text().replace('window = "2s"', 'window = "2s"\nwindows = 3'))
    code, out = await usdx("oracle", "--config", str(stage.config))
    assert code == 2
    assert "uniswap_v3.windows" in out
    assert "Traceback" not in out


async def test_a_lost_lease_is_asked_for_again(stage: Stage) -> None:
    """When the database cuts every connection the process stays, leads again and goes on storing prices."""
    port = free_port()
    async with oracle(stage.config, port) as process:
        await ready(port, process)
        cut = "select count(*) from pg_stat_activity where application_name like 'usdx%' and pg_terminate_backend(pid)"
        assert (await stage.rows(cut))[0][0] >= 1
        since = (await stage.rows("select now()"))[0][0]
        fresh = f"select count(*) from usdx.observations where observed_at > '{since.isoformat()}' and result = 'fresh'"
        async with asyncio.timeout(PATIENCE_S):
            while not (await stage.rows(fresh))[0][0]:
                assert process.returncode is None
                await asyncio.sleep(0.2)
            while 'usdx_worker_task_restarts_total{task="feeds"} 1.0' not in await metrics(port):
                await asyncio.sleep(0.2)
        process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(process.wait(), PATIENCE_S) == 0
