"""Binance spot: the last price over REST (no time), aggregated trades over the socket (with time and id).

Spec: developers.binance.com/docs/binance-spot-api-docs (rest-api, web-socket-streams). 6,000 weight a minute; 429, then
418, with Retry-After; 451 where it does not serve. The server pings every 20 s; a connection lives 24 h.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from oracle.body import by_symbol, each, get, listed, number, parse, rows, text, unix_s
from oracle.errors import Unreadable
from oracle.model import Outcome, Pair, Ticker
from oracle.reasons import Reason
from oracle.venue import Budget, Frame, Request, Stream, Venue, no_subscription


def symbol(pair: Pair) -> str:
    return pair.base + pair.quote


def request(symbols: Sequence[str]) -> Request:
    if len(symbols) == 1:
        return Request("/api/v3/ticker/price", (("symbol", symbols[0]),))
    return Request("/api/v3/ticker/price", (("symbols", json.dumps(list(symbols), separators=(",", ":"))),))


def read(symbols: Sequence[str], body: bytes) -> dict[str, Outcome]:
    found = parse(body)
    code = get(found, "code")
    if code is not None:
        reason = {-1121: Reason.UNKNOWN_SYMBOL, -1003: Reason.RATE_LIMITED}.get(_whole(code), Reason.VENUE_ERROR)
        raise Unreadable(reason, str(get(found, "msg"))[:120])
    known = by_symbol([found] if isinstance(found, dict) else rows(found), "symbol")
    return each(symbols, lambda asked: Ticker(price=number(listed(known, asked), "price")))


def _whole(value: object) -> int:
    number_ = number(value)
    return int(number_) if number_ == int(number_) else 0


def path(symbols: Sequence[str]) -> str:
    return "?streams=" + "/".join(f"{one.lower()}@aggTrade" for one in symbols)


def read_frame(message: bytes) -> Frame:
    frame = parse(message)
    data = get(frame, "data") if get(frame, "stream") is not None else frame
    event = get(data, "e")
    if event == "serverShutdown":
        return Frame(reconnect=True)
    if event != "aggTrade":
        return Frame()
    ticker = Ticker(price=number(data, "p"), time_s=unix_s(data, "T", unit=1000), sequence=text(data, "a"))
    return Frame({text(data, "s"): ticker})


VENUE = Venue(
    name="binance",
    spec="https://developers.binance.com/docs/binance-spot-api-docs/rest-api/market-data-endpoints",
    base_url="https://api.binance.com",
    budget=Budget(requests=1500, per_s=60, symbols=100),
    symbol=symbol,
    request=request,
    read=read,
    dollar="USDT",
    stream=Stream(
        url="wss://stream.binance.com:9443/stream",
        subscribe=no_subscription,
        path=path,
        read=read_frame,
        symbol=symbol,
        idle_s=60,
    ),
)
