"""Answer a scrape from memory: in a thread, one at a time, for a second from a cache, gzipped when asked for."""

from __future__ import annotations

import asyncio
import gzip
from dataclasses import dataclass

from aiohttp import web

from shared.clock import Clock
from shared.metrics import Registry

TEXT = "text/plain; version=0.0.4; charset=utf-8"
OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"
CACHE_S = 1.0
GZIP_LEVEL = 6


@dataclass(frozen=True, slots=True)
class _Body:
    plain: bytes
    zipped: bytes
    made_at: float  # monotonic


class Exposition:
    """The /metrics handler over one registry."""

    def __init__(self, registry: Registry, clock: Clock) -> None:
        self._registry = registry
        self._clock = clock
        self._bodies: dict[bool, _Body] = {}
        self._making: dict[bool, asyncio.Task[_Body]] = {}

    async def handle(self, request: web.Request) -> web.Response:
        """GET /metrics."""
        openmetrics = "application/openmetrics-text" in request.headers.get("Accept", "")
        body = await self._body(openmetrics)
        headers = {"Content-Type": OPENMETRICS if openmetrics else TEXT, "Vary": "Accept, Accept-Encoding"}
        if "gzip" in request.headers.get("Accept-Encoding", ""):
            return web.Response(body=body.zipped, headers=headers | {"Content-Encoding": "gzip"})
        return web.Response(body=body.plain, headers=headers)

    async def _body(self, openmetrics: bool) -> _Body:
        body = self._bodies.get(openmetrics)
        if body is not None and self._clock.monotonic() - body.made_at < CACHE_S:
            return body
        making = self._making.get(openmetrics)
        if making is None or making.done():
            making = self._making[openmetrics] = asyncio.create_task(self._make(openmetrics))
        return await asyncio.shield(making)

    async def _make(self, openmetrics: bool) -> _Body:
        plain, zipped = await asyncio.to_thread(self._render, openmetrics)
        body = self._bodies[openmetrics] = _Body(plain, zipped, self._clock.monotonic())
        return body

    def _render(self, openmetrics: bool) -> tuple[bytes, bytes]:
        plain = self._registry.exposition(openmetrics=openmetrics)
        return plain, gzip.compress(plain, GZIP_LEVEL, mtime=0)
