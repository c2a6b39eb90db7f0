"""Do one thing while others go on beside it."""

import asyncio
from collections.abc import Awaitable, Coroutine
from typing import Any


async def beside(main: Coroutine[Any, Any, None], *background: Awaitable[Any]) -> None:
    """Await `main` while the others run; the first of all to end ends everything, and its error is raised.

    `main` is cancelled, and has ended, before the others are cancelled: what it stands on outlives it.
    """
    first = asyncio.create_task(main)
    others = [asyncio.ensure_future(other) for other in background]
    try:
        done, _ = await asyncio.wait([first, *others], return_when=asyncio.FIRST_COMPLETED)
    finally:
        await _cancel(first)
        await _cancel(*others)
    for task in done:
        task.result()


async def _cancel(*tasks: asyncio.Future[Any]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
