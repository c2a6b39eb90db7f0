# ruff: noqa: E501 - tables of bodies and cases read better in one line each
"""Venues over real HTTP and WebSocket that answer in their documented shapes, and misbehave on demand."""

from __future__ import annotations

import asyncio
import gzip
import json
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Literal

from aiohttp import WSMsgType, web

Fault = Literal[
    "hang", "close", "freeze", "rate_limit", "garbage", "jump", "html", "broken", "auth", "silent", "gzip", "flood"
]
JUMP = 1000


@dataclass
class Venues:
    """All venues of one server, each below its own name. `prices` is the market; `faults` what is wrong with whom."""

    prices: dict[str, Decimal] = field(
        default_factory=lambda: {"ETHUSD": Decimal("2000"), "USDTUSD": Decimal("1.0005")}
    )
    faults: dict[str, Fault] = field(default_factory=dict)
    offsets: dict[str, Decimal] = field(default_factory=dict)
    skew_s: float = 0.0
    retry_after: str = "1"
    push_every_s: float = 0.02
    asked: Counter[str] = field(default_factory=Counter)
    connections: Counter[str] = field(default_factory=Counter)
    pongs: Counter[str] = field(default_factory=Counter)
    pings: Counter[str] = field(default_factory=Counter)
    commands: dict[str, str] = field(default_factory=dict)
    port: int = 0
    _frozen: dict[tuple[str, str], Any] = field(default_factory=dict)
    _trades: int = 0

    def base_url(self, venue: str) -> str:
        return f"http://127.0.0.1:{self.port}/{venue}"

    def stream_url(self, venue: str) -> str:
        return f"ws://127.0.0.1:{self.port}/{venue}/ws"

    def settings(self, *venues: str, **more: Any) -> dict[str, Any]:
        """The `[venues]` part of a configuration that points here."""
        return {name: {"base_url": self.base_url(name), **more} for name in venues}

    def price(self, venue: str, symbol: str) -> Decimal:
        name = symbol.upper().replace("-", "").replace("_", "").replace("/", "").replace("XBT", "BTC")
        price = self.prices.get(name)
        if price is None and name.endswith("USDT") and f"{name[:-4]}USD" in self.prices:
            price = round(self.prices[f"{name[:-4]}USD"] / self.prices.get("USDTUSD", Decimal(1)), 8)
        if price is None:
            raise KeyError(symbol)
        price += self.offsets.get(venue, Decimal(0))
        return price * JUMP if self.faults.get(venue) == "jump" else price

    def trade(self) -> int:
        self._trades += 1
        return self._trades

    def now_s(self) -> float:
        return time.time() + self.skew_s

    def remembered(self, venue: str, key: str, make: Callable[[], Any]) -> Any:
        """The same body as long as the venue is frozen."""
        if self.faults.get(venue) == "freeze":
            return self._frozen.setdefault((venue, key), make())
        self._frozen[venue, key] = body = make()
        return body


def _iso(at_s: float) -> str:
    return datetime.fromtimestamp(at_s, UTC).isoformat().replace("+00:00", "Z")


def coinbase(v: Venues, symbol: str) -> dict[str, Any]:
    return {
        "ask": "1", "bid": "1", "volume": "1207.50668151", "trade_id": v.trade(), "price": str(v.price("coinbase", symbol)),
        "size": "0.00730812", "time": _iso(v.now_s()), "rfq_volume": "7.669923",
    }  # fmt: skip


def kraken(v: Venues, symbols: list[str]) -> dict[str, Any]:
    result = {}
    for one in symbols:
        price = str(v.price("kraken", one))
        name = {"ETHUSD": "XETHZUSD", "XBTUSD": "XXBTZUSD", "USDTUSD": "USDTZUSD"}.get(one, one)
        result[name] = {"a": [price, "2", "2.000"], "b": [price, "11", "11.000"], "c": [price, "0.01026127"],
                        "v": ["1.0", f"{v.trade()}.5"], "p": ["64487.45123", "64670.54770"], "t": [56819, 62596],
                        "l": [price, price], "h": [price, price], "o": price}  # fmt: skip
    return {"error": [], "result": result}


def kucoin(v: Venues, symbol: str) -> dict[str, Any]:
    return {"code": "200000", "data": {
        "time": int(v.now_s() * 1000), "sequence": str(v.trade()), "price": str(v.price("kucoin", symbol)), "size": "1",
        "bestBid": "1", "bestBidSize": "1", "bestAsk": "1", "bestAskSize": "1"}}  # fmt: skip


