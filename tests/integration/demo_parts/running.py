"""Start one of the demo's processes and end it as its supervisor would."""

import asyncio
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

PATIENCE_S = 60.0  # for a loaded machine; nothing is decided by it


@dataclass(frozen=True, slots=True)
class Running:
    """A process whose output is being read."""

    process: asyncio.subprocess.Process

    async def line(self, containing: str) -> str:
        """The next line of output with that text; fails the test when the process ends before."""
        assert self.process.stdout is not None
        async with asyncio.timeout(PATIENCE_S):
            while line := (await self.process.stdout.readline()).decode():
                if containing in line:
                    return line
        raise AssertionError(f"ended without saying {containing!r}")

    async def terminate(self) -> int:
        """Send SIGTERM; returns the exit code."""
        self.process.send_signal(signal.SIGTERM)
        await asyncio.wait_for(self.process.communicate(), PATIENCE_S)
        return self.process.returncode if self.process.returncode is not None else -1


@asynccontextmanager
async def running(module: str, *arguments: str) -> AsyncIterator[Running]:
    """`python -m module`, for as long as the block lasts."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", module, *arguments, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    try:
        yield Running(process)
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()
