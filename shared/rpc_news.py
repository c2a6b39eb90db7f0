"""Wait for news of a head, and hold what a scrape shows of the sockets that bring it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass


@dataclass(slots=True)
class HintState:
    """What a scrape shows of one socket."""

    endpoint: str
    connected: bool = False
    hints: int = 0
    silences: int = 0
    breaks: int = 0


class News:
    """Something to wait for: the next hint, from whichever endpoint. Shape: `sockets` is what each of them does."""

    def __init__(self) -> None:
        self.sockets: list[HintState] = []
        self._event = asyncio.Event()

    def tell(self) -> None:
        """Wake everybody who waits, or the next who will."""
        self._event.set()

    async def wait(self, timeout_s: float) -> bool:
        """True when there was news since the last time, False after `timeout_s` without any."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._event.wait()
        except TimeoutError:
            return False
        self._event.clear()
        return True
