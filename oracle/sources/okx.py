"""OKX: a spot ticker with the time it was made.

Spec: okx.com/docs-v5/en (GET /market/ticker, tickers channel). 20 requests in 2 s. Errors come under status 200 with a
code other than "0". The socket wants the text `ping` and is cut after 30 s of silence.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from oracle.body import by_symbol, each, get, listed, number, optional_number, parse, rows, unix_s
from oracle.errors import Unreadable
from oracle.model import Outcome, Pair, Ticker
from oracle.reasons import Reason
from oracle.venue import Budget, Frame, Ping, Request, Stream, Venue

_REASONS = {"51001": Reason.UNKNOWN_SYMBOL, "50011": Reason.RATE_LIMITED, "50001": Reason.MAINTENANCE}


def symbol(pair: Pair) -> str:
    return f"{pair.base}-{pair.quote}"


def request(symbols: Sequence[str]) -> Request:
    if len(symbols) == 1:
        return Request("/api/v5/market/ticker", (("instId", symbols[0]),))
    return Request("/api/v5/market/tickers", (("instType", "SPOT"),))


def read(symbols: Sequence[str], body: bytes) -> dict[str, Outcome]:
    found = parse(body)
    code = str(get(found, "code"))
    if code != "0":
        raise Unreadable(_REASONS.get(code, Reason.VENUE_ERROR), f"{code}: {get(found, 'msg')}"[:120])
    known = by_symbol(rows(found, "data"), "instId")
    return each(symbols, lambda asked: ticker(listed(known, asked)))


def ticker(row: object) -> Ticker:
    return Ticker(price=number(row, "last"), time_s=unix_s(row, "ts", unit=1000), volume=optional_number(row, "vol24h"))


def subscribe(symbols: Sequence[str]) -> tuple[str, ...]:
    return (json.dumps({"op": "subscribe", "args": [{"channel": "tickers", "instId": one} for one in symbols]}),)


def read_frame(message: bytes) -> Frame:
    if message == b"pong":
        return Frame()
    frame = parse(message)
    event = get(frame, "event")
    if event == "error":
        raise Unreadable(Reason.VENUE_ERROR, f"{get(frame, 'code')}: {get(frame, 'msg')}"[:120])
    if event == "notice":
        return Frame(reconnect=True)
    if get(frame, "arg", "channel") != "tickers" or event is not None:
        return Frame()
    return Frame({name: ticker(row) for name, row in by_symbol(rows(frame, "data"), "instId").items()})


VENUE = Venue(
    name="okx",
    spec="https://www.okx.com/docs-v5/en/#order-book-trading-market-data-get-ticker",
    base_url="https://www.okx.com",
    budget=Budget(requests=20, per_s=2, symbols=500),
    symbol=symbol,
    request=request,
    read=read,
    dollar="USDT",
    stream=Stream(
        url="wss://ws.okx.com:8443/ws/v5/public",
        subscribe=subscribe,
        read=read_frame,
        symbol=symbol,
        ping=Ping(15, lambda count: "ping"),
        idle_s=30,
    ),
)
