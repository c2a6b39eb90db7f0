"""When to step far behind the tip: fetch the next ranges while one is decoded and stored, and commit in order."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from indexer.ahead import fetching
from indexer.decode_process import decode_process
from indexer.decode_start import Spare
from indexer.model import Committed, Step
from indexer.patience import Patience
from indexer.planner import LINKED_BLOCKS, Plan
from indexer.quick import Quick, source
from indexer.step import Worker
from shared.runtime import Stop

Observe = Callable[[Step], None]

SECOND_PROCESS_BLOCKS = 5_000
"""From how many blocks on a second process is worth its start."""


async def backfill(
    worker: Worker, stop: Stop, observe: Observe, patience: Patience, spare: Spare | None = None
) -> None:
    """Step until every stream is near the tip, where following is as fast, or until the stop.

    `spare` is a decoder process that is running already.
    """

    def landed(step: Step) -> None:
        patience.worked()
        observe(step)

    while not stop.is_set():
        near = await patience.attempt(lambda: _advance(worker, stop, landed, spare))
        if near:
            return
        if near is None:
            worker.forget()


async def _advance(worker: Worker, stop: Stop, observe: Observe, spare: Spare | None) -> bool:
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
        await _pipeline(worker, first, stop, observe, spare)
    return False


async def _pipeline(worker: Worker, first: Plan, stop: Stop, observe: Observe, spare: Spare | None) -> None:
    """Fetch consecutive ranges at once and land them in order, as many together as are there."""
    limit = min(worker.horizon.floor, worker.limit(first))
    async with _decoder(worker, first, limit, spare) as quick, fetching(worker, first, limit, quick) as ahead:
        while not stop.is_set() and (parts := await ahead.take()):
            step = await worker.land(parts)
            observe(step)
            if not isinstance(step, Committed) or step.range.last != parts[-1].plan.range.last:
                return


@asynccontextmanager
async def _decoder(worker: Worker, first: Plan, limit: int, spare: Spare | None) -> AsyncIterator[Quick | None]:
    """A second process that decodes, where there is work and room for one."""
    streams = [worker.streams[key] for key in first.streams]
    small = limit - first.range.first < SECOND_PROCESS_BLOCKS or (os.cpu_count() or 1) < 2
    # Whose contracts a factory made is known by block only to the general decoder.
    if small or worker.nursery.growing(first.streams) or any(one.parent is not None for one in streams):
        yield None
        return
    started = spare.take() if spare is not None else None
    async with decode_process(worker.chain_id, [source(one) for one in streams], started) as process:
        yield process
