"""Open the pool of a chain as its settings say."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp

from shared.clock import Clock
from shared.metrics import Registry
from shared.pool import Pool
from shared.rpc import Rpc
from shared.rpc_http import HttpTransport
from shared.settings import ChainSettings


@asynccontextmanager
async def open_pool(chain: str, settings: ChainSettings, clock: Clock, registry: Registry) -> AsyncIterator[Pool]:
    """The chain's endpoints, closed at the end."""
    async with aiohttp.ClientSession() as session:
        endpoints = [
            Rpc(endpoint.name, HttpTransport(endpoint.name, endpoint.url.get_secret_value(), session), clock)
            for endpoint in settings.rpc
        ]
        yield Pool(chain, endpoints, clock)