def okx(v: Venues, symbol: str) -> dict[str, Any]:
    return {"instType": "SPOT", "instId": symbol, "last": str(v.price("okx", symbol)), "vol24h": f"{v.trade()}",
            "ts": str(int(v.now_s() * 1000))}  # fmt: skip


def bybit(v: Venues, symbol: str) -> dict[str, Any]:
    return {"symbol": symbol, "lastPrice": str(v.price("bybit", symbol)), "volume24h": str(v.trade())}


def gate(v: Venues, symbol: str) -> dict[str, Any]:
    return {"currency_pair": symbol, "last": str(v.price("gate", symbol)), "base_volume": str(v.trade())}


def bitstamp(v: Venues, symbol: str) -> dict[str, Any]:
    return {"timestamp": str(int(v.now_s())), "last": str(v.price("bitstamp", symbol)), "volume": str(v.trade())}


Handler = Callable[[Venues, web.Request], Any]


def _rest() -> dict[tuple[str, str], Handler]:
    """Handlers by venue and path; a KeyError is an unknown symbol."""
    query = lambda name: lambda request: request.query[name]  # noqa: E731
    inst = query("instId")
    return {
        ("coinbase", "/products/{symbol}/ticker"): lambda v, r: coinbase(v, r.match_info["symbol"]),
        ("kraken", "/0/public/Ticker"): lambda v, r: kraken(v, r.query["pair"].split(",")),
        ("binance", "/api/v3/ticker/price"): _binance,
        ("okx", "/api/v5/market/ticker"): lambda v, r: {"code": "0", "msg": "", "data": [okx(v, inst(r))]},
        ("okx", "/api/v5/market/tickers"): lambda v, r: {
            "code": "0", "msg": "", "data": [okx(v, f"{b}-USDT") for b in ("ETH", "BTC") if f"{b}USD" in v.prices]},
        ("bybit", "/v5/market/tickers"): lambda v, r: {"retCode": 0, "retMsg": "OK", "time": int(v.now_s() * 1000),
            "result": {"category": "spot", "list": [bybit(v, r.query["symbol"])]}},
        ("gate", "/api/v4/spot/tickers"): lambda v, r: [gate(v, r.query["currency_pair"])],
        ("bitstamp", "/api/v2/ticker/{symbol}/"): lambda v, r: bitstamp(v, r.match_info["symbol"]),
        ("kucoin", "/api/v1/market/orderbook/level1"): lambda v, r: kucoin(v, r.query["symbol"]),
        ("coingecko", "/api/v3/simple/price"): lambda v, r: {
            "ethereum": {"usd": float(v.price("coingecko", "ETHUSD")), "last_updated_at": int(v.now_s())}},
        ("hermes", "/v2/updates/price/latest"): lambda v, r: {"parsed": [hermes(v, i) for i in r.query.getall("ids[]")]},
        ("mycex", "/tick/{symbol}"): lambda v, r: {"data": [{"s": r.match_info["symbol"], "t": int(v.now_s() * 1000),
            "p": str(v.price("mycex", r.match_info["symbol"]))}]},
    }  # fmt: skip


def _binance(v: Venues, request: web.Request) -> Any:
    one = lambda symbol: {"symbol": symbol, "price": f"{v.price('binance', symbol):f}"}  # noqa: E731
    if "symbol" in request.query:
        return one(request.query["symbol"])
    return [one(symbol) for symbol in json.loads(request.query["symbols"])]


def hermes(v: Venues, feed_id: str) -> dict[str, Any]:
    price = int(v.price("hermes", "ETHUSD") * 10**8)
    return {"id": feed_id.removeprefix("0x"), "price": {"price": str(price), "conf": "120000000", "expo": -8,
            "publish_time": int(v.now_s())}, "metadata": {"slot": v.trade()}}  # fmt: skip


UNKNOWN: dict[str, tuple[int, Any]] = {
    "coinbase": (404, {"message": "NotFound"}),
    "kraken": (200, {"error": ["EQuery:Unknown asset pair"]}),
    "binance": (400, {"code": -1121, "msg": "Invalid symbol."}),
    "okx": (200, {"code": "51001", "msg": "Instrument ID does not exist", "data": []}),
    "bybit": (200, {"retCode": 10001, "retMsg": "Not supported symbols", "result": {}, "time": 1672376496682}),
    "gate": (400, {"label": "INVALID_CURRENCY_PAIR", "message": "Invalid currency pair"}),
    "bitstamp": (404, {"code": "Not Found"}),
    "kucoin": (200, {"code": "200000", "data": None}),
}


