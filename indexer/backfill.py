"""When to step far behind the tip: fetch the next ranges while one is decoded and stored, and commit in order."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable
from dataclasses import replace

from indexer.model import Committed, Range, Step
from indexer.patience import Patience
from indexer.planner import LINKED_BLOCKS, Plan
from indexer.step import Fetched, Worker
from shared.runtime import Stop

Observe = Callable[[Step], None]

IN_FLIGHT = 6
"""How many ranges are asked for at once."""

BYTES_IN_FLIGHT = 32 << 20
"""How much of what was fetched may wait for the database."""

BATCH_LOGS = 20_000
"""From how many logs on a commit is large enough."""


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
        observe(await worker.land([await worker.fetch(first)]))
    else:
        await _pipeline(worker, first, stop, observe)
    return False


async def _pipeline(worker: Worker, first: Plan, stop: Stop, observe: Observe) -> None:
    """Fetch consecutive ranges at once and land them in order, as many together as are there."""
    others = [one.number for one in worker.cursors.values() if one.number > first.range.first]
    limit = min([worker.horizon.floor, *others])
    waiting: deque[asyncio.Task[Fetched]] = deque()
    following: Plan | None = first
    try:
        while not stop.is_set():
            while following is not None and _room(waiting):
                waiting.append(asyncio.create_task(worker.fetch(following)))
                following = _next(following, limit, len(first.range))
            if not waiting:
                return
            parts = await _ready(waiting)
            step = await worker.land(parts)
            observe(step)
            if not isinstance(step, Committed) or step.range.last != parts[-1].plan.range.last:
                return
    finally:
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)


async def _ready(waiting: deque[asyncio.Task[Fetched]]) -> list[Fetched]:
    """Wait for the first part, then take with it those behind it that are there already, up to a full batch."""
    began = time.monotonic()
    parts = [replace(await waiting[0], waited_s=time.monotonic() - began)]
    waiting.popleft()
    logs = len(parts[0].logs.logs)
    while waiting and _done(waiting[0]) and logs < BATCH_LOGS:
        parts.append(replace(waiting.popleft().result(), waited_s=0.0))
        logs += len(parts[-1].logs.logs)
    return parts


def _room(waiting: deque[asyncio.Task[Fetched]]) -> bool:
    if len(waiting) >= IN_FLIGHT:
        return False
    return sum(task.result().logs.size_bytes for task in waiting if _done(task)) < BYTES_IN_FLIGHT


def _done(task: asyncio.Task[Fetched]) -> bool:
    return task.done() and not task.cancelled() and task.exception() is None


def _next(last: Plan, limit: int, width: int) -> Plan | None:
    first = last.range.last + 1
    return None if first > limit else replace(last, range=Range(first, min(limit, first + width - 1)))
