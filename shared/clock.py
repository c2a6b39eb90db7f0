"""Time as an argument: what now is, and how to wait."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Clock:
    """`now` is unix seconds, `monotonic` seconds from an arbitrary start that never go backwards."""

    now: Callable[[], float]
    monotonic: Callable[[], float]
    sleep: Callable[[float], Awaitable[None]]


def system_clock() -> Clock:
    """The clock of this machine."""
    return Clock(now=time.time, monotonic=time.monotonic, sleep=asyncio.sleep)
