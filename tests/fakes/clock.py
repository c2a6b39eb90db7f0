"""A clock that a test turns."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from shared.clock import Clock


@dataclass
class Hands:
    """Where the clock stands; sleeping moves it on at once."""

    at: float = 1_700_000_000.0

    def read(self) -> float:
        return self.at

    async def sleep(self, seconds: float) -> None:
        self.at += seconds
        await asyncio.sleep(0)

    def clock(self) -> Clock:
        return Clock(now=self.read, monotonic=self.read, sleep=self.sleep)
