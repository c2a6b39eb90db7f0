"""What a configuration must say before a price is formed."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from oracle.model import Leg, Pair
from oracle.plan import AskChain, AskPerson, AskVenue, Plan, plan
from shared.errors import ConfigError
from shared.settings import Settings
from tests.unit.oracle.feeds import ETH_USD, ETH_USDT, USDT_USD

ADDRESS = "0x" + "11" * 20
CHAIN = {"demo": {"rpc": [{"name": "a", "url": "http://localhost:1"}]}}


def planned(feeds: dict[str, Any], **more: Any) -> Plan:
    return plan(Settings.model_validate({"chains": CHAIN, "feeds": feeds, **more}))


def problems(feeds: dict[str, Any], **more: Any) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        planned(feeds, **more)
    lines = str(caught.value).splitlines()
    return [one.strip().removeprefix("configuration: ") for one in (lines[1:] if len(lines) > 1 else lines)]


USDT = {"USDT/USD": {"sources": ["coinbase", "kraken"]}}


def test_the_demos_feeds() -> None:
    """Five sources of ETH/USD, the ones quoted in USDT converted, and the converting feed comes first."""
    eth = {
        "sources": ["chainlink", "uniswap_v3", "coinbase", "kraken", "binance"],
        "chainlink": {"chain": "demo", "address": ADDRESS, "heartbeat": "1h"},
        "uniswap_v3": {"chain": "demo", "pool": ADDRESS, "window": "30m", "pair": "ETH/USDT", "base_is_token0": False},
    }
    made = planned({"ETH/USD": eth, **USDT})
    assert [one.pair for one in made.feeds] == [USDT_USD, ETH_USD]
    found = made.feed(ETH_USD)
    assert found.asks["binance"] == AskVenue("binance", "ETHUSDT", "ETHUSDT")
    assert found.asks["kraken"] == AskVenue("kraken", "ETHUSD", "ETH/USD")
    assert found.feed.terms["binance"].legs == (Leg(USDT_USD),)
    assert found.feed.terms["uniswap_v3"].legs == (Leg(USDT_USD),)
    assert found.feed.terms["coinbase"].legs == ()
    assert found.feed.terms["chainlink"].limits.max_age_s == pytest.approx(3960)
    assert found.legs == {USDT_USD}


def test_usdt_is_not_usd() -> None:
    """A venue without dollars needs a feed that converts; nothing is assumed."""
    assert problems({"ETH/USD": {"sources": ["binance", "kraken"]}}) == [
        "feeds.\"ETH/USD\".binance.pair = 'ETH/USDT': expected a way to ETH/USD: "
        "no feed converts USDT to USD: add a feed USDT/USD"
    ]


def test_a_dollar_venue_has_no_dollar_market_for_its_dollar() -> None:
    """Binance cannot price USDT/USD by a market of its own making."""
    found = problems({"USDT/USD": {"sources": ["binance", "kraken"]}})
    assert found == ["feeds.\"USDT/USD\".binance.symbol = 'USDTUSD': expected the market's own symbol and `pair`: "
                     "binance has none for USDT/USD"]  # fmt: skip


def test_circles_are_refused() -> None:
    """Feeds that convert through each other can never begin."""
    feeds = {
        "USDT/USD": {"sources": ["kraken", "coinbase"], "kraken": {"pair": "USDT/BTC", "via": "BTC/USD"}},
        "BTC/USD": {"sources": ["binance", "kraken"]},
    }
    assert problems(feeds) == [
        "feeds = 'USDT/USD → BTC/USD → USDT/USD': expected no feeds that convert through each other"
    ]


def test_wrong_targets_are_refused() -> None:
    """Legs that end elsewhere, legs that are no feeds, pairs of another base."""
    feeds = {"ETH/USD": {"sources": ["coinbase", "kraken"], "coinbase": {"pair": "ETH/EUR", "via": "USDT/USD"}}, **USDT}
    assert "USDT/USD does not convert EUR" in problems(feeds)[0]
    feeds = {"ETH/USD": {"sources": ["coinbase", "kraken"], "coinbase": {"pair": "ETH/EUR", "via": ["EUR/USD"]}}}
    assert problems(feeds) == ["feeds.\"ETH/USD\".coinbase.via = 'EUR/USD': expected a feed of this configuration"]
    feeds = {"ETH/USD": {"sources": ["coinbase", "kraken"], "coinbase": {"pair": "BTC/USD"}}}
    assert "is not a price of ETH" in problems(feeds)[0]


def test_two_ways_must_be_chosen_between() -> None:
    """When two conversions are as short as each other, `via` decides."""
    feeds: dict[str, Any] = {
        "ETH/USD": {"sources": ["coinbase", "kraken"], "coinbase": {"pair": "ETH/DAI"}},
        "DAI/USDT": {"sources": ["kraken", "coinbase"]}, "DAI/USDC": {"sources": ["kraken", "coinbase"]},
        "USDC/USD": {"sources": ["kraken", "coinbase"]}, **USDT,
    }  # fmt: skip
    assert "choose one with `via`" in problems(feeds)[0]
    feeds["ETH/USD"]["coinbase"]["via"] = ["DAI/USDC", "USDC/USD"]
    legs = planned(feeds).feed(ETH_USD).feed.terms["coinbase"].legs
    assert legs == (Leg(Pair("DAI", "USDC")), Leg(Pair("USDC", "USD")))


def test_a_leg_in_either_direction() -> None:
    """A feed USD/USDT converts as well: it divides."""
    feeds = {"ETH/USD": {"sources": ["binance", "kraken"]}, "USD/USDT": {"sources": ["coinbase", "kraken"]}}
    legs = planned(feeds).feed(ETH_USD).feed.terms["binance"].legs
    assert legs == (Leg(Pair("USD", "USDT"), inverted=True),)


def test_a_quorum_that_cannot_be_reached() -> None:
    """Sources that share one risk are one group, and the configuration says so at once."""
    feeds = {"ETH/USD": {"sources": ["binance", "okx", "bybit"]}, **USDT}
    assert problems(feeds) == [
        "feeds.\"ETH/USD\".min_sources = '2': expected at most 1: its sources form the independent groups via USDT/USD"
    ]


def test_every_problem_at_once() -> None:
    """Unknown sources, wrong addresses, unknown keys, bad pairs and numbers are all told together."""
    feeds = {
        "ETHUSD": {"sources": ["coinbase"]},
        "ETH/USD": {"sources": ["chainlink", "nosuch", "kraken", "okx", "okx"],
                    "chainlink": {"address": "0x12", "chain": "moon", "colour": 1},
                    "kraken": {"max_age": "soon", "min_volume": "lots"}},
    }  # fmt: skip
    found = "\n".join(problems(feeds))
    for said in (
        "feeds.\"ETHUSD\" = 'ETHUSD': expected a pair such as ETH/USD",
        ".chainlink.address = '0x12': expected an address",
        ".chainlink.chain = 'moon': expected one of the chains demo",
        ".chainlink.colour = '1': expected no such key here",
        ".sources = 'nosuch': expected a source or venue: binance, bitstamp",
        "sources = 'okx': expected each source once",
        ".kraken.max_age = 'soon': expected a duration",
        ".kraken.min_volume = 'lots': expected a number",
    ):
        assert said in found, said


def test_a_venue_of_ones_own() -> None:
    """A generic source, a renamed one and one with a budget and a token of its own."""
    venues = {
        "mycex": {"type": "http", "base_url": "https://x.org/", "path": "/t/{symbol}", "price": "p"},
        "binance-us": {"type": "binance", "base_url": "https://api.binance.us", "dollar": "USD"},
        "hermes": {"token": "s3cret", "requests": 5, "per": "10s", "transport": "stream"},
    }
    feed = {"sources": ["mycex", "binance-us", "hermes"]}
    made = planned({"ETH/USD": feed}, venues=venues)
    asks = made.feeds[0].asks
    assert asks["binance-us"] == AskVenue("binance-us", "ETHUSD", "ETHUSD")
    assert asks["mycex"] == AskVenue("mycex", "ETHUSD", "")
    assert made.venues["mycex"].base_url == "https://x.org"
    hermes = made.venues["hermes"]
    assert hermes.headers == {"Authorization": "Bearer s3cret"}
    assert (hermes.venue.budget.requests, hermes.streaming) == (5, True)


def test_venue_problems() -> None:
    """A kind that does not exist, a description without a price, a stream where there is none."""
    venues = {"x": {"type": "nasdaq"}, "y": {"type": "http"}, "coingecko": {"transport": "stream"}}
    found = "\n".join(problems({"ETH/USD": {"sources": ["kraken", "coinbase"]}}, venues=venues))
    assert "venues.x.type = 'nasdaq': expected http or one of" in found
    assert "venues.y = 'http': expected base_url and price" in found
    assert "venues.coingecko.transport = 'stream'" in found


def test_pyth_needs_an_id() -> None:
    """Hermes has no symbols but ids; an unknown pair must bring its own."""
    found = problems({"X/USD": {"sources": ["hermes", "kraken"]}})
    assert ".hermes.symbol = ''" in found[0]


def test_other_kinds_of_asking() -> None:
    """The same kind twice under two names, a person, and limits of a source's own."""
    feeds = {
        "ETH/USD": {
            "sources": ["cl-a", "cl-b", "manual"], "min_price": 100, "max_price": "9999.5", "max_jump_bps": 0,
            "cl-a": {"type": "chainlink", "address": ADDRESS},
            "cl-b": {"type": "chainlink", "address": "0x" + "22" * 20, "min_price": 1.5},
        }
    }  # fmt: skip
    one = planned(feeds).feeds[0]
    assert isinstance(one.asks["cl-b"], AskChain)
    assert one.asks["manual"] == AskPerson(ETH_USD)
    assert one.feed.terms["cl-b"].limits.min_price == Decimal("1.5")
    assert one.feed.terms["manual"].standing == "manual"
    assert one.feed.limits.max_price == Decimal("9999.5")
    assert one.feed.limits.max_jump_bps is None
    assert ETH_USDT != ETH_USD
