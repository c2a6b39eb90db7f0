"""Every figure of the API and of the gauges is what the chain itself says."""

import itertools
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from demo.traffic import Play
from shared import embedded
from shared.db import Database
from shared.metrics import Registry
from shared.settings import Settings
from tests.conftest import TEMPLATE
from tests.integration.aggregator.conftest import run_sql
from tests.integration.aggregator.world import Site, flat, site
from tests.integration.demo_parts.conftest import fresh_chain
from tests.integration.demo_parts.ledger import Ledger
from tests.integration.demo_parts.test_traffic import MONTH_S, Stepped
from tests.integration.demo_parts.test_views import GAUGES, PLAYERS, configured, index, ledger
from tests.integration.demo_parts.world import ANN, BEN, World

pytestmark = pytest.mark.timeout(600)
_numbers = itertools.count(1)


@pytest.fixture
async def database_url(postgres: embedded.Handle) -> AsyncIterator[str]:
    """A database that no chain was laid out in."""
    name = f"truth_{next(_numbers)}"
    await run_sql(postgres, f"create database {name} template {TEMPLATE}")
    yield postgres.url_of(name)
    await run_sql(postgres, f"drop database {name} with (force)")


def read(value: Any) -> Any:
    """A value of the API as the ledger writes it, where the ledger has a plain number."""
    if isinstance(value, str) and value.endswith("Z") and value[4:5] == "-":
        return int(datetime.fromisoformat(value).astimezone(UTC).timestamp())
    return value


def same(row: dict[str, Any], truth: dict[str, Any], numbers: tuple[str, ...] = ()) -> None:
    """Fail unless the row says all that the ledger does; `numbers` are ids, which the API writes as strings."""
    for name, value in truth.items():
        if isinstance(value, Decimal):
            assert isinstance(row[name], str)
            assert Decimal(row[name]) == value, (name, row, truth)
        else:
            wanted = str(value) if name in numbers and value is not None else value
            assert read(row[name]) == wanted, (name, row, truth)


async def agree(served: Site, truth: Ledger) -> None:
    """Fail unless every list of the API is what the events mean."""
    ids = ("pool_id", "wexel_id", "listing_id")
    keyed: dict[str, tuple[str, dict[Any, dict[str, Any]]]] = {
        "wexels": ("wexel_id", truth.wexels),
        "pools": ("pool_id", truth.pools),
        "users": ("address", truth.users),
        "market/listings": ("listing_id", truth.listings),
    }
    for path, (key, expected) in keyed.items():
        rows = {row[key]: row for row in flat(await served.pages(f"/api/v1/{path}", limit="7"))}
        assert set(rows) == {str(number) for number in expected}, path
        for number, one in expected.items():
            same(rows[str(number)], one, ids)
    for path, listed in (("loans", truth.loans), ("market/trades", truth.trades)):
        rows = flat(await served.pages(f"/api/v1/{path}", sort="block", limit="7"))
        assert len(rows) == len(listed), path
        for row, one in zip(rows, listed, strict=True):
            same(row, one, ids)
    deposits = flat(await served.pages("/api/v1/deposits", limit="7"))
    assert sum(Decimal(row["principal_usd"]) for row in deposits) == sum(
        wexel["principal_usd"] for wexel in truth.wexels.values()
    )


async def gauges_agree(served: Site, world: World) -> None:
    """Fail unless every gauge that is scraped is what the contracts answer, to the last unit."""
    done = await served.rooms.business.refresh()
    served.rooms.meters.refreshed(done)
    assert done.broken == {}
    for name, (contract, function, unit) in GAUGES.items():
        labels = {"chain": "demo"} if name.endswith("timestamp_seconds") else {}
        answer = Decimal(await world.ask(world.deployed[contract], function)) / unit
        assert served.registry.value(name, **labels) == (float(answer) if answer or not labels else None), name
    for pool in range(1, 7):
        answer = Decimal(await world.ask(world.vault, "poolValueLocked", pool)) / 10**6
        assert served.registry.value("usdx_pool_value_locked_usd", chain="demo", pool=str(pool)) == float(answer)


async def all_agree(settings: Settings, world: World) -> None:
    """Index up to the tip, start an aggregator, and compare everything."""
    found = configured(settings, world)
    await index(found)
    tip = int(await world.node.rpc.call("eth_blockNumber"), 16)
    async with await Database.open(found, Registry()) as db, site(found, db, refresh_every=0.001) as served:
        await agree(served, await ledger(world, tip))
        await gauges_agree(served, world)
        blocks = (await served.get("/api/v1/wexels"))["as_of"]["blocks"]
        assert {block["block_number"] for block in blocks} == {tip}


async def test_everything_is_true(anvil: Path, settings: Settings) -> None:
    """With a fixed seed every list, item and gauge equals the events worked out in plain Python and the contracts'
    own answers; so it does after a reorg, and after a restart."""
    async with fresh_chain(month_s=MONTH_S, count=len(PLAYERS)) as (node, where):
        stepped = Stepped(node, where, Play("truth", 8, PLAYERS))
        await stepped.begin()
        await stepped.blocks(70)
        world = stepped.world
        await all_agree(settings, world)
        snapshot = await node.rpc.call("evm_snapshot")
        await stepped.blocks(12)
        await all_agree(settings, world)
        await node.rpc.call("evm_revert", [snapshot])
        await node.rpc.call("evm_setAutomine", [True])
        for number in range(14):
            await world.deposit(ANN if number % 2 else BEN, usd=100 + number)
        await all_agree(settings, world)
        await all_agree(settings, world)
