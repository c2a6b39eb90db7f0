"""Named retries: which errors, how often, how long between.

Each takes the clock whose sleep it uses, and raises the last error when it gives up.
Use: `async for attempt in conflicts(clock): with attempt: …`, or `await conflicts(clock)(function, argument)`.
"""

from __future__ import annotations

from collections.abc import Callable

from tenacity import (
    AsyncRetrying,
    RetryCallState,
    retry_if_exception_type,
    stop_after_attempt,
    wait_exponential,
    wait_random,
)

from shared.clock import Clock
from shared.errors import DatabaseConflict, DatabaseUnavailable, Transient


def conflicts(clock: Clock) -> AsyncRetrying:
    """Run a transaction again when it met another one: five times within about a second."""
    return AsyncRetrying(
        retry=retry_if_exception_type(DatabaseConflict),
        wait=wait_exponential(multiplier=0.02, max=0.5) + wait_random(0, 0.05),
        stop=stop_after_attempt(5),
        sleep=clock.sleep,
        reraise=True,
    )


def database(clock: Clock, for_s: float = 30.0) -> AsyncRetrying:
    """Wait out a database that restarts or fails over."""
    return AsyncRetrying(
        retry=retry_if_exception_type((DatabaseUnavailable, DatabaseConflict)),
        wait=wait_exponential(multiplier=0.1, max=2.0) + wait_random(0, 0.2),
        stop=_after_waiting(for_s),
        sleep=clock.sleep,
        reraise=True,
    )


def transient(clock: Clock, for_s: float = 60.0) -> AsyncRetrying:
    """Try anything transient again, slower and slower."""
    return AsyncRetrying(
        retry=retry_if_exception_type(Transient),
        wait=wait_exponential(multiplier=0.1, max=10.0) + wait_random(0, 0.5),
        stop=_after_waiting(for_s),
        sleep=clock.sleep,
        reraise=True,
    )


def _after_waiting(for_s: float) -> Callable[[RetryCallState], bool]:
    """Give up when the waits have come to `for_s`, by whatever clock they were waited."""
    return lambda state: state.idle_for >= for_s
