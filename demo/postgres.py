"""Share the embedded Postgres of a run with its workers."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg

from demo.run_folder import RunFolder
from demo.watch import SILENT, Answer, Question
from shared import embedded


@asynccontextmanager
async def running(folder: RunFolder) -> AsyncIterator[str]:
    """The url of the server, which runs as long as the context is open. Raises EmbeddedFailed."""
    handle = await asyncio.to_thread(embedded.start, folder.postgres)
    try:
        yield handle.url
    finally:
        await asyncio.to_thread(handle.close)


def question(url: str) -> Question:
    """Postgres, by a query."""

    async def ask() -> Answer:
        try:
            cx: Any = await asyncpg.connect(url, timeout=5)
        except (OSError, TimeoutError, asyncpg.PostgresError):
            return SILENT
        try:
            size = await cx.fetchval("select pg_size_pretty(pg_database_size(current_database()))")
        finally:
            await cx.close()
        return Answer(ready=True, status=f"READY {size}")

    return ask
