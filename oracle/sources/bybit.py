"""Bybit spot: the last price; the `time` beside it is the server's clock and says nothing of the price.

Spec: bybit-exchange.github.io/docs/v5/market/tickers, …/websocket/public/ticker. 600 requests in 5 s, beyond which it
answers 403. Errors come under status 200 with a retCode. The socket wants a JSON ping every 20 s.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from oracle.body import by_symbol, each, get, listed, number, optional_number, parse, rows, text, unix_s
from oracle.errors import Unreadable
from oracle.model import Outcome, Pair, Ticker
from oracle.reasons import Reason
from oracle.venue import Budget, Frame, Ping, Request, Stream, Venue

_REASONS = {"10001": Reason.UNKNOWN_SYMBOL, "10006": Reason.RATE_LIMITED, "10018": Reason.RATE_LIMITED}


def symbol(pair: Pair) -> str:
    return pair.base + pair.quote


def request(symbols: Sequence[str]) -> Request:
    one = (("symbol", symbols[0]),) if len(symbols) == 1 else ()
    return Request("/v5/market/tickers", (("category", "spot"), *one))


def read(symbols: Sequence[str], body: bytes) -> dict[str, Outcome]:
    found = parse(body)
    code = str(get(found, "retCode"))
    if code != "0":
        raise Unreadable(_REASONS.get(code, Reason.VENUE_ERROR), f"{code}: {get(found, 'retMsg')}"[:120])
    server_time_s = unix_s(found, "time", unit=1000) if get(found, "time") is not None else None
    known = by_symbol(rows(found, "result", "list"), "symbol")

    def one(asked: str) -> Outcome:
        row = listed(known, asked)
        volume = optional_number(row, "volume24h")
        return Ticker(price=number(row, "lastPrice"), server_time_s=server_time_s, volume=volume)

    return each(symbols, one)


def subscribe(symbols: Sequence[str]) -> tuple[str, ...]:
    """Ten topics a frame, which is all that spot allows."""
    topics = [f"tickers.{one}" for one in symbols]
    parts = [topics[i : i + 10] for i in range(0, len(topics), 10)]
    return tuple(json.dumps({"op": "subscribe", "args": part}) for part in parts)


def read_frame(message: bytes) -> Frame:
    """Derivatives send deltas without a price; those say nothing."""
    frame = parse(message)
    if get(frame, "success") is False:
        raise Unreadable(Reason.VENUE_ERROR, str(get(frame, "ret_msg"))[:120])
    data = get(frame, "data")
    if not str(get(frame, "topic")).startswith("tickers.") or get(data, "lastPrice") is None:
        return Frame()
    ticker = Ticker(
        price=number(data, "lastPrice"),
        time_s=unix_s(frame, "ts", unit=1000),
        sequence=text(frame, "cs") if get(frame, "cs") is not None else None,
        volume=optional_number(data, "volume24h"),
    )
    return Frame({text(data, "symbol"): ticker})


VENUE = Venue(
    name="bybit",
    spec="https://bybit-exchange.github.io/docs/v5/market/tickers",
    base_url="https://api.bybit.com",
    budget=Budget(requests=600, per_s=5, symbols=500),
    symbol=symbol,
    request=request,
    read=read,
    dollar="USDT",
    statuses={403: Reason.RATE_LIMITED},
    stream=Stream(
        url="wss://stream.bybit.com/v5/public/spot",
        subscribe=subscribe,
        read=read_frame,
        symbol=symbol,
        ping=Ping(20, lambda count: json.dumps({"req_id": str(count), "op": "ping"})),
        idle_s=60,
    ),
)
