"""Open the pool of a chain as its settings say."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager

import aiohttp

from shared.clock import Clock
from shared.endpoint import Endpoint
from shared.metrics import Registry
from shared.pool import Pool
from shared.rpc import Exchange, Transport
from shared.rpc_hints import Hints
from shared.rpc_http import HttpTransport
from shared.rpc_log import UnknownTexts
from shared.rpc_metrics import RpcMeter
from shared.rpc_plain import PlainTransport
from shared.settings import ChainSettings, EndpointSettings


@asynccontextmanager
async def open_pool(chain: str, settings: ChainSettings, clock: Clock, registry: Registry) -> AsyncIterator[Pool]:
    """The chain's endpoints with their metrics, closed at the end. Nothing is asked before the first question."""
    meter, unknown = RpcMeter(registry, chain), UnknownTexts(chain)

    def observe(exchange: Exchange) -> None:
        meter.observe(exchange)
        unknown.observe(exchange)

    async with aiohttp.ClientSession() as session:
        pool = Pool(
            chain,
            [_endpoint(one, session, clock, observe) for one in settings.rpc],
            clock,
            chain_id=settings.chain_id,
        )
        with meter.reading(pool), _listening(pool, settings, session):
            try:
                yield pool
            finally:
                await pool.close()


@contextmanager
def _listening(pool: Pool, settings: ChainSettings, session: aiohttp.ClientSession) -> Iterator[None]:
    """Hear of new heads from every endpoint that has a socket, meanwhile."""
    hints = [Hints(one.name, one.ws.get_secret_value(), pool.clock) for one in settings.rpc if one.ws]
    pool.news.sockets += [one.state for one in hints]
    tasks = [
        asyncio.create_task(one.listen(session, pool.news), name=f"hints of {one.state.endpoint}") for one in hints
    ]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()


def transport_of(settings: EndpointSettings, session: aiohttp.ClientSession) -> Transport:
    """The way to an endpoint that its URL asks for."""
    url = settings.url.get_secret_value()
    if url.startswith("http://"):
        return PlainTransport(settings.name, url, settings.timeout)
    return HttpTransport(settings.name, url, session, settings.timeout)


def _endpoint(
    settings: EndpointSettings, session: aiohttp.ClientSession, clock: Clock, observe: Callable[[Exchange], None]
) -> Endpoint:
    return Endpoint(
        settings.name,
        transport_of(settings, session),
        clock,
        per_second=settings.requests_per_second,
        at_once=settings.at_once,
        observe=observe,
    )
