"""Push channels over real sockets: every venue's manner of speaking, and every way a connection ends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

import aiohttp
import pytest

from oracle.backoff import Pace
from oracle.model import Ticker
from oracle.plan import VenuePlan, plan
from oracle.stream import End, Listener
from oracle.venue import Ping
from oracle.web import Web
from shared.clock import system_clock
from shared.runtime import Stop
from shared.settings import Settings
from tests.fakes.venues import Venues, serve
from tests.integration.oracle.world import configured, world
from tests.unit.oracle.feeds import ETH_USD

STREAMS = ["coinbase", "kraken", "binance", "okx", "bybit", "bitstamp", "gate", "kucoin", "hermes"]
EAGER = Pace(free=100)
PATIENCE_S = 30


@pytest.fixture
async def venues() -> AsyncIterator[Venues]:
    async with serve() as fakes:
        yield fakes


@dataclass
class Ears:
    listener: Listener
    symbol: str
    ends: list[End]

    async def until(self, true: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while not true():
                await asyncio.sleep(0.01)

    async def hear(self) -> Ticker:
        await self.until(lambda: self.listener.latest(self.symbol) is not None)
        found = self.listener.latest(self.symbol)
        assert found is not None
        assert isinstance(found.outcome, Ticker)
        return found.outcome

    async def hear_anew(self) -> Ticker:
        """A word later than what is known now."""
        known = self.listener.latest(self.symbol)
        since = known.mono_s if known else 0.0
        await self.until(lambda: (now := self.listener.latest(self.symbol)) is not None and now.mono_s > since)
        return await self.hear()


@asynccontextmanager
async def listening(venues: Venues, name: str, **stream: Any) -> AsyncIterator[Ears]:
    """A listener for ETH at a fake venue, with other limits where a test wants them."""
    config = configured(venues, [name, *({"kraken"} - {name})], tables={name: {"transport": "stream"}})
    planned = plan(Settings.model_validate(config))
    venue = planned.venues[name]
    assert venue.venue.stream is not None
    changed: VenuePlan = replace(venue, venue=replace(venue.venue, stream=replace(venue.venue.stream, **stream)))
    ask = planned.feed(ETH_USD).asks[name]
    symbol, ends, stop = ask.stream_symbol, [], Stop()  # type: ignore[union-attr]
    async with aiohttp.ClientSession() as session:
        clock = system_clock()
        listener = Listener(
            changed, [symbol], session, Web(session, clock.now), clock, lambda source, end: ends.append(end), EAGER
        )
        task = asyncio.create_task(listener.run(stop))
        try:
            yield Ears(listener, symbol, ends)
        finally:
            stop.set()
            await task


@pytest.mark.parametrize("name", STREAMS)
async def test_every_venue_is_heard(venues: Venues, name: str) -> None:
    """Connected as the venue wants it, subscribed by its own symbol, read to the price."""
    async with listening(venues, name) as ears:
        assert (await ears.hear()).price in (Decimal(2000), Decimal("1999.00049975"))
        venues.prices["ETHUSD"] = Decimal(2100)
        await ears.until(lambda: _price(ears) > 2090)
        assert ears.listener.up
        assert ears.ends == []


def _price(ears: Ears) -> Decimal:
    found = ears.listener.latest(ears.symbol)
    return found.outcome.price if found and isinstance(found.outcome, Ticker) else Decimal(0)


@pytest.mark.parametrize("name", STREAMS)
async def test_a_closed_connection_is_opened_again(venues: Venues, name: str) -> None:
    """A venue that closes is connected to again, and the end is called closed."""
    async with listening(venues, name) as ears:
        await ears.hear()
        venues.faults[name] = "close"
        await ears.until(lambda: End.CLOSED in ears.ends)
        del venues.faults[name]
        await ears.hear_anew()
        assert set(ears.ends) == {End.CLOSED}


@pytest.mark.parametrize("name", ["coinbase", "hermes"])
async def test_silence_is_an_end(venues: Venues, name: str) -> None:
    """A connection on which nothing at all is said is dead, however open it looks; it is heard again afterwards."""
    async with listening(venues, name, idle_s=0.3) as ears:
        await ears.hear()
        venues.faults[name] = "silent"
        await ears.until(lambda: End.IDLE in ears.ends)
        del venues.faults[name]
        await ears.hear_anew()


async def test_pings_of_the_server_are_answered(venues: Venues) -> None:
    """Binance's pings get their pongs, or it would cut us off."""
    async with listening(venues, "binance") as ears:
        await ears.hear()
        await ears.until(lambda: venues.pongs["binance"] >= 2)


