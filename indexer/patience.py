"""Wait longer after each failure in a row, and know which failures waiting cannot mend."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

from indexer.errors import DeepReorg
from shared.clock import Clock
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
    """How long to wait next. Every failure is told to `failed`, with the seconds it costs: from where the attempt last
    worked to the next try."""

    def __init__(
        self, stop: Stop, failed: Failed, clock: Clock, *, first_s: float = 0.25, most_s: float = 15.0
    ) -> None:
        self._stop = stop
        self._failed = failed
        self._clock = clock
        self._worked_at = clock.monotonic()
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

    def worked(self) -> None:
        """A part of the attempt is done: what it took was not lost, whatever becomes of the rest."""
        self._worked_at = self._clock.monotonic()

    async def attempt(self, act: Callable[[], Awaitable[T]]) -> T | None:
        """What `act` returns, or None after having waited because the world failed. Raises every other error."""
        self.worked()
        try:
            done = await act()
        except WORLD as exc:
            await self._wait(exc, self._clock.monotonic() - self._worked_at)
            return None
        except DeepReorg as exc:
            self._deep += 1
            if self._deep >= DOUBTS:
                raise
            await self._wait(exc, self._clock.monotonic() - self._worked_at)
            return None
        self.calm()
        return done

    async def outlast(self, act: Callable[[], Awaitable[T]]) -> T | None:
        """Like `attempt`, for what has a patience of its own: that one doubted, so its DeepReorg is raised, and told
        what was lost."""
        try:
            done = await act()
        except WORLD as exc:
            await self._wait(exc, 0.0)
            return None
        self.calm()
        return done

    async def _wait(self, exc: UsdxError, lost_s: float) -> None:
        self._failed(exc, lost_s + self._wait_s)
        await self._stop.wait(self._wait_s)
        self._wait_s = min(self._wait_s * 2, self._most_s)
