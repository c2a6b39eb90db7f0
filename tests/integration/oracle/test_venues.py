"""Venues over real HTTP: what each fault is called, and that the oracle recovers by itself."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from decimal import Decimal

import pytest

from oracle.model import Quote
from oracle.reasons import Reason
from tests.fakes.venues import Venues, serve
from tests.integration.oracle.world import configured, world

BOTH = ["coinbase", "kraken", "binance", "okx", "bybit", "bitstamp", "gate", "kucoin"]


@pytest.fixture
async def venues() -> AsyncIterator[Venues]:
    async with serve() as fakes:
        yield fakes


async def test_every_venue_prices_eth(venues: Venues) -> None:
    """Eight venues, an aggregate, Pyth and one of the configuration's own all come to one price."""
    sources = [*BOTH, "coingecko", "hermes", "mycex"]
    mine = {"type": "http", "base_url": venues.base_url("mycex"), "path": "/tick/{symbol}", "price": "data.0.p",
            "time": "data.0.t", "time_unit": "ms", "echo": "data.0.s"}  # fmt: skip
    async with world(configured(venues, sources, tables={"mycex": mine})) as one:
        await one.observe("USDT/USD")
        seen = await one.observe()
        assert {i.source: (i.verdict, i.detail) for i in seen.inputs} == dict.fromkeys(sources, ("used", ""))
        assert seen.price == pytest.approx(Decimal(2000), abs=Decimal("0.000001"))
        assert len(seen.groups) == 6  # coinbase, kraken, bitstamp, hermes, mycex, and all that is quoted in USDT


FAULTS = [
    ("hang", Reason.TIMEOUT),
    ("close", Reason.UNREACHABLE),
    ("rate_limit", Reason.RATE_LIMITED),
    ("garbage", Reason.MALFORMED),
    ("html", Reason.MALFORMED),
    ("gzip", Reason.MALFORMED),
    ("flood", Reason.MALFORMED),
    ("broken", Reason.HTTP_STATUS),
    ("auth", Reason.AUTH),
    ("jump", Reason.SCALE),
]


@pytest.mark.parametrize(("fault", "reason"), FAULTS)
async def test_a_fault_has_its_name_and_an_end(venues: Venues, fault: str, reason: Reason) -> None:
    """A venue that misbehaves is refused by the reason's own word, spoils nobody, and is used again afterwards."""
    async with world(configured(venues, ["coinbase", "bitstamp", "kraken"])) as one:
        assert (await one.verdicts())["coinbase"] == "used"
        venues.faults["coinbase"] = fault  # type: ignore[assignment]
        seen = await one.observe()
        by_name = {i.source: i for i in seen.inputs}
        assert by_name["coinbase"].reason is reason, by_name["coinbase"]
        assert seen.result == "fresh"
        assert seen.price == 2000
        del venues.faults["coinbase"]
        async with asyncio.timeout(30):
            while (await one.verdicts())["coinbase"] != "used":
                await asyncio.sleep(0.1)


async def test_a_hanging_venue_delays_nobody(venues: Venues) -> None:
    """A round ends at its deadline with what is there; other feeds are not held up."""
    venues.faults["coinbase"] = "hang"
    async with world(configured(venues, ["coinbase", "kraken"])) as one:
        done = await one.round()
        assert done.duration_s < 5
        assert {f.source: type(f.outcome).__name__ for f in done.fetched} == {"coinbase": "Refused", "kraken": "Quote"}


async def test_a_frozen_venue_is_found_out(venues: Venues) -> None:
    """An old answer under status 200 is dropped once the others moved."""
    async with world(configured(venues, ["coinbase", "bitstamp", "okx"], frozen_after="0s", max_age="1h")) as one:
        await one.observe("USDT/USD")
        assert (await one.verdicts())["coinbase"] == "used"
        venues.faults["coinbase"] = "freeze"
        venues.prices["ETHUSD"] = Decimal(2010)
        assert (await one.verdicts())["coinbase"] == "frozen"
        del venues.faults["coinbase"]
        assert (await one.verdicts())["coinbase"] == "used"


async def test_feeds_asked_together_share_a_request(venues: Venues) -> None:
    """Two feeds that ask Kraken at the same moment make one request of it."""
    async with world(configured(venues, ["kraken", "coinbase"])) as one:
        await asyncio.gather(one.observe(), one.observe("USDT/USD"))
        assert venues.asked["kraken"] == 1
        assert venues.asked["coinbase"] == 2


