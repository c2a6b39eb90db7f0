"""The marketplace keeps its rules on a real chain."""

import pytest

from tests.integration.demo_parts.world import ADMIN, ANN, BEN, CAT, MONTH_S, USD, World

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_listing_a_wexel(world: World) -> None:
    """The seller keeps a listed wexel; the offer says what, who and how much."""
    wexel = await world.deposit(ANN)
    events = await world.act(ANN, world.market, "list", wexel, 1_050 * USD)
    assert events == [("Listed", {"listingId": 1, "wexelId": wexel, "seller": ANN, "askUsd": 1_050 * USD})]
    assert await world.ask(world.vault, "ownerOf", wexel) == ANN
    assert await world.ask(world.market, "openListings") == 1


async def test_only_the_owner_lists_and_for_a_price(world: World) -> None:
    """Nobody lists what is another's or does not exist, or for nothing."""
    wexel = await world.deposit(ANN)
    assert await world.refused(BEN, world.market, "list", wexel, USD) == "not the owner"
    assert await world.refused(ANN, world.market, "list", 99, USD) == "not the owner"
    assert await world.refused(ANN, world.market, "list", wexel, 0) == "no price"


async def test_no_double_listing(world: World) -> None:
    """A listed wexel cannot be listed again before its offer is closed."""
    wexel = await world.deposit(ANN)
    listing = await world.list(ANN, wexel)
    assert await world.refused(ANN, world.market, "list", wexel, USD) == "listed"
    await world.act(ANN, world.market, "cancel", listing)
    assert await world.list(ANN, wexel) == listing + 1


async def test_a_listed_wexel_is_frozen(world: World) -> None:
    """What a buyer sees is what they get: no transfer, loan, boost, claim or redemption while it is listed."""
    wexel = await world.deposit(ANN)
    listing = await world.list(ANN, wexel)
    await world.after(100)
    attempts = {
        "transferFrom": (ANN, BEN, wexel),
        "collateralize": (wexel, USD),
        "boost": (wexel, 100),
        "claim": (wexel, ANN),
    }
    for function, arguments in attempts.items():
        assert await world.refused(ANN, world.vault, function, *arguments) == "listed"
    await world.after(12 * MONTH_S)
    assert await world.refused(ANN, world.vault, "redeem", wexel) == "listed"
    await world.act(ANN, world.market, "cancel", listing)
    assert await world.node.refusal(ANN, world.vault, "redeem", wexel) is None


async def test_a_sale_moves_wexel_and_money(world: World) -> None:
    """The buyer pays the asked price to the seller and owns the wexel with its unclaimed yield."""
    wexel = await world.deposit(ANN)
    listing = await world.list(ANN, wexel, 1_070)
    before = [await world.balance(who) for who in (ANN, BEN)]
    events = await world.act(BEN, world.market, "buy", listing)
    assert events == [
        ("Sold", {"listingId": listing, "wexelId": wexel, "buyer": BEN, "priceUsd": 1_070 * USD}),
        ("Transfer", {"sender": ANN, "receiver": BEN, "tokenId": wexel}),
    ]
    assert [await world.balance(who) for who in (ANN, BEN)] == [before[0] + 1_070 * USD, before[1] - 1_070 * USD]
    figures = {
        "totalTrades": 1,
        "tradesVolume": 1_070 * USD,
        "openListings": 0,
        "lastTradeAt": await world.node.time(),
    }
    assert {name: await world.ask(world.market, name) for name in figures} == figures
    await world.after(12 * MONTH_S)
    await world.act(BEN, world.vault, "redeem", wexel)


async def test_a_listing_is_sold_once(world: World) -> None:
    """After a sale or a cancellation an offer is closed for everybody."""
    wexel = await world.deposit(ANN)
    sold = await world.list(ANN, wexel)
    await world.act(BEN, world.market, "buy", sold)
    assert await world.refused(CAT, world.market, "buy", sold) == "not open"
    assert await world.refused(ANN, world.market, "cancel", sold) == "not open"
    cancelled = await world.list(BEN, wexel)
    await world.act(BEN, world.market, "cancel", cancelled)
    assert await world.refused(CAT, world.market, "buy", cancelled) == "not open"
    assert await world.refused(CAT, world.market, "buy", 99) == "not open"


async def test_only_the_seller_cancels(world: World) -> None:
    """Cancelling says which offer of which wexel."""
    wexel = await world.deposit(ANN)
    listing = await world.list(ANN, wexel)
    assert await world.refused(BEN, world.market, "cancel", listing) == "not the seller"
    events = await world.act(ANN, world.market, "cancel", listing)
    assert events == [("ListingCancelled", {"listingId": listing, "wexelId": wexel})]
    assert await world.ask(world.market, "openListings") == 0


async def test_nobody_buys_from_themselves_or_without_money(world: World) -> None:
    """No wash trades, and no wexel without payment."""
    wexel = await world.deposit(ANN)
    listing = await world.list(ANN, wexel)
    assert await world.refused(ANN, world.market, "buy", listing) == "own listing"
    assert await world.refused(ADMIN, world.market, "buy", listing) == "allowance too small"


async def test_only_the_market_locks_and_hands_over(world: World) -> None:
    """The vault takes these orders from its marketplace alone."""
    wexel = await world.deposit(ANN)
    for function, arguments in {"lock": (wexel, ANN), "release": (wexel,), "hand": (wexel, BEN)}.items():
        assert await world.refused(ANN, world.vault, function, *arguments) == "not the market"
        assert await world.refused(ADMIN, world.vault, function, *arguments) == "not the market"
    assert await world.refused(world.market.address, world.vault, "release", wexel) == "not listed"
    assert await world.refused(world.market.address, world.vault, "hand", wexel, BEN) == "not listed"
