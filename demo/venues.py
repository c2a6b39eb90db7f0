"""Serve simulated exchanges over HTTP (`python -m demo.venues`): Coinbase, Kraken and Binance as far as prices go.

Every answer says in a header, and the page at `/` in words, that nothing of it is real. `PUT /{venue}/fault` makes one
misbehave, for drills: {"kind": "freeze"} keeps answering what it answered then, {"kind": "jump", "bps": 1000} moves its
prices, {"kind": "error", "status": 503} fails, {"kind": "hang"} does not answer for two minutes. `DELETE` ends it;
`GET /faults` lists them.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from types import MappingProxyType
from typing import Annotated, Any, Literal

import click
import msgspec
import structlog
from aiohttp import web
from aiohttp.typedefs import Handler

from demo import tickers
from demo.pricepath import PricePath
from demo.process import run_until_told
from demo.tickers import Exchange
from shared.clock import Clock, system_clock
from shared.http import serve
from shared.runtime import Stop

NOTICE = "Simulated by usdx demo: no such trade ever happened."
_PAGE = f"""<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Simulated exchanges</title>
<h1>Simulated exchanges</h1>
<p><strong>{NOTICE}</strong> A demo has no internet, so this server answers in the shapes of three exchanges about a
made-up market. The same code reads the real ones when their base URLs are left at their defaults.</p>
<ul>
<li><a href="/coinbase/products/ETH-USD/ticker">/coinbase/products/ETH-USD/ticker</a>
<li><a href="/kraken/0/public/Ticker?pair=ETHUSD,USDTUSD">/kraken/0/public/Ticker?pair=ETHUSD,USDTUSD</a>
<li><a href="/binance/api/v3/ticker/price?symbol=ETHUSDT">/binance/api/v3/ticker/price?symbol=ETHUSDT</a>
</ul></html>
"""
_LONGEST_HANG_S = 120.0
_VENUES = ("coinbase", "kraken", "binance")


class Fault(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How an exchange misbehaves; `since_ms` is filled in on arrival."""

    kind: Literal["freeze", "jump", "error", "hang"]
    bps: Annotated[int, msgspec.Meta(gt=-10_000, le=10**9)] = 0
    status: Annotated[int, msgspec.Meta(ge=400, le=599)] = 503
    since_ms: int = 0