@pytest.mark.parametrize("name", ["okx", "bybit", "kucoin", "gate", "bitstamp"])
async def test_venues_are_pinged_as_they_want_it(venues: Venues, name: str) -> None:
    """The venue's own ping goes out on time, whatever else arrives, and its answer is not taken for a fault."""
    stream = plan(Settings.model_validate(configured(venues, [name, *({"kraken"} - {name})]))).venues[name].venue.stream
    assert stream is not None
    assert stream.ping is not None
    async with listening(venues, name, ping=Ping(0.05, stream.ping.message)) as ears:
        await ears.until(lambda: venues.pings[name] >= 3)
        await ears.hear()
        assert ears.ends == []


async def test_a_connection_is_replaced_before_it_is_cut(venues: Venues) -> None:
    """The younger connection speaks before the older one goes: no gap, and the end is called planned."""
    async with listening(venues, "coinbase", max_age_s=0.5) as ears:
        await ears.hear()
        down = 0
        while venues.connections["coinbase"] < 3:
            down += not ears.listener.up
            await asyncio.sleep(0.01)
        assert down == 0
        assert set(ears.ends) == {End.PLANNED}


@pytest.mark.parametrize(
    ("name", "command"),
    [
        ("bitstamp", '{"event":"bts:request_reconnect","channel":"","data":""}'),
        ("binance", '{"stream":"x","data":{"e":"serverShutdown"}}'),
        ("okx", '{"event":"notice","code":"64008","msg":"upgrade"}'),
    ],
)
async def test_a_venue_that_asks_us_to_reconnect(venues: Venues, name: str, command: str) -> None:
    """We go and come again."""
    async with listening(venues, name) as ears:
        await ears.hear()
        venues.commands[name] = command
        await ears.until(lambda: End.ASKED in ears.ends)
        await ears.hear_anew()


async def test_garbage_is_passed_over_and_then_an_end(venues: Venues) -> None:
    """A few frames nobody can read cost nothing; a stream of them is an end, and recovers."""
    async with listening(venues, "kraken") as ears:
        await ears.hear()
        venues.commands["kraken"] = "what?"
        await ears.hear_anew()
        assert ears.ends == []
        venues.faults["kraken"] = "garbage"
        await ears.until(lambda: End.GARBLED in ears.ends)
        del venues.faults["kraken"]
        await ears.hear_anew()


@pytest.mark.parametrize("name", ["coinbase", "hermes"])
async def test_a_refused_connection(venues: Venues, name: str) -> None:
    """A venue that refuses the handshake is tried again; the end is called rejected."""
    venues.faults[name] = "broken" if name == "coinbase" else "auth"
    async with listening(venues, name) as ears:
        await ears.until(lambda: ears.ends.count(End.REJECTED) >= 2)
        del venues.faults[name]
        await ears.hear()


async def test_nobody_there(venues: Venues) -> None:
    """Nothing listens at the address: unreachable, tried again with pauses, and stopped at once."""
    async with listening(venues, "coinbase") as ears:
        ears.listener.plan = replace(ears.listener.plan, stream_url="ws://127.0.0.1:1/")
        venues.faults["coinbase"] = "close"
        await ears.until(lambda: End.UNREACHABLE in ears.ends)


async def test_a_venue_in_maintenance_says_so(venues: Venues) -> None:
    """Kraken's status makes the source unhealthy until it is online again."""
    config = configured(venues, ["kraken", "coinbase"], tables={"kraken": {"transport": "stream"}})
    async with world(config) as one:
        (listener,) = one.sources.listeners
        stop, ears = Stop(), Ears(listener, "ETH/USD", [])
        task = asyncio.create_task(listener.run(stop))
        await ears.hear()
        assert (await one.verdicts())["kraken"] == "used"
        assert venues.asked["kraken"] == 0
        venues.commands["kraken"] = '{"channel":"status","type":"update","data":[{"system":"maintenance"}]}'
        await ears.until(lambda: listener.unhealthy is not None)
        assert (await one.verdicts())["kraken"] == "maintenance"
        venues.commands["kraken"] = '{"channel":"status","type":"update","data":[{"system":"online"}]}'
        await ears.until(lambda: listener.unhealthy is None)
        assert (await one.verdicts())["kraken"] == "used"
        stop.set()
        await task


async def test_while_the_channel_is_down_we_ask(venues: Venues) -> None:
    """A source that listens and hears nothing falls back to asking over REST."""
    venues.faults["coinbase"] = "silent"
    config = configured(venues, ["coinbase", "kraken"], tables={"coinbase": {"transport": "stream"}})
    async with world(config) as one:
        assert (await one.verdicts())["coinbase"] == "used"
        assert venues.asked["coinbase"] == 1
