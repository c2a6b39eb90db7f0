"""Fetch ranges ahead of the one that is being stored, bounded by what may wait for the database."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from itertools import takewhile

from indexer.model import Logs, Range
from indexer.planner import Plan
from indexer.quick import Quick
from indexer.step import Fetched, Worker

IN_FLIGHT = 6
"""How many ranges are asked for at once, to begin with."""

MOST_IN_FLIGHT = 16
"""As many where a node answers late: what is under way then is time, not memory."""

UNREAD = 3
"""How many answers may wait to be decoded; while there are more, nothing further is asked for."""

BYTES_WAITING = 12 << 20
"""How much of what was fetched may wait for the database."""

BATCH_LOGS = 50_000
"""From how many logs on a commit is large enough."""

WORTH_LOGS = 20_000
"""Up to how many logs a commit waits for more: small ones cost Postgres, and us, up to a third more."""

LONGEST_S = 0.5
"""No commit waits for more than this, however slow the node is."""


@asynccontextmanager
async def fetching(worker: Worker, first: Plan, limit: int, quick: Quick | None) -> AsyncIterator[Ahead]:
    """Fetch from `first` to the block `limit`, for as long as the block lasts.

    Raises what the fetching ended with when it ended before that.
    """
    ahead = Ahead(worker, quick)
    feeder = asyncio.create_task(ahead.feed(first, limit))
    try:
        yield ahead
        if feeder.done():
            feeder.result()
    finally:
        for task in (feeder, *ahead.tasks):
            task.cancel()
        await asyncio.gather(feeder, *ahead.tasks, return_exceptions=True)


class Ahead:
    """Ranges under way and ranges that wait to be landed, in order."""

    def __init__(self, worker: Worker, quick: Quick | None) -> None:
        self.tasks: deque[asyncio.Task[Fetched]] = deque()
        self._worker = worker
        self._quick = quick
        self._changed = asyncio.Event()
        self._complete = False
        self._most = IN_FLIGHT

    async def feed(self, first: Plan, limit: int) -> None:
        """Begin to fetch one range after the other; the first alone, to learn how wide the others may be."""
        plan: Plan | None = first
        try:
            while plan is not None:
                self._begin(plan)
                while not self._room() or (plan is first and not self._landed_or_done()):
                    await self._change()
                plan = _next(plan, limit, self._worker.span(plan.streams))
        finally:
            self._complete = True
            self._changed.set()

    async def take(self) -> list[Fetched]:
        """Wait for the next range, and take with it those behind it, as many as make a good batch.

        Empty at the end.
        """
        while not self.tasks and not self._complete:
            await self._change()
        if not self.tasks:
            return []
        clock = self._worker.clock
        began, decoding = clock.monotonic(), self._unread() > 0
        self._deepen()
        await asyncio.wait([self.tasks[0]])
        await self._collect()
        waited_s = clock.monotonic() - began
        first = await self.tasks.popleft()
        node_s, decoder_s = (0.0, waited_s) if decoding else (waited_s, 0.0)
        parts = [replace(first, waited_s=node_s, decoder_s=decoder_s)]
        logs = parts[0].logs.count
        while self.tasks and _done(self.tasks[0]) and logs < BATCH_LOGS:
            parts.append(replace(self.tasks.popleft().result(), waited_s=0.0))
            logs += parts[-1].logs.count
        self._changed.set()
        return parts

    async def _collect(self) -> None:
        """Wait until the ranges that are there make a commit worth its while, or nothing more can come."""
        try:
            async with asyncio.timeout(LONGEST_S):
                while self._thin():
                    await self._change()
        except TimeoutError:
            return

    def _thin(self) -> bool:
        """Whether the ranges that could be taken now are few logs, and more may come."""
        ready = list(takewhile(_done, self.tasks))
        if len(ready) < len(self.tasks) and self.tasks[len(ready)].done():  # it failed
            return False
        if len(ready) == len(self.tasks) and self._complete:
            return False
        logs = [task.result().logs for task in ready]
        return sum(one.count for one in logs) < WORTH_LOGS and self._bytes() < BYTES_WAITING

    def _deepen(self) -> None:
        """Ask for more at once when it is the node that we wait for."""
        if not self.tasks[0].done() and not self._unread():
            self._most = min(self._most + 1, MOST_IN_FLIGHT)

    def _unread(self) -> int:
        return self._quick.unread if self._quick is not None else 0

    def _begin(self, plan: Plan) -> None:
        task = asyncio.create_task(self._worker.fetch(plan, self._quick))
        task.add_done_callback(lambda _: self._changed.set())
        self.tasks.append(task)
        self._changed.set()

    async def _change(self) -> None:
        """Wait until something began, ended or was taken."""
        self._changed.clear()
        await self._changed.wait()

    def _landed_or_done(self) -> bool:
        return not self.tasks or self.tasks[0].done()

    def _room(self) -> bool:
        under_way = sum(not _done(task) for task in self.tasks)
        return under_way < self._most and self._unread() <= UNREAD and self._bytes() < BYTES_WAITING

    def _bytes(self) -> int:
        """How much waits for the database."""
        return sum(_weight(task.result().logs) for task in self.tasks if _done(task))


def _weight(logs: Logs) -> int:
    """How many bytes the logs hold on to."""
    if not logs.copied:
        return logs.size_bytes
    return sum(len(copy) for part in logs.copied for copy in part.copies.values())


def _done(task: asyncio.Task[Fetched]) -> bool:
    return task.done() and not task.cancelled() and task.exception() is None


def _next(last: Plan, limit: int, width: int) -> Plan | None:
    first = last.range.last + 1
    return None if first > limit else replace(last, range=Range(first, min(limit, first + width - 1)))
