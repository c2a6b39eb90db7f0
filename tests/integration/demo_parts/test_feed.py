"""The feed answers as a Chainlink proxy does."""

import pytest

from tests.integration.demo_parts.world import ANN, KEEPER, World

pytestmark = pytest.mark.asyncio(loop_scope="module")
PHASE = 1 << 64


async def test_a_pushed_answer_is_the_latest_round(world: World) -> None:
    """Round ids carry the phase; both times are the block's; answeredInRound repeats the round."""
    feed = world.deployed["feed_eth_usd"]
    await world.act(KEEPER, feed, "push", 3_100_12345678)
    first = await world.node.time()
    await world.act(KEEPER, feed, "push", 3_101_00000000)
    second = await world.node.time()
    assert await world.ask(feed, "latestRoundData") == (PHASE + 2, 3_101_00000000, second, second, PHASE + 2)
    assert await world.ask(feed, "getRoundData", PHASE + 1) == (PHASE + 1, 3_100_12345678, first, first, PHASE + 1)


async def test_no_round_no_answer(world: World) -> None:
    """An empty feed and an unknown round revert as Chainlink's do."""
    feed = world.deployed["feed_usdt_usd"]
    assert await world.refused(ANN, feed, "latestRoundData") == "No data present"
    assert await world.refused(ANN, feed, "getRoundData", 1) == "No data present"


async def test_it_says_what_it_prices(world: World) -> None:
    """Decimals, description and version are read from the chain, never assumed."""
    said = [await world.ask(world.deployed["feed_eth_usd"], name) for name in ("decimals", "description", "version")]
    assert said == [8, "ETH / USD", 4]
    assert await world.ask(world.deployed["feed_usdt_usd"], "description") == "USDT / USD"


async def test_only_the_keeper_pushes_but_anything(world: World) -> None:
    """Zero and negative answers go through: defending against them is the reader's part."""
    feed = world.deployed["feed_eth_usd"]
    assert await world.refused(ANN, feed, "push", 1) == "not the keeper"
    for answer in (0, -37 * 10**8):
        await world.act(KEEPER, feed, "push", answer)
        assert (await world.ask(feed, "latestRoundData"))[1] == answer
