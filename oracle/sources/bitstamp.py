"""Bitstamp: the last price with the time of the reply; over the socket every trade with its own time and id.

Spec: bitstamp.net/api (ticker), bitstamp.net/websocket/v2 (live_trades). 400 requests a second, 8,000 in 10 minutes.
The socket obeys `bts:request_reconnect` and lives 90 days.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from oracle.body import by_symbol, each, get, listed, number, optional_number, parse, rows, text, unix_s
from oracle.errors import Unreadable
from oracle.model import Outcome, Pair, Ticker
from oracle.reasons import Reason
from oracle.venue import Budget, Frame, Ping, Request, Stream, Venue


def symbol(pair: Pair) -> str:
    return f"{pair.base}{pair.quote}".lower()


def request(symbols: Sequence[str]) -> Request:
    return Request(f"/api/v2/ticker/{symbols[0]}/" if len(symbols) == 1 else "/api/v2/ticker/")


def read(symbols: Sequence[str], body: bytes) -> dict[str, Outcome]:
    """One symbol: its object. Several: the list of all markets, each with its `pair` such as BTC/USD."""
    found = parse(body)
    if get(found, "status") == "error" or get(found, "code") is not None:
        raise Unreadable(Reason.VENUE_ERROR, str(get(found, "reason") or get(found, "code"))[:120])
    if isinstance(found, dict):
        return each(symbols[:1], lambda asked: ticker(found))
    known = {name.replace("/", "").lower(): row for name, row in by_symbol(rows(found), "pair").items()}
    return each(symbols, lambda asked: ticker(listed(known, asked)))


def ticker(row: object) -> Ticker:
    return Ticker(
        price=number(row, "last"), server_time_s=unix_s(row, "timestamp"), volume=optional_number(row, "volume")
    )


def subscribe(symbols: Sequence[str]) -> tuple[str, ...]:
    return tuple(json.dumps({"event": "bts:subscribe", "data": {"channel": f"live_trades_{one}"}}) for one in symbols)


def read_frame(message: bytes) -> Frame:
    frame = parse(message)
    event = get(frame, "event")
    if event == "bts:request_reconnect":
        return Frame(reconnect=True)
    if event == "bts:error":
        raise Unreadable(Reason.VENUE_ERROR, str(get(frame, "data"))[:120])
    if event != "trade":
        return Frame()
    data = get(frame, "data")
    price = number(data, "price_str") if get(data, "price_str") is not None else number(data, "price")
    ticker = Ticker(price=price, time_s=unix_s(data, "microtimestamp", unit=1_000_000), sequence=text(data, "id"))
    return Frame({text(frame, "channel").removeprefix("live_trades_"): ticker})


VENUE = Venue(
    name="bitstamp",
    spec="https://www.bitstamp.net/api/#tag/Tickers",
    base_url="https://www.bitstamp.net",
    budget=Budget(requests=8000, per_s=600, symbols=200),
    symbol=symbol,
    request=request,
    read=read,
    stream=Stream(
        url="wss://ws.bitstamp.net",
        subscribe=subscribe,
        read=read_frame,
        symbol=symbol,
        ping=Ping(20, lambda count: json.dumps({"event": "bts:heartbeat"})),
        idle_s=60,
    ),
)
