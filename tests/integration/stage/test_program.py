"""Keeping a program running."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from demo.program import Kept, Program, ProgramFailed


def sleeper(tmp_path: Path, *, replaceable: bool = True) -> Program:
    argv = (sys.executable, "-S", "-c", "import time; time.sleep(600)")
    return Program("sleeper", argv, tmp_path / "log", replaceable=replaceable)


@asynccontextmanager
async def keeping(kept: Kept) -> AsyncIterator[asyncio.Task[None]]:
    task = asyncio.create_task(kept.keep())
    try:
        yield task
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError, ProgramFailed):
            await task


async def until(condition: Callable[[], object]) -> None:
    while not condition():
        await asyncio.sleep(0.02)


async def test_killed_program_is_started_again(tmp_path: Path) -> None:
    """kill -9 heals, and is announced."""
    said: list[str] = []
    kept = Kept(sleeper(tmp_path), said.append)
    async with keeping(kept):
        await until(lambda: kept.pid)
        first = kept.pid
        assert first is not None
        os.kill(first, signal.SIGKILL)
        await until(lambda: kept.pid not in (None, first))
    assert kept.restarts == 1
    assert said == ["sleeper ended (killed by signal 9); starting it again"]
    assert kept.pid is None


async def test_irreplaceable_program_ends_the_demo(tmp_path: Path) -> None:
    """A chain that died cannot be started again with its blocks, so its end is an error."""
    kept = Kept(sleeper(tmp_path, replaceable=False), pytest.fail)
    async with keeping(kept) as task:
        await until(lambda: kept.pid)
        os.kill(kept.pid or 0, signal.SIGKILL)
        with pytest.raises(ProgramFailed, match="sleeper ended"):
            await task


async def test_hopeless_program_is_given_up(tmp_path: Path) -> None:
    """A program that fails at once, again and again, is given up with its own last words."""
    argv = (sys.executable, "-S", "-c", "import sys; sys.exit('port 9101 is taken')")
    kept = Kept(Program("indexer", argv, tmp_path / "log"), lambda text: None)
    async with keeping(kept) as task:
        with pytest.raises(ProgramFailed, match="port 9101 is taken"):
            await task


async def test_ended_program_stays_ended(tmp_path: Path) -> None:
    """A program that was ended on purpose is not started again."""
    kept = Kept(sleeper(tmp_path), pytest.fail)
    async with keeping(kept) as task:
        await until(lambda: kept.pid)
        await kept.end()
        await until(lambda: kept.pid is None)
        assert not task.done()
    assert kept.restarts == 0