async def test_a_dead_symbol_spoils_no_other(venues: Venues) -> None:
    """When an unknown symbol fails a joint request the others are found by halves, and it goes alone from then on."""
    config = configured(venues, ["kraken", "coinbase"])
    config["venues"]["kraken"] |= {"requests": 100}
    config["feeds"]["DEAD/USD"] = {"sources": ["kraken"], "min_sources": 1, "timeout": "2s"}
    async with world(config) as one:
        dead, eth, usdt = await asyncio.gather(*(one.verdicts(f) for f in ("DEAD/USD", "ETH/USD", "USDT/USD")))
        assert (dead["kraken"], eth["kraken"], usdt["kraken"]) == ("unknown_symbol", "used", "used")
        before = venues.asked["kraken"]
        await asyncio.gather(*(one.verdicts(f) for f in ("DEAD/USD", "ETH/USD", "USDT/USD")))
        assert venues.asked["kraken"] - before == 2


async def test_a_venue_that_asks_for_rest_gets_it(venues: Venues) -> None:
    """After a 429 nobody asks until its Retry-After is over, and the reason stays."""
    venues.faults["coinbase"], venues.retry_after = "rate_limit", "60"
    async with world(configured(venues, ["coinbase", "kraken"])) as one:
        for _ in range(5):
            assert (await one.verdicts())["coinbase"] == "rate_limited"
        assert venues.asked["coinbase"] == 1
        assert one.sources.desks["coinbase"].paused_s > 50


async def test_a_venue_that_keeps_failing_is_left_alone(venues: Venues) -> None:
    """After three failures a pause begins; meanwhile the reason is that it is paused, and why."""
    venues.faults["coinbase"] = "broken"
    async with world(configured(venues, ["coinbase", "kraken"])) as one:
        seen = [(await one.verdicts())["coinbase"] for _ in range(4)]
        assert seen == ["http_status", "http_status", "http_status", "paused"]
        assert venues.asked["coinbase"] == 3
        (told,) = [i for i in (await one.observe()).inputs if i.source == "coinbase"]
        assert "after http_status: status 503" in told.detail


async def test_our_own_budget_holds(venues: Venues) -> None:
    """Beyond a venue's budget we wait, and beyond patience we do not ask."""
    config = configured(venues, ["coinbase", "kraken"], tables={"coinbase": {"requests": 1, "per": "1h"}})
    async with world(config) as one:
        assert (await one.verdicts())["coinbase"] == "used"
        assert (await one.verdicts())["coinbase"] == "rate_limited"
        assert venues.asked["coinbase"] == 1


async def test_a_token_travels_in_a_header_and_not_elsewhere(venues: Venues) -> None:
    """A venue's token is sent as a header and appears in no detail."""
    config = configured(venues, ["hermes", "kraken"], tables={"hermes": {"token": "s3cret"}})
    venues.faults["hermes"] = "auth"
    async with world(config) as one:
        done = await one.round()
        assert "s3cret" not in repr(done)
        assert one.plan.venues["hermes"].headers == {"Authorization": "Bearer s3cret"}


async def test_quotes_carry_two_times_of_receipt(venues: Venues) -> None:
    """A quote has wall and monotonic time of receipt, and the venue's own time beside them."""
    async with world(configured(venues, ["coinbase"])) as one:
        before = (one.clock.now(), one.clock.monotonic())
        (fetched,) = (await one.round()).fetched
        assert isinstance(fetched.outcome, Quote)
        assert before[0] <= fetched.outcome.received_at_s <= one.clock.now()
        assert before[1] <= fetched.outcome.received_mono_s <= one.clock.monotonic()
        assert fetched.outcome.time_s == pytest.approx(before[0], abs=5)


async def test_our_clock_is_found_out(venues: Venues) -> None:
    """With every venue an hour ahead the alarm is about our own clock; it ends when the clock is right."""
    venues.skew_s = 3600
    async with world(configured(venues, ["coinbase", "bitstamp"])) as one:
        seen = await one.observe()
        assert (seen.result, seen.reason) == ("refused", Reason.CLOCK)
        venues.skew_s = 0
        assert (await one.observe()).result == "fresh"
