"""Pyth through Hermes: price, confidence and exponent from the message, every time.

Spec: docs.pyth.network/price-feeds (Hermes v2: updates/price/latest and …/stream). A token is needed since August 2026;
10 requests in 10 s. The stream is server-sent events and closed after 24 h. The symbol is the feed's 64 hex digits.
"""

from __future__ import annotations

from collections.abc import Sequence

from oracle.body import each, get, number, parse, rows, text, unix_s
from oracle.errors import Unreadable
from oracle.model import Outcome, Pair, Refused, Ticker
from oracle.reasons import Reason
from oracle.venue import Budget, Frame, Request, Stream, Venue, no_subscription

_IDS = {
    Pair("BTC", "USD"): "e62df6c8b4a85fe1a67db44dc12de5db330f7ac66b72dc658afedf0f4a415b43",
    Pair("ETH", "USD"): "ff61491a931112ddf1bd8147cd1b641375f79f5825126d665480874634fd0ace",
    Pair("USDT", "USD"): "2b89b9dc8fdf9f34709a5b106b472f0f39bb6ca9ce04b0fd7f2e971688e2e53b",
}
MAX_EXPONENT = 30


def symbol(pair: Pair) -> str:
    return _IDS.get(pair, "")


def request(symbols: Sequence[str]) -> Request:
    ids = tuple(("ids[]", one) for one in symbols)
    return Request("/v2/updates/price/latest", (*ids, ("parsed", "true"), ("ignore_invalid_price_ids", "true")))


def read(symbols: Sequence[str], body: bytes) -> dict[str, Outcome]:
    known = {text(row, "id").lower(): row for row in rows(parse(body), "parsed")}

    def one(asked: str) -> Outcome:
        row = known.get(asked.lower().removeprefix("0x"))
        return Refused(Reason.UNKNOWN_SYMBOL, "not in the answer") if row is None else ticker(get(row, "price"))

    return each(symbols, one)


def ticker(price: object) -> Ticker:
    """The value is price × 10^expo, and the confidence too. Too few publishers leave the old publish_time."""
    exponent = number(price, "expo")
    if exponent != int(exponent) or abs(exponent) > MAX_EXPONENT:
        raise Unreadable(Reason.MALFORMED, f"exponent {exponent}")
    return Ticker(
        price=number(price, "price").scaleb(int(exponent)),
        confidence=number(price, "conf").scaleb(int(exponent)),
        time_s=unix_s(price, "publish_time"),
    )


def path(symbols: Sequence[str]) -> str:
    return "/v2/updates/price/stream?" + "&".join(f"ids[]={one}" for one in symbols) + "&parsed=true"


def read_frame(message: bytes) -> Frame:
    known = rows(parse(message), "parsed")
    return Frame(each_row(known))


def each_row(known: Sequence[object]) -> dict[str, Outcome]:
    names = {text(row, "id").lower(): row for row in known}
    return each(list(names), lambda asked: ticker(get(names[asked], "price")))


VENUE = Venue(
    name="hermes",
    spec="https://docs.pyth.network/price-feeds/core/fetch-price-updates",
    base_url="https://pyth.dourolabs.app/hermes",
    budget=Budget(requests=10, per_s=10, symbols=50),
    symbol=symbol,
    request=request,
    read=read,
    needs_symbol=True,
    stream=Stream(
        url="https://pyth.dourolabs.app/hermes",
        kind="sse",
        subscribe=no_subscription,
        path=path,
        read=read_frame,
        symbol=symbol,
        idle_s=30,
    ),
)
