"""Decide when a feed's next round begins."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from shared.clock import Clock
from shared.runtime import Stop


def next_due_s(due_s: float, every_s: float, now_s: float) -> tuple[float, int]:
    """The next tick after `now_s` of a beat that started at `due_s`, and how many ticks it missed."""
    missed = max(0, int((now_s - due_s) // every_s))
    due_s += (missed + 1) * every_s
    return due_s, missed


async def follow(step: Callable[[int], Awaitable[None]], every_s: float, stop: Stop, clock: Clock) -> None:
    """Take a step on every tick until the stop; never two at once: a tick that comes during a step is missed.

    `step` is told how many ticks were missed before it. The first step is taken at once; ticks lie on multiples of
    `every_s`, so that feeds of one period ask their venues together.
    """
    missed = 0
    due_s = clock.monotonic() // every_s * every_s
    while not stop.is_set():
        await step(missed)
        due_s, missed = next_due_s(due_s, every_s, clock.monotonic())
        await stop.wait(due_s - clock.monotonic())
