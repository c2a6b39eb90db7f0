"""When to step far behind the tip: fetch the next ranges while one is decoded and stored, and commit in order."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import replace

from indexer.model import Range, RolledBack, Step
from indexer.patience import Patience
from indexer.planner import LINKED_BLOCKS, Plan
from indexer.step import Fetched, Worker
from shared.runtime import Stop

Observe = Callable[[Step], None]

IN_FLIGHT = 4
"""How many ranges are asked for at once."""

BYTES_IN_FLIGHT = 48 << 20
"""How much of what was fetched may wait for the database."""


async def backfill(worker: Worker, stop: Stop, observe: Observe, patience: Patience) -> None:
    """Step until every stream is near the tip, where following is as fast, or until the stop."""
    while not stop.is_set():
        near = await patience.attempt(lambda: _advance(worker, stop, observe))
        if near:
            return
        if near is None:
            worker.forget()


async def _advance(worker: Worker, stop: Stop, observe: Observe) -> bool:
    """Run the streams furthest behind as far as they go together; True when all are near the tip."""
    await worker.load()
    tip = await worker.horizon.look()
    if worker.behind(tip.number) <= LINKED_BLOCKS:
        return True
    first = worker.plan(tip.number)
    if first is None:
        return True
    if first.linked:
        observe(await worker.land(await worker.fetch(first)))
    else:
        await _pipeline(worker, first, stop, observe)
    return False


async def _pipeline(worker: Worker, first: Plan, stop: Stop, observe: Observe) -> None:
    """Fetch consecutive ranges at once and land them one by one, in order."""
    limit = min(
        [worker.horizon.floor, *(one.number for one in worker.cursors.values() if one.number > first.range.first)]
    )
    waiting: deque[asyncio.Task[Fetched]] = deque()
    following: Plan | None = first
    try:
        while not stop.is_set():
            while following is not None and _room(waiting):
                waiting.append(asyncio.create_task(worker.fetch(following)))
                following = _next(following, limit, worker.fetcher.window.blocks)
            if not waiting:
                return
            step = await worker.land(await waiting[0])
            waiting.popleft()
            observe(step)
            if isinstance(step, RolledBack):
                return
    finally:
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)


def _room(waiting: deque[asyncio.Task[Fetched]]) -> bool:
    if len(waiting) >= IN_FLIGHT:
        return False
    done = [task.result() for task in waiting if task.done() and not task.cancelled() and not task.exception()]
    return sum(piece.size_bytes for fetched in done for piece in fetched.pieces) < BYTES_IN_FLIGHT


def _next(last: Plan, limit: int, window: int) -> Plan | None:
    first = last.range.last + 1
    return None if first > limit else replace(last, range=Range(first, min(limit, first + window - 1)))
