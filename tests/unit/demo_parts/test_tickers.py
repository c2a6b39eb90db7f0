"""Each simulated exchange answers in its own shape, as the oracle's own readers and the documented samples say."""

import json
from decimal import Decimal
from types import ModuleType
from typing import Any

import pytest

from demo import tickers
from demo.pricepath import PricePath
from demo.tickers import Exchange
from oracle.model import Ticker
from oracle.sources import binance, coinbase, kraken

PATH = PricePath("usdx")
NOW_MS = 1_795_000_000_456

# Keys of the samples in the exchanges' own documents.
COINBASE_KEYS = {"ask", "bid", "volume", "trade_id", "price", "size", "time", "rfq_volume"}
KRAKEN_KEYS = {"a", "b", "c", "v", "p", "t", "l", "h", "o"}
BINANCE_DAY_KEYS = {
    *("symbol", "priceChange", "priceChangePercent", "weightedAvgPrice", "prevClosePrice", "lastPrice", "lastQty"),
    *("bidPrice", "bidQty", "askPrice", "askQty", "openPrice", "highPrice", "lowPrice", "volume", "quoteVolume"),
    *("openTime", "closeTime", "firstId", "lastId", "count"),
}


def answer(name: str, symbol: str, at_ms: int = NOW_MS, **how: int) -> Any:
    functions = {"coinbase": tickers.coinbase, "kraken": tickers.kraken, "binance": tickers.binance_price}
    return functions[name](Exchange(name, PATH, **how), symbol, at_ms)


def read(source: ModuleType, name: str, symbol: str, **how: int) -> Ticker:
    """What the oracle makes of an answer."""
    outcome = source.VENUE.read((symbol,), json.dumps(answer(name, symbol, **how)).encode())[symbol]
    assert isinstance(outcome, Ticker)
    return outcome


@pytest.mark.parametrize(
    ("source", "name", "symbol", "pair"),
    [
        (coinbase, "coinbase", "ETH-USD", "ETH/USD"),
        (coinbase, "coinbase", "USDT-USD", "USDT/USD"),
        (kraken, "kraken", "ETHUSD", "ETH/USD"),
        (kraken, "kraken", "USDTUSD", "USDT/USD"),
    ],
)
def test_the_oracle_reads_the_market_in_it(source: ModuleType, name: str, symbol: str, pair: str) -> None:
    """What the oracle's own reader finds is the market's price within 10 bps."""
    truth = PATH.price(pair, NOW_MS)
    assert abs(read(source, name, symbol).price / truth - 1) < Decimal("0.001")


def test_binance_quotes_in_usdt() -> None:
    """ETHUSDT is the price of ether divided by the price of USDT."""
    truth = PATH.price("ETH/USD", NOW_MS) / PATH.price("USDT/USD", NOW_MS)
    assert abs(read(binance, "binance", "ETHUSDT").price / truth - 1) < Decimal("0.001")


def test_exchanges_differ_but_by_less_than_10_bps() -> None:
    """Three exchanges never say exactly the same for long."""
    prices = [
        read(source, name, symbol).price
        for source, name, symbol in (
            (coinbase, "coinbase", "ETH-USD"),
            (kraken, "kraken", "ETHUSD"),
            (binance, "binance", "ETHUSDT"),
        )
    ]
    assert len(set(prices)) == 3
    assert max(prices) / min(prices) - 1 < Decimal("0.0015")


def test_coinbase_tells_when_it_traded() -> None:
    """Time and trade id are the newest trade's: not in the future, seconds old at most, and they go on."""
    first, later = read(coinbase, "coinbase", "ETH-USD"), answer("coinbase", "ETH-USD", NOW_MS + 5_000)
    assert first.time_s is not None
    assert 0 <= NOW_MS / 1000 - first.time_s < 2
    assert later["trade_id"] > int(first.sequence or 0)


def test_answers_carry_the_documented_fields() -> None:
    """Neither more nor less than the exchanges' documents show."""
    assert set(answer("coinbase", "ETH-USD")) == COINBASE_KEYS
    two = answer("kraken", "ETHUSD,USDTUSD")
    assert two["error"] == []
    assert {name: set(row) for name, row in two["result"].items()} == {"XETHZUSD": KRAKEN_KEYS, "USDTZUSD": KRAKEN_KEYS}
    assert set(answer("binance", "ETHUSDT")) == {"symbol", "price"}
    assert set(tickers.binance_day(Exchange("binance", PATH), "ETHUSDT", NOW_MS)) == BINANCE_DAY_KEYS
    assert set(tickers.binance_book(Exchange("binance", PATH), "ETHUSDT", NOW_MS)) == {
        *("symbol", "bidPrice", "bidQty", "askPrice", "askQty")
    }


def test_bids_are_below_asks() -> None:
    """The best offers lie around the last price."""
    found = answer("coinbase", "ETH-USD")
    assert Decimal(found["bid"]) <= Decimal(found["price"]) <= Decimal(found["ask"])


def test_kraken_spoils_the_whole_answer() -> None:
    """One unknown pair gives an error under status 200 and no price at all, as Kraken does."""
    assert answer("kraken", "ETHUSD,NOPEUSD") == {"error": ["EQuery:Unknown asset pair"]}


def test_a_jump_moves_the_price() -> None:
    """A fault of 1,000 bps is ten percent."""
    honest, jumped = (Decimal(answer("coinbase", "ETH-USD", jump_bps=bps)["price"]) for bps in (0, 1_000))
    assert abs(jumped / honest - Decimal("1.1")) < Decimal("0.0001")
