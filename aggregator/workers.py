"""Know what the workers say now: one sweep at a time, for a second from memory, and all of it as one exposition."""

import asyncio
import gzip

from aiohttp import web

from aggregator.everything import Everything, combine
from aggregator.metrics import Meters
from aggregator.model import Sweep, Target
from aggregator.scrape import Scraper
from aggregator.targets import Targets
from shared.clock import Clock
from shared.exposition import GZIP_LEVEL, TEXT
from shared.metrics import Registry

CACHE_S = 1.0


class Workers:
    """The workers as they were a second ago at most. A worker that is lost is lost at once: no text is kept longer."""

    def __init__(self, targets: Targets, scraper: Scraper, meters: Meters, clock: Clock) -> None:
        self._targets = targets
        self._scraper = scraper
        self._meters = meters
        self._clock = clock
        self._made_at = float("-inf")
        self._sweeping: asyncio.Task[Sweep] | None = None

    async def now(self) -> Sweep:
        """The newest sweep; all who ask while one is under way get that one."""
        if self._sweeping is None or (self._sweeping.done() and self._clock.monotonic() - self._made_at >= CACHE_S):
            self._sweeping = asyncio.create_task(self._sweep())
        return await asyncio.shield(self._sweeping)

    async def _sweep(self) -> Sweep:
        self._made_at = self._clock.monotonic()
        sweep = await self._scraper.sweep(await self._targets.current())
        self._meters.swept(sweep)
        return sweep


class AllMetrics:
    """The /metrics/all handler."""

    def __init__(self, own: Target, registry: Registry, workers: Workers, meters: Meters) -> None:
        self._own = own
        self._registry = registry
        self._workers = workers
        self._meters = meters
        self._made_of: Sweep | None = None
        self._making: asyncio.Task[tuple[bytes, bytes]] | None = None

    async def handle(self, request: web.Request) -> web.Response:
        """GET /metrics/all."""
        sweep = await self._workers.now()
        if self._making is None or (self._making.done() and self._made_of is not sweep):
            self._made_of = sweep
            self._making = asyncio.create_task(self._make(sweep))
        plain, zipped = await asyncio.shield(self._making)
        headers = {"Content-Type": TEXT, "Vary": "Accept-Encoding"}
        if "gzip" in request.headers.get("Accept-Encoding", ""):
            return web.Response(body=zipped, headers=headers | {"Content-Encoding": "gzip"})
        return web.Response(body=plain, headers=headers)

    async def _make(self, sweep: Sweep) -> tuple[bytes, bytes]:
        everything, plain, zipped = await asyncio.to_thread(self._render, sweep)
        self._meters.merged(everything)
        return plain, zipped

    def _render(self, sweep: Sweep) -> tuple[Everything, bytes, bytes]:
        everything = combine(self._own, self._registry.exposition().decode(), sweep)
        plain = everything.text.encode()
        return everything, plain, gzip.compress(plain, GZIP_LEVEL, mtime=0)
