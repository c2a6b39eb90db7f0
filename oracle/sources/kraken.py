"""Kraken: the last trade's price (`c[0]`); Kraken tells no time of it.

Spec: docs.kraken.com/api/docs/rest-api/get-ticker-information, …/websocket-v2/ticker. One request a second. Errors come
under status 200; answers are keyed by Kraken's own names (XXBTZUSD for XBTUSD). The socket beats once a second.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

from oracle.body import each, get, iso_s, number, optional_number, parse, rows, table
from oracle.errors import Unreadable
from oracle.model import Outcome, Pair, Refused, Ticker
from oracle.reasons import Reason
from oracle.venue import Budget, Frame, Request, Stream, Venue

_ALIASES = {"BTC": "XBT", "DOGE": "XDG"}
_CLASSED = re.compile(r"[XZ]([A-Z0-9]{3})[XZ]([A-Z0-9]{3})")
_FIAT = re.compile(r"([A-Z0-9]{3,})Z([A-Z]{3})")


def symbol(pair: Pair) -> str:
    return _ALIASES.get(pair.base, pair.base) + _ALIASES.get(pair.quote, pair.quote)


def plain(name: str) -> str:
    """XXBTZUSD → XBTUSD, USDTZUSD → USDTUSD: Kraken's name without the letters of its asset classes."""
    match = _CLASSED.fullmatch(name) or _FIAT.fullmatch(name)
    return match[1] + match[2] if match else name


def request(symbols: Sequence[str]) -> Request:
    return Request("/0/public/Ticker", (("pair", ",".join(symbols)),))


def read(symbols: Sequence[str], body: bytes) -> dict[str, Outcome]:
    found = parse(body)
    errors = get(found, "error")
    if errors:
        raise Unreadable(_reason(str(errors)), str(errors)[:120])
    result = table(found, "result")
    known = {plain(name): row for name, row in result.items()} | dict(result)

    def one(asked: str) -> Outcome:
        row = known.get(asked, known.get(plain(asked)))
        if row is None:
            return Refused(Reason.UNKNOWN_SYMBOL, f"{asked} is not among {', '.join(result)[:80]}")
        return Ticker(price=number(row, "c", 0), volume=optional_number(row, "v", 1))

    return each(symbols, one)


def _reason(errors: str) -> Reason:
    if "Unknown asset pair" in errors:
        return Reason.UNKNOWN_SYMBOL
    if "Rate limit" in errors or "Too many requests" in errors:
        return Reason.RATE_LIMITED
    return Reason.MAINTENANCE if "Unavailable" in errors else Reason.VENUE_ERROR


def subscribe(symbols: Sequence[str]) -> tuple[str, ...]:
    params = {"channel": "ticker", "symbol": list(symbols), "event_trigger": "bbo"}
    return (json.dumps({"method": "subscribe", "params": params}),)


def read_frame(message: bytes) -> Frame:
    frame = parse(message)
    channel = get(frame, "channel")
    if channel == "status":
        return _status(frame)
    if get(frame, "success") is False:
        raise Unreadable(Reason.VENUE_ERROR, str(get(frame, "error"))[:120])
    if channel != "ticker":
        return Frame()
    tickers: dict[str, Outcome] = {}
    for row in rows(frame, "data"):
        time_s = iso_s(row, "timestamp") if get(row, "timestamp") is not None else None
        ticker = Ticker(price=number(row, "last"), volume=optional_number(row, "volume"), time_s=time_s)
        tickers[str(get(row, "symbol"))] = ticker
    return Frame(tickers)


def _status(frame: object) -> Frame:
    states = {str(get(row, "system")) for row in rows(frame, "data")}
    if states == {"online"}:
        return Frame(healthy=True)
    return Frame(unhealthy=Refused(Reason.MAINTENANCE, ", ".join(sorted(states))[:80]))


VENUE = Venue(
    name="kraken",
    spec="https://docs.kraken.com/api/docs/rest-api/get-ticker-information",
    base_url="https://api.kraken.com",
    budget=Budget(requests=1, per_s=1, symbols=50),
    symbol=symbol,
    request=request,
    read=read,
    stream=Stream(url="wss://ws.kraken.com/v2", subscribe=subscribe, read=read_frame, symbol=str, idle_s=10),
)
