"""CoinGecko: an aggregate of the same exchanges, so never independent of them.

Spec: docs.coingecko.com/reference/simple-price. About 30 requests a minute with a demo key, cached for 30 to 60 s. An
unknown id is silently left out. The symbol is `id:currency`, such as `ethereum:usd`.
"""

from __future__ import annotations

from collections.abc import Sequence

from oracle.body import each, get, number, parse, table, unix_s
from oracle.errors import Unreadable
from oracle.model import Outcome, Pair, Refused, Ticker
from oracle.reasons import Reason
from oracle.venue import Budget, Request, Venue

_IDS = {
    "BTC": "bitcoin",
    "ETH": "ethereum",
    "USDT": "tether",
    "USDC": "usd-coin",
    "BNB": "binancecoin",
    "SOL": "solana",
}


def symbol(pair: Pair) -> str:
    return f"{_IDS.get(pair.base, pair.base.lower())}:{pair.quote.lower()}"


def request(symbols: Sequence[str]) -> Request:
    parts = [one.partition(":") for one in symbols]
    return Request(
        "/api/v3/simple/price",
        (
            ("ids", ",".join(sorted({name for name, _, _ in parts}))),
            ("vs_currencies", ",".join(sorted({currency for _, _, currency in parts}))),
            ("include_last_updated_at", "true"),
            ("precision", "full"),
        ),
    )


def read(symbols: Sequence[str], body: bytes) -> dict[str, Outcome]:
    found = table(parse(body))
    if (status := get(found, "status")) is not None:
        limited = str(get(status, "error_code")) == "429"
        words = str(get(status, "error_message"))[:120]
        raise Unreadable(Reason.RATE_LIMITED if limited else Reason.VENUE_ERROR, words)

    def one(asked: str) -> Outcome:
        name, _, currency = asked.partition(":")
        row = get(found, name)
        if row is None or get(row, currency) is None:
            return Refused(Reason.UNKNOWN_SYMBOL, f"{asked} is not in the answer")
        return Ticker(price=number(row, currency), time_s=unix_s(row, "last_updated_at"))

    return each(symbols, one)


VENUE = Venue(
    name="coingecko",
    spec="https://docs.coingecko.com/reference/simple-price",
    base_url="https://api.coingecko.com",
    budget=Budget(requests=25, per_s=60, symbols=200),
    symbol=symbol,
    request=request,
    read=read,
    standing="derivative",
    key=lambda token: {"x-cg-demo-api-key": token},
)