class Venues:
    """The three exchanges and what is wrong with each."""

    def __init__(self, path: PricePath, clock: Clock) -> None:
        self.faults: dict[str, Fault] = {}
        self._path = path
        self._clock = clock
        self._closing = asyncio.Event()

    def now_ms(self) -> int:
        """The time of this machine in milliseconds."""
        return int(self._clock.now() * 1000)

    def view(self, name: str) -> tuple[Exchange, int]:
        """What an exchange shows, and of what time."""
        fault = self.faults.get(name)
        jump_bps = fault.bps if fault and fault.kind == "jump" else 0
        at_ms = fault.since_ms if fault and fault.kind == "freeze" else self.now_ms()
        return Exchange(name, self._path, jump_bps), at_ms

    def app(self) -> web.Application:
        """The server's routes."""
        application = web.Application(middlewares=[_admit, self._misbehave])
        router = application.router
        router.add_get("/", _page)
        router.add_get("/coinbase/products/{symbol}/ticker", self._coinbase)
        router.add_get("/kraken/0/public/Ticker", self._kraken)
        for part, one in _BINANCE.items():
            router.add_get(f"/binance/api/v3/ticker/{part}", self._binance(one))
        router.add_get("/faults", self._list_faults)
        router.add_put("/{venue}/fault", self._set_fault)
        router.add_delete("/{venue}/fault", self._end_fault)
        application.on_shutdown.append(self._close)
        return application

    @web.middleware
    async def _misbehave(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        fault = self.faults.get(request.path.split("/")[1]) if request.method == "GET" else None
        if fault and fault.kind == "error":
            return web.Response(status=fault.status, text="<html><body>Service unavailable</body></html>")
        if fault and fault.kind == "hang":
            with suppress(TimeoutError):
                await asyncio.wait_for(self._closing.wait(), _LONGEST_HANG_S)
        return await handler(request)

    async def _close(self, application: web.Application) -> None:
        self._closing.set()

    async def _coinbase(self, request: web.Request) -> web.Response:
        try:
            return web.json_response(tickers.coinbase(*self._ask("coinbase", request.match_info["symbol"])))
        except KeyError:
            return web.json_response({"message": "NotFound"}, status=404)

    async def _kraken(self, request: web.Request) -> web.Response:
        if not (pairs := request.query.get("pair")):
            return web.json_response({"error": ["EGeneral:Invalid arguments"]})
        return web.json_response(tickers.kraken(*self._ask("kraken", pairs)))

    def _binance(self, one: "Answer") -> Callable[[web.Request], Awaitable[web.Response]]:
        async def handler(request: web.Request) -> web.Response:
            try:
                single, symbols = _binance_symbols(request.query)
                found = [one(*self._ask("binance", symbol)) for symbol in symbols]
            except KeyError:
                return web.json_response({"code": -1121, "msg": "Invalid symbol."}, status=400)
            except msgspec.DecodeError:
                message = "Illegal characters found in parameter 'symbols'."
                return web.json_response({"code": -1100, "msg": message}, status=400)
            return web.json_response(found[0] if single else found)

        return handler

    def _ask(self, venue: str, symbol: str) -> tuple[Exchange, str, int]:
        exchange, at_ms = self.view(venue)
        return exchange, symbol, at_ms

    async def _list_faults(self, request: web.Request) -> web.Response:
        return web.json_response(msgspec.to_builtins(self.faults))

    async def _set_fault(self, request: web.Request) -> web.Response:
        venue = _known(request)
        try:
            fault = msgspec.json.decode(await request.read(), type=Fault)
        except msgspec.DecodeError as exc:
            raise web.HTTPBadRequest(text=str(exc)) from exc
        self.faults[venue] = msgspec.structs.replace(fault, since_ms=self.now_ms())
        return web.json_response(msgspec.to_builtins(self.faults[venue]))

    async def _end_fault(self, request: web.Request) -> web.Response:
        self.faults.pop(_known(request), None)
        return web.Response(status=204)


Answer = Callable[[Exchange, str, int], dict[str, Any]]
_BINANCE: Mapping[str, Answer] = MappingProxyType(
    {"price": tickers.binance_price, "bookTicker": tickers.binance_book, "24hr": tickers.binance_day}
)


def _binance_symbols(query: Mapping[str, str]) -> tuple[bool, list[str]]:
    """One `symbol`, or a JSON list of `symbols`, or every symbol; True when the answer is a single object."""
    if "symbol" in query:
        return True, [query["symbol"]]
    if "symbols" in query:
        return False, msgspec.json.decode(query["symbols"], type=list[str])
    return False, list(tickers.BINANCE)


def _known(request: web.Request) -> str:
    venue = request.match_info["venue"]
    if venue not in _VENUES:
        raise web.HTTPNotFound(text=f"expected one of {', '.join(_VENUES)}")
    return venue


@web.middleware
async def _admit(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Say in every answer that it is made up."""
    try:
        response = await handler(request)
    except web.HTTPException as exc:
        exc.headers["X-Simulated"] = NOTICE
        raise
    response.headers["X-Simulated"] = NOTICE
    return response


async def _page(request: web.Request) -> web.Response:
    return web.Response(text=_PAGE, content_type="text/html")


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, envvar="USDX_DEMO_HOST", help="Where to listen.")
@click.option("--port", default=8600, show_default=True, envvar="USDX_DEMO_VENUES_PORT", help="0 takes a free one.")
@click.option("--seed", default="usdx", show_default=True, envvar="USDX_DEMO_SEED", help="Which market to tell.")
def main(host: str, port: int, seed: str) -> None:
    """Serve simulated Coinbase, Kraken and Binance tickers until told to stop."""

    async def run(stop: Stop) -> None:
        async with serve(Venues(PricePath(seed), system_clock()).app(), host, port) as listening:
            structlog.get_logger().info("simulated exchanges", url=f"http://{host}:{listening}")
            await stop.wait()

    run_until_told("venues", run)


if __name__ == "__main__":
    main()