@asynccontextmanager
async def serve(venues: Venues | None = None) -> AsyncIterator[Venues]:
    """A server with every venue on a free port."""
    venues = venues or Venues()
    app = web.Application()
    for (name, path), handler in _rest().items():
        app.router.add_get(f"/{name}{path}", _answering(venues, name, handler))
    for name, protocol in PROTOCOLS.items():
        app.router.add_get(f"/{name}/ws", _listening(venues, name, protocol))
    app.router.add_post("/kucoin/api/v1/bullet-public", _bullet(venues))
    app.router.add_get("/hermes/v2/updates/price/stream", _sse(venues))
    runner = web.AppRunner(app, shutdown_timeout=0.1, handler_cancellation=True)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    venues.port = runner.addresses[0][1]
    try:
        yield venues
    finally:
        await runner.cleanup()


def _answering(venues: Venues, name: str, handler: Handler) -> Callable[[web.Request], Any]:
    async def answer(request: web.Request) -> web.StreamResponse:
        venues.asked[name] += 1
        fault = venues.faults.get(name)
        if fault == "hang":
            await asyncio.sleep(3600)
        if fault == "close":
            assert request.transport is not None
            request.transport.abort()
            return web.Response()
        if fault in BAD_ANSWERS:
            return BAD_ANSWERS[fault](venues)
        try:
            body = venues.remembered(name, str(request.rel_url), lambda: handler(venues, request))
        except KeyError:
            status, unknown = UNKNOWN.get(name, (404, {}))
            return web.json_response(unknown, status=status)
        return web.json_response(body)

    return answer


BAD_ANSWERS: dict[str, Callable[[Venues], web.Response]] = {
    "rate_limit": lambda v: web.Response(status=429, headers={"Retry-After": v.retry_after}, text="slow down"),
    "garbage": lambda v: web.Response(body=b'{"price": "\xff\xfe', content_type="application/json"),
    "html": lambda v: web.Response(text="<html><body>We are down</body></html>", content_type="text/html"),
    "broken": lambda v: web.Response(status=503, text="upstream connect error"),
    "gzip": lambda v: web.Response(
        body=gzip.compress(b'{"price":"1"}' * 99)[:40], headers={"Content-Encoding": "gzip"}
    ),
    "flood": lambda v: web.Response(body=b" " * 9_000_000),
    "auth": lambda v: web.Response(status=401, text="token please"),
}


def _push_coinbase(v: Venues, symbol: str) -> Any:
    return {"type": "ticker", "sequence": v.trade(), "product_id": symbol, "price": str(v.price("coinbase", symbol)),
            "time": _iso(v.now_s()), "trade_id": v.trade(), "last_size": "0.4"}  # fmt: skip


def _push_binance(v: Venues, symbol: str) -> Any:
    return {"stream": f"{symbol.lower()}@aggTrade", "data": {
        "e": "aggTrade", "E": int(v.now_s() * 1000), "s": symbol, "a": v.trade(), "p": f"{v.price('binance', symbol):f}",
        "q": "1", "f": 1, "l": 2, "T": int(v.now_s() * 1000), "m": True, "M": True}}  # fmt: skip


def _push_kraken(v: Venues, symbol: str) -> Any:
    return {"channel": "ticker", "type": "update", "data": [
        {"symbol": symbol, "last": float(v.price("kraken", symbol)), "volume": v.trade()}]}  # fmt: skip


def _push_okx(v: Venues, symbol: str) -> Any:
    return {"arg": {"channel": "tickers", "instId": symbol}, "data": [okx(v, symbol)]}


def _push_bybit(v: Venues, symbol: str) -> Any:
    return {"topic": f"tickers.{symbol}", "ts": int(v.now_s() * 1000), "type": "snapshot", "cs": v.trade(),
            "data": bybit(v, symbol)}  # fmt: skip


def _push_bitstamp(v: Venues, symbol: str) -> Any:
    price = str(v.price("bitstamp", symbol))
    return {"event": "trade", "channel": f"live_trades_{symbol}", "data": {
        "id": v.trade(), "price": float(price), "price_str": price, "microtimestamp": str(int(v.now_s() * 1e6))}}  # fmt: skip


def _push_gate(v: Venues, symbol: str) -> Any:
    return {"time": int(v.now_s()), "channel": "spot.tickers", "event": "update", "result": gate(v, symbol)}


def _push_kucoin(v: Venues, symbol: str) -> Any:
    return {"type": "message", "topic": f"/market/ticker:{symbol}", "subject": "trade.ticker",
            "data": kucoin(v, symbol)["data"]}  # fmt: skip


