"""Wait longer after each failure in a row, and know which failures waiting cannot mend."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

from indexer.errors import DeepReorg
from shared.errors import Inconsistent, TooLarge, Transient, UsdxError
from shared.rpc_errors import RpcError
from shared.runtime import Stop

T = TypeVar("T")
Failed = Callable[[UsdxError, float], None]

WORLD = (Transient, Inconsistent, TooLarge, RpcError)
"""What may mend itself: nodes and databases come back."""

DOUBTS = 5
"""How often in a row a reorg below finality must be seen before it is believed: one endpoint's lie halts nobody."""


class Patience:
    """How long to wait next. Every failure is told to `failed`, with the seconds until the next try."""

    def __init__(self, stop: Stop, failed: Failed, *, first_s: float = 0.25, most_s: float = 15.0) -> None:
        self._stop = stop
        self._failed = failed
        self._first_s = first_s
        self._most_s = most_s
        self._wait_s = first_s
        self._deep = 0

    def calm(self) -> None:
        """Something worked: begin anew."""
        self.hasten()
        self._deep = 0

    def hasten(self) -> None:
        """Wait briefly next time. Doubts stay: what worked does not speak against a deep reorg."""
        self._wait_s = self._first_s

    async def attempt(self, act: Callable[[], Awaitable[T]]) -> T | None:
        """What `act` returns, or None after having waited because the world failed. Raises every other error."""
        try:
            done = await act()
        except WORLD as exc:
            await self._wait(exc)
            return None
        except DeepReorg as exc:
            self._deep += 1
            if self._deep >= DOUBTS:
                raise
            await self._wait(exc)
            return None
        self.calm()
        return done

    async def outlast(self, act: Callable[[], Awaitable[T]]) -> T | None:
        """Like `attempt`, for what has a patience of its own: that one did the doubting, so its DeepReorg is raised."""
        try:
            done = await act()
        except WORLD as exc:
            await self._wait(exc)
            return None
        self.calm()
        return done

    async def _wait(self, exc: UsdxError) -> None:
        self._failed(exc, self._wait_s)
        await self._stop.wait(self._wait_s)
        self._wait_s = min(self._wait_s * 2, self._most_s)
