"""Coinbase Exchange: the last trade of a product, with its own time and id.

Spec: docs.cdp.coinbase.com/exchange/reference/exchangerestapi_getproductticker, …/docs/websocket-channels.
REST 10 requests a second; the socket wants its subscription within 5 s and beats once a second.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from oracle.body import at, get, iso_s, number, optional_number, parse, text
from oracle.errors import Unreadable
from oracle.model import Outcome, Pair, Ticker
from oracle.reasons import Reason
from oracle.venue import Budget, Frame, Request, Stream, Venue


def symbol(pair: Pair) -> str:
    return f"{pair.base}-{pair.quote}"


def request(symbols: Sequence[str]) -> Request:
    return Request(f"/products/{symbols[0]}/ticker")


def read(symbols: Sequence[str], body: bytes) -> dict[str, Outcome]:
    found = parse(body)
    if get(found, "price") is None and (message := get(found, "message")) is not None:
        raise Unreadable(Reason.UNKNOWN_SYMBOL if message == "NotFound" else Reason.VENUE_ERROR, str(message)[:120])
    ticker = Ticker(
        price=number(found, "price"),
        time_s=iso_s(found, "time"),
        sequence=text(found, "trade_id"),
        volume=optional_number(found, "volume"),
    )
    return {symbols[0]: ticker}


def subscribe(symbols: Sequence[str]) -> tuple[str, ...]:
    return (json.dumps({"type": "subscribe", "product_ids": list(symbols), "channels": ["ticker", "heartbeat"]}),)


def read_frame(message: bytes) -> Frame:
    frame = parse(message)
    kind = get(frame, "type")
    if kind == "error":
        raise Unreadable(Reason.VENUE_ERROR, f"{get(frame, 'message')}: {get(frame, 'reason')}"[:120])
    if kind != "ticker":
        return Frame()
    ticker = Ticker(
        price=number(frame, "price"),
        time_s=iso_s(frame, "time"),
        sequence=text(frame, "trade_id"),
        volume=optional_number(frame, "volume_24h"),
    )
    return Frame({str(at(frame, "product_id")): ticker})


VENUE = Venue(
    name="coinbase",
    spec="https://docs.cdp.coinbase.com/exchange/reference/exchangerestapi_getproductticker",
    base_url="https://api.exchange.coinbase.com",
    budget=Budget(requests=10, per_s=1),
    symbol=symbol,
    request=request,
    read=read,
    stream=Stream(
        url="wss://ws-feed.exchange.coinbase.com", subscribe=subscribe, read=read_frame, symbol=symbol, idle_s=10
    ),
)
