"""Run short tasks in the background, and let none of them die unseen."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

from shared.runtime import Stop


class Crew:
    """The tasks under way. An exception that nobody foresaw ends `watch`, and with it the process."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()
        self._dead: asyncio.Queue[BaseException] = asyncio.Queue()

    def start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Let `work` run; it is kept until it ends."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._dead.put_nowait(error)

    async def watch(self, stop: Stop) -> None:
        """Until the stop; raises what the first task died of. What is under way at the stop may end by itself."""
        dead = asyncio.create_task(self._dead.get())
        stopped = asyncio.create_task(stop.wait())
        try:
            await asyncio.wait({dead, stopped}, return_when=asyncio.FIRST_COMPLETED)
            if dead.done():
                raise dead.result()
        finally:
            dead.cancel()
            stopped.cancel()

    async def close(self) -> None:
        """Cancel what is left and wait for it."""
        left = tuple(self._tasks)
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)
