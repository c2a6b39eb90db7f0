"""Start child programs that cannot outlive us."""

import asyncio
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

# Run by a bare interpreter just before the program itself: asks Linux to signal the child when its parent dies, then
# becomes the program (same pid). A parent that died before the request is noticed by its pid.
_LEASH = """
import ctypes, os, sys
ctypes.CDLL(None).prctl(1, int(sys.argv[2]))
if os.getppid() != int(sys.argv[1]): os._exit(1)
os.execvp(sys.argv[3], sys.argv[3:])
"""


async def start(
    argv: Sequence[str], *, log: Path, env: Mapping[str, str] | None = None, cwd: Path | None = None
) -> asyncio.subprocess.Process:
    """Start a program in a process group of its own, its output appended to `log`.

    Ctrl-C in our terminal does not reach it; our death, however sudden, does (SIGTERM; on Linux).
    """
    with log.open("ab") as out:
        return await asyncio.create_subprocess_exec(
            *_leashed(argv),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            env=None if env is None else dict(env),
            cwd=cwd,
            start_new_session=True,
        )


async def stop(process: asyncio.subprocess.Process, *, grace_s: float = 12) -> int:
    """End the program and whatever it started; returns its exit code. Politely first, by SIGKILL after `grace_s`."""
    if process.returncode is None:
        _signal_group(process.pid, signal.SIGTERM)
        with suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), grace_s)
    _signal_group(process.pid, signal.SIGKILL)
    return await process.wait()


def _leashed(argv: Sequence[str]) -> list[str]:
    if not sys.platform.startswith("linux"):
        return list(argv)
    return [sys.executable, "-I", "-S", "-c", _LEASH, str(os.getpid()), str(int(signal.SIGTERM)), *argv]


def _signal_group(pid: int, signum: signal.Signals) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signum)
