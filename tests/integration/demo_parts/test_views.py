"""The protocol's views and gauges say what the chain's events mean and what the contracts answer."""

from collections.abc import AsyncIterator
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from demo.contracts_build import ROOT
from demo.deploy import users
from demo.traffic import Play
from indexer.wiring import open_keepers, start
from shared import protocol
from shared.runtime import Stop
from shared.settings import Settings
from shared.worker import open_worker
from tests.integration.demo_parts.conftest import fresh_chain
from tests.integration.demo_parts.ledger import Ledger, Row
from tests.integration.demo_parts.test_traffic import MONTH_S, Stepped
from tests.integration.demo_parts.world import World

WEXEL = ROOT / "protocols" / "wexel"
PLAYERS = users(5)
GAUGES = {
    "usdx_total_value_locked": ("vault", "totalValueLocked", 10**6),
    "usdx_active_wexels_count": ("vault", "activeWexels", 1),
    "usdx_total_users_count": ("vault", "totalUsers", 1),
    "usdx_collateralized_wexels_count": ("vault", "collateralizedWexels", 1),
    "usdx_total_loans_outstanding_usd": ("vault", "loansOutstanding", 10**6),
    "usdx_last_deposit_timestamp_seconds": ("vault", "lastDepositAt", 1),
    "usdx_last_trade_timestamp_seconds": ("marketplace", "lastTradeAt", 1),
    "usdx_loans_collateral_value_usd": ("vault", "collateralValue", 10**6),
}


def configured(base: Settings, world: World) -> Settings:
    """The test's database, with this chain and the wexel protocol on it."""
    where = world.deployed.addresses()
    return Settings.model_validate(
        {
            "database": {"url": base.database.url},
            "data_dir": base.data_dir,
            "chains": {"demo": {"rpc": [{"name": "anvil", "url": world.node.url}]}},
            "protocols": {
                "wexel": {
                    "path": WEXEL,
                    "chain": "demo",
                    "addresses": {name: where[name] for name in ("vault", "marketplace")},
                }
            },
        }
    )


async def index(settings: Settings) -> None:
    """Bring the database to the chain's tip, by the real indexer."""
    async with open_worker("test", settings) as worker, open_keepers(worker) as keepers:
        await start(keepers)
        for keeper in keepers:
            await keeper.catch_up(Stop())


@pytest.fixture
async def played(anvil: Path, settings: Settings) -> AsyncIterator[tuple[World, Settings]]:
    """A chain on which users have done everything, and its indexed events."""
    async with fresh_chain(month_s=MONTH_S, count=len(PLAYERS)) as (node, where):
        stepped = Stepped(node, where, Play("views", 8, PLAYERS))
        await stepped.begin()
        await stepped.blocks(110)
        found = configured(settings, stepped.world)
        await index(found)
        yield stepped.world, found


async def ledger(world: World, last_block: int) -> Ledger:
    """What the chain's events up to a block mean."""
    found = Ledger()
    addresses = [world.vault.address, world.market.address]
    logs = await world.node.rpc.call(
        "eth_getLogs", [{"fromBlock": "0x0", "toBlock": hex(last_block), "address": addresses}]
    )
    for log in logs:
        event = world.read(log)
        assert event is not None
        found.read(*event, int(log["blockTimestamp"], 16))
    return found


def plain(value: Any) -> Any:
    """A value of Postgres as the ledger writes it."""
    if isinstance(value, bytes):
        return "0x" + value.hex()
    return int(value.timestamp()) if isinstance(value, datetime) else value


async def rows(cx: asyncpg.Connection, view: str, like: Row, order: str) -> list[Row]:
    """A view's rows, in the ledger's columns."""
    found = await cx.fetch(f"select * from wexel.{view} order by {order}")
    return [{key: plain(row[key]) for key in like} for row in found]


