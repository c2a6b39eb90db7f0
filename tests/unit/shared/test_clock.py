"""Laws of time."""

from __future__ import annotations

import time

from shared.clock import system_clock


async def test_the_machine_s_clock() -> None:
    """`now` is unix time, `monotonic` never goes back, `sleep` waits."""
    clock = system_clock()
    before = clock.monotonic()
    await clock.sleep(0.001)
    assert clock.monotonic() > before
    assert abs(clock.now() - time.time()) < 60
