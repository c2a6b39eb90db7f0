"""Child programs end when they should."""

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest

from demo import leash

SLEEP = [sys.executable, "-S", "-c", "import time; time.sleep(600)"]
IGNORE = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(600)"
)
PARENT = """
import asyncio, sys
from pathlib import Path
from demo import leash
async def main():
    child = await leash.start([sys.executable, '-S', '-c', 'import time; time.sleep(600)'], log=Path(sys.argv[1]))
    print(child.pid, flush=True)
    await asyncio.sleep(600)
asyncio.run(main())
"""


def lives(pid: int) -> bool:
    """Whether the process exists and is no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


async def gone(pid: int) -> bool:
    for _ in range(500):
        if not lives(pid):
            return True
        await asyncio.sleep(0.02)
    return False


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux signals children of the dead")
async def test_child_does_not_outlive_a_killed_parent(tmp_path: Path) -> None:
    """kill -9 of us ends our children too."""
    parent = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PARENT, str(tmp_path / "log"), stdout=asyncio.subprocess.PIPE
    )
    assert parent.stdout is not None
    child = int(await parent.stdout.readline())
    assert lives(child)
    parent.kill()
    await parent.communicate()
    assert await gone(child)


async def test_stop_is_polite(tmp_path: Path) -> None:
    """A program that ends on SIGTERM is not killed."""
    process = await leash.start(SLEEP, log=tmp_path / "log")
    assert await leash.stop(process) == -signal.SIGTERM


async def test_stop_is_sure(tmp_path: Path) -> None:
    """A program that ignores SIGTERM is killed."""
    log = tmp_path / "log"
    process = await leash.start([sys.executable, "-c", IGNORE], log=log)
    while "deaf" not in log.read_text():
        await asyncio.sleep(0.02)
    assert await leash.stop(process, grace_s=0.2) == -signal.SIGKILL


async def test_stop_ends_the_whole_group(tmp_path: Path) -> None:
    """What the program started ends with it."""
    log = tmp_path / "log"
    process = await leash.start(["sh", "-c", "sleep 600 & echo $!; wait"], log=log)
    while not log.read_text().strip():
        await asyncio.sleep(0.02)
    grandchild = int(log.read_text())
    await leash.stop(process)
    assert await gone(grandchild)


async def test_pid_is_the_program_itself(tmp_path: Path) -> None:
    """The pid that we report can be killed to kill the program."""
    process = await leash.start(SLEEP, log=tmp_path / "log")
    while "time.sleep(600)" not in Path(f"/proc/{process.pid}/cmdline").read_text().replace("\0", " ").split("-c ")[-1]:
        await asyncio.sleep(0.02)
    os.kill(process.pid, signal.SIGKILL)
    assert await process.wait() == -signal.SIGKILL
    await leash.stop(process)
