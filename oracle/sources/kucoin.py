"""KuCoin: the last match with its time and sequence.

Spec: kucoin.com/docs-new/rest/spot-trading/market-data/get-ticker, …/3470063w0 (bullet-public, /market/ticker). 4,000
weight in 30 s. An unknown symbol answers 200 with `data: null`. The socket's URL and token must be asked for; 24 h.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from oracle.body import by_symbol, each, get, listed, number, optional_number, parse, rows, table, text, unix_s
from oracle.errors import Unreadable
from oracle.model import Outcome, Pair, Ticker
from oracle.reasons import Reason
from oracle.venue import Bootstrap, Budget, Frame, Ping, Request, Stream, Venue

_REASONS = {"429000": Reason.RATE_LIMITED, "900001": Reason.UNKNOWN_SYMBOL, "400100": Reason.UNKNOWN_SYMBOL}
_TOPIC = "/market/ticker:"


def symbol(pair: Pair) -> str:
    return f"{pair.base}-{pair.quote}"


def request(symbols: Sequence[str]) -> Request:
    if len(symbols) == 1:
        return Request("/api/v1/market/orderbook/level1", (("symbol", symbols[0]),))
    return Request("/api/v1/market/allTickers")


def read(symbols: Sequence[str], body: bytes) -> dict[str, Outcome]:
    """One symbol: level1, with time and sequence. Several: allTickers, whose time is the snapshot's."""
    data = _data(parse(body))
    if get(data, "ticker") is None:
        return each(symbols[:1], lambda asked: ticker(data))
    known = by_symbol(rows(data, "ticker"), "symbol")
    time_s = unix_s(data, "time", unit=1000)

    def one(asked: str) -> Outcome:
        row = listed(known, asked)
        return Ticker(price=number(row, "last"), server_time_s=time_s, volume=optional_number(row, "vol"))

    return each(symbols, one)


def _data(found: object) -> object:
    code = str(get(found, "code"))
    if code != "200000":
        raise Unreadable(_REASONS.get(code, Reason.VENUE_ERROR), f"{code}: {get(found, 'msg')}"[:120])
    if get(found, "data") is None:
        raise Unreadable(Reason.UNKNOWN_SYMBOL, "data is null")
    return table(found, "data")


def ticker(data: object) -> Ticker:
    return Ticker(price=number(data, "price"), time_s=unix_s(data, "time", unit=1000), sequence=text(data, "sequence"))


def stream_url(body: bytes, connect_id: str) -> str:
    """Where the bullet's answer says to connect. Raises Unreadable."""
    data = _data(parse(body))
    return f"{text(data, 'instanceServers', 0, 'endpoint')}?token={text(data, 'token')}&connectId={connect_id}"


def subscribe(symbols: Sequence[str]) -> tuple[str, ...]:
    """A hundred symbols a frame, which is all that a topic takes."""
    parts = [symbols[i : i + 100] for i in range(0, len(symbols), 100)]
    return tuple(
        json.dumps({"id": str(i), "type": "subscribe", "topic": _TOPIC + ",".join(part), "response": True})
        for i, part in enumerate(parts)
    )


def read_frame(message: bytes) -> Frame:
    frame = parse(message)
    if get(frame, "type") == "error":
        raise Unreadable(Reason.VENUE_ERROR, f"{get(frame, 'code')}: {get(frame, 'data')}"[:120])
    topic = str(get(frame, "topic"))
    if get(frame, "type") != "message" or not topic.startswith(_TOPIC):
        return Frame()
    return Frame({topic.removeprefix(_TOPIC): ticker(get(frame, "data"))})


VENUE = Venue(
    name="kucoin",
    spec="https://www.kucoin.com/docs-new/rest/spot-trading/market-data/get-ticker",
    base_url="https://api.kucoin.com",
    budget=Budget(requests=2000, per_s=30, symbols=500),
    symbol=symbol,
    request=request,
    read=read,
    dollar="USDT",
    stream=Stream(
        url="",
        bootstrap=Bootstrap("/api/v1/bullet-public", stream_url),
        subscribe=subscribe,
        read=read_frame,
        symbol=symbol,
        ping=Ping(18, lambda count: json.dumps({"id": str(count), "type": "ping"})),
        idle_s=40,
    ),
)
