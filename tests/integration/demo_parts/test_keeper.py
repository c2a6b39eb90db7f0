"""The keeper brings the market's price on the chain."""

import asyncio
from decimal import Decimal

import pytest

from demo.deploy import weth_is_token0
from demo.keeper import pool_tick, push
from demo.parts import Anvil
from demo.pricepath import PricePath
from tests.integration.demo_parts.conftest import fresh_chain
from tests.integration.demo_parts.running import PATIENCE_S, running
from tests.integration.demo_parts.world import World

pytestmark = pytest.mark.asyncio(loop_scope="module")
PATH = PricePath("usdx")


async def test_feed_and_pool_tell_the_market(world: World) -> None:
    """After a push the feeds answer the path's price exactly, the pool its tick."""
    at_ms = 1_795_000_000_000
    await world.node.settle(await push(world.node, world.deployed, PATH, at_ms))
    assert (await world.ask(world.deployed["feed_eth_usd"], "latestRoundData"))[1] == PATH.price_e8("ETH/USD", at_ms)
    assert (await world.ask(world.deployed["feed_usdt_usd"], "latestRoundData"))[1] == PATH.price_e8("USDT/USD", at_ms)
    sqrt_price_x96, tick, *_ = await world.ask(world.deployed["pool_weth_usdt"], "slot0")
    price = PATH.price("ETH/USD", at_ms) / PATH.price("USDT/USD", at_ms)
    assert tick == pool_tick(price, base_is_token0=weth_is_token0(world.deployed))
    ratio = Decimal(sqrt_price_x96) ** 2 / 2**192
    seen = (ratio if weth_is_token0(world.deployed) else 1 / ratio) * 10**12
    assert abs(seen / price - 1) < Decimal("0.00011")


async def test_the_process_pushes_until_sigterm() -> None:
    """`python -m demo.keeper` writes round after round and exits 0 on SIGTERM."""
    async with fresh_chain() as (node, deployed):
        url = node.url
        async with running("demo.keeper", "--rpc", url, "--every", "0.1") as keeper:
            await keeper.line("pushing prices")
            async with asyncio.timeout(PATIENCE_S):
                while await node.ask(deployed["feed_eth_usd"], "latestRound") < 2**64 + 3:
                    await asyncio.sleep(0.05)
            assert await keeper.terminate() == 0


async def test_the_process_outlives_its_node() -> None:
    """A node that is away is asked again; the process neither ends nor floods, and still ends on SIGTERM."""
    async with Anvil.start() as anvil:
        url = anvil.url
    async with running("demo.keeper", "--rpc", url, "--every", "0.1") as keeper:
        await keeper.line("push failed")
        await keeper.line("push failed")
        assert await keeper.terminate() == 0
