"""Named retries: which errors, how often, how long between.

Each takes the clock whose sleep it uses, and raises the last error when it gives up.
Use: `async for attempt in conflicts(clock): with attempt: …`, or `await conflicts(clock)(function, argument)`.
"""

from __future__ import annotations

from tenacity import (
    AsyncRetrying,
    retry_if_exception_type,
    stop_after_attempt,
    stop_after_delay,
    wait_exponential_jitter,
)

from shared.clock import Clock
from shared.errors import DatabaseConflict, DatabaseUnavailable, Transient


def conflicts(clock: Clock) -> AsyncRetrying:
    """Run a transaction again when it met another one: five times within about a second."""
    return AsyncRetrying(
        retry=retry_if_exception_type(DatabaseConflict),
        wait=wait_exponential_jitter(initial=0.02, max=0.5, jitter=0.05),
        stop=stop_after_attempt(5),
        sleep=clock.sleep,
        reraise=True,
    )


def database(clock: Clock, for_s: float = 30.0) -> AsyncRetrying:
    """Wait out a database that restarts or fails over."""
    return AsyncRetrying(
        retry=retry_if_exception_type((DatabaseUnavailable, DatabaseConflict)),
        wait=wait_exponential_jitter(initial=0.1, max=2.0, jitter=0.2),
        stop=stop_after_delay(for_s),
        sleep=clock.sleep,
        reraise=True,
    )


def transient(clock: Clock, for_s: float = 60.0) -> AsyncRetrying:
    """Try anything transient again, slower and slower."""
    return AsyncRetrying(
        retry=retry_if_exception_type(Transient),
        wait=wait_exponential_jitter(initial=0.1, max=10.0, jitter=0.5),
        stop=stop_after_delay(for_s),
        sleep=clock.sleep,
        reraise=True,
    )
