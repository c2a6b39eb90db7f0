"""Open the pool of a chain as its settings say.

aiohttp takes a seventh of a second to load, so endpoints without TLS and sockets do without.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING

from shared.clock import Clock
from shared.endpoint import Endpoint
from shared.metrics import Registry
from shared.pool import Pool
from shared.rpc import Exchange, Transport
from shared.rpc_log import UnknownTexts
from shared.rpc_metrics import RpcMeter
from shared.rpc_plain import PlainTransport
from shared.settings import ChainSettings, EndpointSettings

if TYPE_CHECKING:
    from aiohttp import ClientSession


@asynccontextmanager
async def open_pool(chain: str, settings: ChainSettings, clock: Clock, registry: Registry) -> AsyncIterator[Pool]:
    """The chain's endpoints with their metrics, closed at the end. Nothing is asked before the first question."""
    meter, unknown = RpcMeter(registry, chain), UnknownTexts(chain)

    def observe(exchange: Exchange) -> None:
        meter.observe(exchange)
        unknown.observe(exchange)

    async with _session(settings.rpc) as session:
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


@asynccontextmanager
async def _session(endpoints: Sequence[EndpointSettings]) -> AsyncIterator[ClientSession | None]:
    """What endpoints need that are asked over TLS or tell of heads by a socket; None when there are none."""
    if all(_plain(one) and not one.ws for one in endpoints):
        yield None
        return
    from aiohttp import ClientSession

    async with ClientSession() as session:
        yield session


@contextmanager
def _listening(pool: Pool, settings: ChainSettings, session: ClientSession | None) -> Iterator[None]:
    """Hear of new heads from every endpoint that has a socket, meanwhile."""
    if session is None:
        yield
        return
    from shared.rpc_hints import Hints

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


def _plain(settings: EndpointSettings) -> bool:
    return settings.url.get_secret_value().startswith("http://")


def transport_of(settings: EndpointSettings, session: ClientSession | None) -> Transport:
    """The way to an endpoint that its URL asks for."""
    url = settings.url.get_secret_value()
    if session is None or _plain(settings):
        return PlainTransport(settings.name, url, settings.timeout)
    from shared.rpc_http import HttpTransport

    return HttpTransport(settings.name, url, session, settings.timeout)


def _endpoint(
    settings: EndpointSettings, session: ClientSession | None, clock: Clock, observe: Callable[[Exchange], None]
) -> Endpoint:
    return Endpoint(
        settings.name,
        transport_of(settings, session),
        clock,
        per_second=settings.requests_per_second,
        at_once=settings.at_once,
        observe=observe,
    )
