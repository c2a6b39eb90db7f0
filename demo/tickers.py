"""Say what Coinbase, Kraken and Binance would answer about the made-up market, each in its own shape.

Pure functions of the price path and the time. Specs: docs.cdp.coinbase.com/exchange (product ticker),
docs.kraken.com/api/docs/rest-api (Ticker), developers.binance.com/docs/binance-spot-api-docs (ticker endpoints).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from types import MappingProxyType
from typing import Any

from demo.pricepath import E8, PricePath, Wave

_OWN_NOISE = Wave(20_000, 4)  # how an exchange differs from the market
_HALF_SPREAD_BPS = 1
_DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True)
class Instrument:
    """Something an exchange trades: `base` against `quote`, in steps of 10^-`places`, a trade every `trade_ms`."""

    base: str
    quote: str
    places: int
    trade_ms: int
    volume: int  # units of the base in a day


COINBASE: Mapping[str, Instrument] = MappingProxyType(
    {
        "ETH-USD": Instrument("ETH", "USD", 2, 700, 120_000),
        "USDT-USD": Instrument("USDT", "USD", 5, 1_900, 90_000_000),
    }
)
KRAKEN: Mapping[str, Instrument] = MappingProxyType(
    {
        "XETHZUSD": Instrument("ETH", "USD", 2, 1_100, 30_000),
        "USDTZUSD": Instrument("USDT", "USD", 5, 2_300, 60_000_000),
    }
)
KRAKEN_ALIASES: Mapping[str, str] = MappingProxyType(
    {"ETHUSD": "XETHZUSD", "ETH/USD": "XETHZUSD", "USDTUSD": "USDTZUSD", "USDT/USD": "USDTZUSD"}
)
BINANCE: Mapping[str, Instrument] = MappingProxyType({"ETHUSDT": Instrument("ETH", "USDT", 2, 200, 500_000)})


@dataclass(frozen=True, slots=True)
class Exchange:
    """One exchange's view of the market; `jump_bps` moves all its prices."""

    name: str
    path: PricePath
    jump_bps: int = 0

    def price_e8(self, instrument: Instrument, at_ms: int) -> int:
        """The last price in 1e-8: the market's, in the quote's own worth, and this exchange's own noise on top."""
        market_e8 = self.path.price_e8(f"{instrument.base}/USD", at_ms)
        if instrument.quote != "USD":
            market_e8 = market_e8 * E8 // self.path.price_e8(f"{instrument.quote}/USD", at_ms)
        noise_e8 = self.path.noise_e8(f"{self.name} {instrument.base}", _OWN_NOISE, at_ms)
        return market_e8 * (E8 + noise_e8 + self.jump_bps * E8 // 10_000) // E8

    def last(self, instrument: Instrument, at_ms: int) -> "Trade":
        """The newest trade at a time."""
        number = at_ms // instrument.trade_ms
        traded_ms = number * instrument.trade_ms
        price = _rounded(self.price_e8(instrument, traded_ms), instrument.places)
        return Trade(number % 10**9, traded_ms, price, Decimal(1 + number % 97).scaleb(-2))


@dataclass(frozen=True, slots=True)
class Trade:
    """The newest trade, with the best offers around it."""

    number: int
    at_ms: int
    price: Decimal
    size: Decimal

    @property
    def bid(self) -> Decimal:
        return (self.price * (10_000 - _HALF_SPREAD_BPS) / 10_000).quantize(self.price)

    @property
    def ask(self) -> Decimal:
        return (self.price * (10_000 + _HALF_SPREAD_BPS) / 10_000).quantize(self.price)


def coinbase(exchange: Exchange, symbol: str, at_ms: int) -> dict[str, str | int]:
    """`GET /products/{symbol}/ticker`; the time is the last trade's. Raises KeyError."""
    instrument = COINBASE[symbol]
    trade = exchange.last(instrument, at_ms)
    return {
        "ask": str(trade.ask),
        "bid": str(trade.bid),
        "volume": f"{instrument.volume}.00000000",
        "trade_id": trade.number,
        "price": str(trade.price),
        "size": str(trade.size),
        "time": datetime.fromtimestamp(trade.at_ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "rfq_volume": "0.000000",
    }


def kraken(exchange: Exchange, symbols: str, at_ms: int) -> dict[str, Any]:
    """`GET /0/public/Ticker?pair=…`, keyed by canonical names; no time. An unknown pair spoils the whole answer."""
    names = [KRAKEN_ALIASES.get(symbol, symbol) for symbol in symbols.split(",")]
    if not all(name in KRAKEN for name in names):
        return {"error": ["EQuery:Unknown asset pair"]}
    return {"error": [], "result": {name: _kraken_one(exchange, KRAKEN[name], at_ms) for name in names}}


def _kraken_one(exchange: Exchange, instrument: Instrument, at_ms: int) -> dict[str, Any]:
    trade = exchange.last(instrument, at_ms)
    price, volume = f"{trade.price:.5f}", f"{instrument.volume}.00000000"
    return {
        "a": [f"{trade.ask:.5f}", "2", "2.000"],
        "b": [f"{trade.bid:.5f}", "11", "11.000"],
        "c": [price, f"{trade.size:.8f}"],
        "v": [volume, volume],
        "p": [price, price],
        "t": [_DAY_MS // instrument.trade_ms, _DAY_MS // instrument.trade_ms],
        "l": [price, price],
        "h": [price, price],
        "o": price,
    }


def binance_price(exchange: Exchange, symbol: str, at_ms: int) -> dict[str, Any]:
    """One entry of `GET /api/v3/ticker/price`; no time. Raises KeyError."""
    return {"symbol": symbol, "price": f"{exchange.last(BINANCE[symbol], at_ms).price:.8f}"}


def binance_book(exchange: Exchange, symbol: str, at_ms: int) -> dict[str, Any]:
    """One entry of `GET /api/v3/ticker/bookTicker`. Raises KeyError."""
    trade = exchange.last(BINANCE[symbol], at_ms)
    return {
        "symbol": symbol,
        "bidPrice": f"{trade.bid:.8f}",
        "bidQty": "12.34560000",
        "askPrice": f"{trade.ask:.8f}",
        "askQty": "6.54320000",
    }


def binance_day(exchange: Exchange, symbol: str, at_ms: int) -> dict[str, Any]:
    """One entry of `GET /api/v3/ticker/24hr`; its closeTime ends the window, no trade's. Raises KeyError."""
    instrument = BINANCE[symbol]
    trade, before = exchange.last(instrument, at_ms), exchange.last(instrument, at_ms - _DAY_MS)
    price, opened, volume = f"{trade.price:.8f}", f"{before.price:.8f}", f"{instrument.volume}.00000000"
    change = trade.price - before.price
    return {
        "symbol": symbol,
        "priceChange": f"{change:.8f}",
        "priceChangePercent": f"{change * 100 / before.price:.3f}",
        "weightedAvgPrice": price,
        "prevClosePrice": opened,
        "lastPrice": price,
        "lastQty": f"{trade.size:.8f}",
        **{key: value for key, value in binance_book(exchange, symbol, at_ms).items() if key != "symbol"},
        "openPrice": opened,
        "highPrice": max(price, opened, key=Decimal),
        "lowPrice": min(price, opened, key=Decimal),
        "volume": volume,
        "quoteVolume": f"{instrument.volume * trade.price:.8f}",
        "openTime": at_ms - _DAY_MS,
        "closeTime": at_ms,
        "firstId": before.number,
        "lastId": trade.number,
        "count": _DAY_MS // instrument.trade_ms,
    }


def _rounded(price_e8: int, places: int) -> Decimal:
    return Decimal(price_e8).scaleb(-8).quantize(Decimal(1).scaleb(-places))
