"""Keep one program running: start it, notice its end, start it again."""

import asyncio
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from demo import leash
from shared.errors import Permanent

_QUICK_S = 10.0  # a program that ends sooner than this has not worked at all
_QUICK_ENDS = 3
_TAIL_BYTES = 4096
_PAUSES_S = (0.2, 1.0, 3.0)


class ProgramFailed(Permanent):
    """A program of the demo ends again and again, or one that cannot be replaced has ended."""

    reason = "program_failed"
    advice = "Read its log file, which the message names."


@dataclass(frozen=True, slots=True)
class Program:
    """What to run. `replaceable`: a new process can take up where the old one ended."""

    name: str
    argv: tuple[str, ...]
    log: Path
    env: Mapping[str, str] | None = None
    replaceable: bool = True


def module(name: str, *arguments: str) -> tuple[str, ...]:
    """The command line of one of our own modules, whatever lies in the current folder."""
    return (sys.executable, "-P", "-m", name, *arguments)


def environment() -> dict[str, str]:
    """Ours without overrides of the config, so that a run does what its own config says."""
    return {name: value for name, value in os.environ.items() if not name.startswith("USDX_")}


class Kept:
    """A program while it is kept running. `pid` is None between two processes, `ended` says that it shall stay so."""

    def __init__(self, program: Program, announce: Callable[[str], None]) -> None:
        """`announce` hears of every end that nobody asked for."""
        self.program = program
        self.pid: int | None = None
        self.restarts = 0
        self._announce = announce
        self._process: asyncio.subprocess.Process | None = None
        self.ended = False

    async def keep(self) -> None:
        """Keep it running until cancelled, then end it. Raises ProgramFailed when that is hopeless."""
        clock, quick_ends = asyncio.get_running_loop().time, 0
        while True:
            began = clock()
            code = await self._run_once()
            if self.ended:
                await asyncio.Event().wait()
            quick_ends = quick_ends + 1 if clock() - began < _QUICK_S else 0
            self._judge(code, quick_ends)
            await asyncio.sleep(_PAUSES_S[min(quick_ends, len(_PAUSES_S) - 1)])
            self.restarts += 1

    async def _run_once(self) -> int:
        """Run one process to its end; returns its exit code, negative for a signal."""
        process = await leash.start(self.program.argv, log=self.program.log, env=self.program.env)
        self._process, self.pid = process, process.pid
        try:
            return await process.wait()
        finally:
            self.pid = None
            await leash.stop(process)

    async def end(self) -> None:
        """End the process and do not start it again."""
        self.ended = True
        if self._process is not None:
            await leash.stop(self._process)

    def _judge(self, code: int, quick_ends: int) -> None:
        how = f"killed by signal {-code}" if code < 0 else f"exit code {code}"
        if not self.program.replaceable or (code > 0 and quick_ends >= _QUICK_ENDS):
            raise ProgramFailed(f"{self.program.name} ended ({how}): {self.last_words()} (log: {self.program.log})")
        self._announce(f"{self.program.name} ended ({how}); starting it again")

    def last_words(self) -> str:
        """The last line of the program's log."""
        try:
            with self.program.log.open("rb") as log:
                log.seek(max(0, log.seek(0, os.SEEK_END) - _TAIL_BYTES))
                lines = log.read().decode(errors="replace").strip().splitlines()
        except FileNotFoundError:
            lines = []
        return lines[-1] if lines else "it said nothing"