async def agree(cx: asyncpg.Connection, truth: Ledger) -> None:
    """Fail the test unless every view says what the ledger does."""
    keyed: dict[str, tuple[dict[Any, Row], str]] = {
        "pools": (truth.pools, "pool_id"),
        "wexels": (truth.wexels, "wexel_id"),
        "listings": (truth.listings, "listing_id"),
        "users": (truth.users, "address"),
    }
    for view, (expected, key) in keyed.items():
        whole = [{key: number} | row for number, row in sorted(expected.items())]
        assert whole, f"the play made no {view}"
        assert await rows(cx, view, whole[0], key) == whole
    for view, listed in (("loans", truth.loans), ("trades", truth.trades)):
        assert listed, f"the play made no {view}"
        assert await rows(cx, view, listed[0], "block_number, log_index") == listed
    held = await cx.fetch("select wexel_id, owner from wexel.holdings order by wexel_id")
    assert [(row[0], plain(row[1])) for row in held] == [(n, w["owner"]) for n, w in sorted(truth.wexels.items())]
    for view, column, where in (
        ("open_loans", "loan_usd", "collateralized"),
        ("open_listings", "ask_usd", "listing_id"),
    ):
        opened = await cx.fetch(f"select wexel_id, {column} from wexel.{view} order by wexel_id")
        assert [tuple(row) for row in opened] == [(n, w[column]) for n, w in sorted(truth.wexels.items()) if w[where]]
    deposits = await cx.fetch("select wexel_id, depositor, principal_usd from wexel.deposits order by wexel_id")
    assert [(row[0], row[2]) for row in deposits] == [(n, w["principal_usd"]) for n, w in sorted(truth.wexels.items())]


async def gauges(cx: asyncpg.Connection) -> dict[str, list[Row]]:
    """Every gauge of metrics.toml by its own query."""
    return {gauge.name: [dict(row) for row in await cx.fetch(gauge.query)] for gauge in protocol.load(WEXEL).gauges}


async def test_views_and_gauges_tell_the_truth(played: tuple[World, Settings]) -> None:
    """Views equal what the events mean, worked out independently; gauges equal the contracts' answers to the cent."""
    world, settings = played
    last_block = int(await world.node.rpc.call("eth_blockNumber"), 16)
    cx = await asyncpg.connect(secret(settings))
    try:
        await agree(cx, await ledger(world, last_block))
        found = await gauges(cx)
    finally:
        await cx.close()
    for name, (contract, function, unit) in GAUGES.items():
        (row,) = found.pop(name)
        assert row["value"] == Decimal(await world.ask(world.deployed[contract], function)) / unit, name
        assert row.get("chain", "demo") == "demo"
    by_pool = found.pop("usdx_pool_value_locked_usd")
    assert {(row["chain"], row["pool"]): row["value"] for row in by_pool} == {
        ("demo", str(pool)): Decimal(await world.ask(world.vault, "poolValueLocked", pool)) / 10**6
        for pool in range(1, 7)
    }
    assert not found, "a gauge is not compared"


async def test_a_rolled_back_block_leaves_the_views(played: tuple[World, Settings]) -> None:
    """With the rows above a block gone, every view says what it said when that block was the newest."""
    world, settings = played
    last_block = int(await world.node.rpc.call("eth_blockNumber"), 16)
    cx = await asyncpg.connect(secret(settings))
    try:
        tables = await cx.fetch("select tablename from pg_tables where schemaname = 'wexel'")
        for depth in (1, 7, 40):
            for (table,) in tables:
                await cx.execute(f"delete from wexel.{table} where block_number > $1", last_block - depth)
            await agree(cx, await ledger(world, last_block - depth))
    finally:
        await cx.close()


async def test_an_empty_chain_has_honest_figures(anvil: Path, settings: Settings) -> None:
    """Before the first deposit totals are zero, pools are empty, and nothing claims to know a time."""
    async with fresh_chain() as (node, where):
        found = configured(settings, World(node, where))
        await index(found)
        cx = await asyncpg.connect(secret(found))
        try:
            figures = await gauges(cx)
        finally:
            await cx.close()
    pools = figures.pop("usdx_pool_value_locked_usd")
    assert [row["value"] for row in pools] == [0] * 6
    assert figures.pop("usdx_last_deposit_timestamp_seconds") == []
    assert figures.pop("usdx_last_trade_timestamp_seconds") == []
    assert {name: row["value"] for name, (row,) in figures.items()} == dict.fromkeys(figures, 0)


def secret(settings: Settings) -> str:
    assert settings.database.url is not None
    return settings.database.url.get_secret_value()
