"""Named retries: which errors, how often, how long between.

Each takes the clock whose sleep it uses, and raises the last error when it gives up. Loops that last as long as the
process wait between their steps instead (`runtime.repeat`, the indexer's patience, the pool's).
Use: `await conflicts(clock)(function, argument)`, or `async for attempt in conflicts(clock): with attempt: …`.
"""

from __future__ import annotations

from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_attempt, wait_exponential, wait_random

from shared.clock import Clock
from shared.errors import DatabaseConflict


def conflicts(clock: Clock) -> AsyncRetrying:
    """Run a transaction again when it met another one: five times within about a second."""
    return AsyncRetrying(
        retry=retry_if_exception_type(DatabaseConflict),
        wait=wait_exponential(multiplier=0.02, max=0.5) + wait_random(0, 0.05),
        stop=stop_after_attempt(5),
        sleep=clock.sleep,
        reraise=True,
    )