@dataclass(frozen=True)
class Protocol:
    """How a fake venue's socket speaks: which symbols a subscription names, what it pushes, what it answers to pings."""

    symbols: Callable[[Any], list[str]]
    push: Callable[[Venues, str], Any]
    is_ping: Callable[[str], bool] = lambda text: False
    pong: str = ""


PROTOCOLS: dict[str, Protocol] = {
    "coinbase": Protocol(lambda m: m["product_ids"], _push_coinbase),
    "binance": Protocol(lambda m: [], _push_binance),
    "kraken": Protocol(lambda m: m["params"]["symbol"], _push_kraken),
    "okx": Protocol(lambda m: [a["instId"] for a in m["args"]], _push_okx, lambda t: t == "ping", "pong"),
    "bybit": Protocol(lambda m: [a.split(".")[1] for a in m["args"]], _push_bybit, lambda t: '"ping"' in t,
                      '{"success":true,"ret_msg":"pong","op":"ping"}'),
    "bitstamp": Protocol(lambda m: [m["data"]["channel"].removeprefix("live_trades_")], _push_bitstamp,
                         lambda t: "heartbeat" in t, '{"event":"bts:heartbeat","channel":"","data":{"status":"success"}}'),
    "gate": Protocol(lambda m: m["payload"], _push_gate, lambda t: "spot.ping" in t, '{"channel":"spot.pong","event":""}'),
    "kucoin": Protocol(lambda m: m["topic"].partition(":")[2].split(","), _push_kucoin, lambda t: '"ping"' in t,
                       '{"id":"1","type":"pong"}'),
}  # fmt: skip


def _listening(venues: Venues, name: str, protocol: Protocol) -> Callable[[web.Request], Any]:
    async def connect(request: web.Request) -> web.StreamResponse:
        venues.connections[name] += 1
        if venues.faults.get(name) == "broken":
            return web.Response(status=503)
        ws = web.WebSocketResponse(autoping=False)
        await ws.prepare(request)
        streams = request.query.get("streams", "")
        symbols = [one.partition("@")[0].upper() for one in streams.split("/") if one]
        pushing = asyncio.create_task(_pushing(venues, name, protocol, ws, symbols))
        try:
            async for message in ws:
                if message.type is WSMsgType.PONG:
                    venues.pongs[name] += 1
                elif message.type is WSMsgType.TEXT and protocol.is_ping(message.data):
                    venues.pings[name] += 1
                    await ws.send_str(protocol.pong)
                elif message.type is WSMsgType.TEXT:
                    symbols.extend(protocol.symbols(json.loads(message.data)))
        finally:
            pushing.cancel()
        return ws

    return connect


async def _pushing(v: Venues, name: str, protocol: Protocol, ws: web.WebSocketResponse, symbols: list[str]) -> None:
    beat = 0
    while True:
        await asyncio.sleep(v.push_every_s)
        beat += 1
        fault = v.faults.get(name)
        if (command := v.commands.pop(name, None)) is not None:
            await ws.send_str(command)
        if fault == "close":
            await ws.close()
            return
        if fault in ("silent", "hang"):
            continue
        if beat % 5 == 1:
            await ws.ping(b"are you there")
        if fault == "garbage":
            await ws.send_bytes(b"\x00\xff garbage")
            continue
        for symbol in symbols:
            await ws.send_json(v.remembered(name, f"ws {symbol}", lambda s=symbol: protocol.push(v, s)))


def _bullet(venues: Venues) -> Callable[[web.Request], Any]:
    async def bullet(request: web.Request) -> web.Response:
        servers = [
            {"endpoint": venues.stream_url("kucoin"), "encrypt": False, "protocol": "websocket", "pingInterval": 18000}
        ]
        return web.json_response({"code": "200000", "data": {"token": "t0ken", "instanceServers": servers}})

    return bullet


def _sse(venues: Venues) -> Callable[[web.Request], Any]:
    async def stream(request: web.Request) -> web.StreamResponse:
        venues.connections["hermes"] += 1
        if venues.faults.get("hermes") == "auth":
            return web.Response(status=401)
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        while True:
            await asyncio.sleep(venues.push_every_s)
            fault = venues.faults.get("hermes")
            if fault == "close":
                return response
            if fault in ("silent", "hang"):
                continue
            await response.write(b":\n\n")
            parsed = [hermes(venues, one) for one in request.query.getall("ids[]")]
            await response.write(b"data:" + json.dumps({"parsed": parsed}).encode() + b"\n\n")

    return stream
