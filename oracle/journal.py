"""Hold finished rounds until Postgres has them."""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import suppress

import structlog

from oracle.model import Round
from oracle.samples import Samples
from oracle.store import Store
from shared.clock import Clock
from shared.errors import Transient
from shared.health import Health
from shared.runtime import Stop

LOOP = "journal"
AT_ONCE = 1000
RETRY_S = 1.0
IDLE_S = 5.0


class Journal:
    """A queue with a bottom: beyond `most` rounds the oldest are given up, and counted in `lost`."""

    def __init__(self, store: Store, samples: Samples, health: Health, clock: Clock, most: int = 100_000) -> None:
        self._store, self._samples, self._health, self._clock = store, samples, health, clock
        self._waiting: deque[Round] = deque()
        self._wake = asyncio.Event()
        self._most = most
        self._closed = False
        self.lost = 0
        self.stored = 0

    @property
    def waiting(self) -> int:
        """Rounds not yet stored."""
        return len(self._waiting)

    def put(self, one: Round) -> None:
        """Take a round; returns at once."""
        if len(self._waiting) >= self._most:
            self._waiting.popleft()
            self.lost += 1
        self._waiting.append(one)
        self._wake.set()

    def close(self) -> None:
        """Nobody will put any more: `run` ends once everything is stored, or cannot be."""
        self._closed = True
        self._wake.set()

    async def run(self, stop: Stop) -> None:
        """Store what comes, many at once when there are many, until closed."""
        self._health.max_age(LOOP, 60)
        while not (self._closed and not self._waiting):
            self._wake.clear()
            stored = await self._store_some()
            self._health.beat(LOOP)
            if not stored and self._closed:
                return
            if not stored:
                await stop.wait(RETRY_S)
            elif not self._waiting:
                await self._sleep()

    async def _sleep(self) -> None:
        """Until a round comes, all is closed, or a while has passed."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._wake.wait(), IDLE_S)

    async def _store_some(self) -> bool:
        """Store up to a batch; False when Postgres could not take it now."""
        batch = [self._waiting[i] for i in range(min(AT_ONCE, len(self._waiting)))]
        samples, lost_before = self._samples.take(), self.lost
        if not batch and not samples:
            return True
        try:
            await self._store.append(batch, samples)
        except Transient as exc:
            self._samples.fresh = samples + self._samples.fresh
            self._health.failed(LOOP)
            structlog.get_logger(LOOP).warning("rounds wait", waiting=self.waiting, reason=exc.reason, error=str(exc))
            return False
        for _ in range(len(batch) - (self.lost - lost_before)):  # meanwhile given up ones are gone already
            self._waiting.popleft()
        self.stored += len(batch)
        return True
