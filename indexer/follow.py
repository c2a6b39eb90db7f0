"""When to step at the tip: at once while there is work, else every poll."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from indexer.model import Idle, Step
from indexer.patience import Patience
from indexer.step import Worker
from shared.runtime import Stop

Observe = Callable[[Step], None]
Rest = Callable[[Stop, float], Awaitable[object]]


async def follow(
    worker: Worker,
    stop: Stop,
    observe: Observe,
    patience: Patience,
    poll_s: float,
    *,
    rest: Rest = Stop.wait,
    until_idle: bool = False,
) -> None:
    """Step until the stop, or until nothing is left to do. `rest` ends early where something new is heard of.

    Errors of the world are waited out; others, and a reorg too deep, are raised.
    """
    while not stop.is_set():
        step = await patience.attempt(worker.step)
        if step is None:
            worker.forget()
            continue
        observe(step)
        if isinstance(step, Idle):
            if until_idle:
                return
            await rest(stop, poll_s)
