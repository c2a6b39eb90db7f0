"""Know what the workers say now: each asked once a second at most, and all of it as one exposition."""

import asyncio
import gzip
from collections.abc import Collection
from dataclasses import dataclass

from aiohttp import web

from aggregator.everything import Everything, combine
from aggregator.metrics import Meters
from aggregator.model import Fetched, Sweep, Target
from aggregator.scrape import Scraper
from aggregator.targets import Targets
from shared.clock import Clock
from shared.exposition import GZIP_LEVEL, TEXT
from shared.metrics import Registry
from shared.negotiate import takes_gzip

CACHE_S = 1.0
PATIENCE_S = 0.3


@dataclass(frozen=True, slots=True)
class Asked:
    """One worker that was asked, and what came of asking it before; None the first time."""

    answer: asyncio.Task[Fetched]
    before: Fetched | None


@dataclass(frozen=True, slots=True)
class Round:
    """All workers, asked at `at` (unix seconds) or, where the answer is still awaited, before."""

    at: float
    asked: tuple[Asked, ...]


class Workers:
    """The workers as they were a second ago at most. All are asked at once, and one that is slow costs only itself. One
    that is lost is lost at once: what it said is kept no longer than it takes to know."""

    def __init__(self, targets: Targets, scraper: Scraper, meters: Meters, clock: Clock) -> None:
        self._targets = targets
        self._scraper = scraper
        self._meters = meters
        self._clock = clock
        self._began_at = float("-inf")
        self._beginning: asyncio.Task[Round] | None = None
        self._asked: dict[Target, Asked] = {}
        self._sweep = Sweep(0.0)

    async def now(self) -> Sweep:
        """What every worker says, when all have answered or run out of time."""
        begun = await self._begin()
        await _settle([one.answer for one in begun.asked])
        return self._together(begun)

    async def soon(self) -> Sweep:
        """The same, but who is slow to answer stands there with the answer before, if there is one."""
        begun = await self._begin()
        await _settle([one.answer for one in begun.asked if one.before is not None], PATIENCE_S)
        await _settle([one.answer for one in begun.asked if one.before is None])
        return self._together(begun)

    async def _begin(self) -> Round:
        """Ask every worker that is not being asked; all who come within a second share what comes of it."""
        now = self._clock.monotonic()
        if self._beginning is None or (self._beginning.done() and now - self._began_at >= CACHE_S):
            self._began_at = now
            self._beginning = asyncio.create_task(self._ask_all())
        return await asyncio.shield(self._beginning)

    async def _ask_all(self) -> Round:
        targets = await self._targets.current()
        self._asked = {target: self._ask(target, self._asked.get(target)) for target in targets}
        return Round(self._clock.now(), tuple(self._asked.values()))

    def _ask(self, target: Target, before: Asked | None) -> Asked:
        if before is not None and not before.answer.done():
            return before
        return Asked(asyncio.create_task(self._fetch(target)), _said(before) if before is not None else None)

    async def _fetch(self, target: Target) -> Fetched:
        fetched = await self._scraper.fetch(target)
        self._meters.fetched(fetched)
        return fetched

    def _together(self, begun: Round) -> Sweep:
        """One sweep of what is known; the very same object while nothing new is."""
        answers = (one.answer.result() if one.answer.done() else one.before for one in begun.asked)
        fetched = tuple(one for one in answers if one is not None)
        if begun.at != self._sweep.at or [*map(id, fetched)] != [*map(id, self._sweep.fetched)]:
            self._sweep = Sweep(begun.at, fetched)
            self._meters.swept(self._sweep)
        return self._sweep


def _said(asked: Asked) -> Fetched | None:
    """What came of asking; nothing when not even an answer about the failure did."""
    answer = asked.answer
    return None if answer.cancelled() or answer.exception() is not None else answer.result()


async def _settle(answers: Collection[asyncio.Task[Fetched]], timeout_s: float | None = None) -> None:
    """Wait until all are done or it is too long, and leave them be."""
    if answers:
        await asyncio.wait(answers, timeout=timeout_s)


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
        if takes_gzip(request.headers.get("Accept-Encoding", "")):
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
