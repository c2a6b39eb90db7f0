"""Gate: the last price; Gate tells no time of it over REST.

Spec: gate.com/docs/developers/apiv4 (spot/tickers), …/apiv4/ws (spot.tickers). 200 requests in 10 s.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from oracle.body import by_symbol, each, get, listed, number, optional_number, parse, rows, text, unix_s
from oracle.errors import Unreadable
from oracle.model import Outcome, Pair, Ticker
from oracle.reasons import Reason
from oracle.venue import Budget, Frame, Ping, Request, Stream, Venue

_REASONS = {
    "INVALID_CURRENCY_PAIR": Reason.UNKNOWN_SYMBOL,
    "INVALID_CURRENCY": Reason.UNKNOWN_SYMBOL,
    "TOO_MANY_REQUESTS": Reason.RATE_LIMITED,
}


def symbol(pair: Pair) -> str:
    return f"{pair.base}_{pair.quote}"


def request(symbols: Sequence[str]) -> Request:
    return Request("/api/v4/spot/tickers", (("currency_pair", symbols[0]),) if len(symbols) == 1 else ())


def read(symbols: Sequence[str], body: bytes) -> dict[str, Outcome]:
    found = parse(body)
    label = get(found, "label")
    if label is not None:
        raise Unreadable(_REASONS.get(str(label), Reason.VENUE_ERROR), f"{label}: {get(found, 'message')}"[:120])
    known = by_symbol(rows(found), "currency_pair")

    def one(asked: str) -> Outcome:
        row = listed(known, asked)
        return Ticker(price=number(row, "last"), volume=optional_number(row, "base_volume"))

    return each(symbols, one)


def subscribe(symbols: Sequence[str]) -> tuple[str, ...]:
    frame = {"time": 0, "channel": "spot.tickers", "event": "subscribe", "payload": list(symbols)}
    return (json.dumps(frame),)


def read_frame(message: bytes) -> Frame:
    frame = parse(message)
    if get(frame, "error") is not None:
        raise Unreadable(Reason.VENUE_ERROR, str(get(frame, "error"))[:120])
    if get(frame, "channel") != "spot.tickers" or get(frame, "event") != "update":
        return Frame()
    result = get(frame, "result")
    ticker = Ticker(
        price=number(result, "last"),
        server_time_s=unix_s(frame, "time"),
        volume=optional_number(result, "base_volume"),
    )
    return Frame({text(result, "currency_pair"): ticker})


VENUE = Venue(
    name="gate",
    spec="https://www.gate.com/docs/developers/apiv4/en/#get-currency-pair-ticker-information",
    base_url="https://api.gateio.ws",
    budget=Budget(requests=200, per_s=10, symbols=500),
    symbol=symbol,
    request=request,
    read=read,
    dollar="USDT",
    stream=Stream(
        url="wss://api.gateio.ws/ws/v4/",
        subscribe=subscribe,
        read=read_frame,
        symbol=symbol,
        ping=Ping(15, lambda count: json.dumps({"time": 0, "channel": "spot.ping"})),
        idle_s=30,
    ),
)
