"""Workers that are up at once: a process that has imported everything forks one whenever it is told to.

A worker is a process like any other, with its own pid, signals and end; only the second of imports is saved, so that a
game of hundreds of kills takes minutes.
"""

from __future__ import annotations

import asyncio
import json
import os
import select
import signal
import sys
import time
import traceback
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path

ROOT = Path(__file__).parents[2]


@dataclass(eq=False)
class Forked:
    """A worker, as far as asyncio's Process is needed."""

    pid: int
    returncode: int | None = None
    ended: asyncio.Event = field(default_factory=asyncio.Event)

    def send_signal(self, number: int) -> None:
        if self.returncode is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    async def wait(self) -> int:
        await self.ended.wait()
        assert self.returncode is not None
        return self.returncode


class Nursery:
    """The connection to the forking process."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._workers: dict[int, Forked] = {}
        self._born: asyncio.Queue[Forked] = asyncio.Queue()

    async def fork(self, config: Path, log: Path, service: str = "indexer", clock: Path | None = None) -> Forked:
        """A new worker on this config; its wall clock runs as the file `clock` says (see `bend`)."""
        assert self._process.stdin is not None
        order = [str(config), str(log), service, clock and str(clock)]
        self._process.stdin.write(json.dumps(order).encode() + b"\n")
        return await self._born.get()

    async def listen(self) -> None:
        """Hear of births and ends."""
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            kind, pid, code = line.split()
            if kind == b"born":
                self._workers[int(pid)] = Forked(int(pid))
                self._born.put_nowait(self._workers[int(pid)])
            else:
                worker = self._workers.pop(int(pid))
                worker.returncode = int(code)
                worker.ended.set()


@asynccontextmanager
async def nursery() -> AsyncIterator[Nursery]:
    """The forking process; its workers end with it."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.adversity.nursery"),
        cwd=ROOT,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        env={key: value for key, value in os.environ.items() if not key.startswith("USDX_")},
    )
    found = Nursery(process)
    listening = asyncio.create_task(found.listen())
    try:
        yield found
    finally:
        assert process.stdin is not None
        process.stdin.close()
        await process.wait()
        await listening


def main() -> None:
    """Fork a worker for every line on stdin; kill what is left at its end."""
    import shared.rpc_plain  # noqa: F401

    alive: set[int] = set()
    waiting = b""
    while True:
        ready, _, _ = select.select([0], [], [], 0.01)
        if ready:
            piece = os.read(0, 65536)
            if not piece:
                break
            waiting += piece
            *lines, waiting = waiting.split(b"\n")
            for line in lines:
                alive.add(_fork(*json.loads(line)))
        while alive and (ended := os.waitpid(-1, os.WNOHANG))[0]:
            alive.discard(ended[0])
            print("ended", ended[0], os.waitstatus_to_exitcode(ended[1]), flush=True)
    for pid in alive:
        os.kill(pid, signal.SIGKILL)


def _fork(config: str, log: str, service: str, clock: str | None) -> int:
    pid = os.fork()
    if pid:
        print("born", pid, 0, flush=True)
        return pid
    out = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    null = os.open(os.devnull, os.O_RDONLY)
    for number, where in ((0, null), (1, out), (2, out)):
        os.dup2(where, number)
    try:
        if clock is not None:
            bend(Path(clock))
        getattr(import_module(f"{service}.cli"), service)(["--config", config])
    except SystemExit as exc:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(exc.code if isinstance(exc.code, int) else 1)
    finally:
        traceback.print_exception(sys.exception())  # a command ends by SystemExit, or it is one of ours that died
        sys.stderr.flush()
        os._exit(70)
    return 0


def bend(file: Path) -> None:
    """Put the wall clock ahead by the seconds in the file; a second number there blocks who asks, once, for so long."""
    true = time.time

    def bent() -> float:
        ahead_s, *block_s = map(float, file.read_text().split())
        if block_s:
            file.write_text(f"{ahead_s}")
            time.sleep(block_s[0])
        return true() + ahead_s

    time.time = bent


if __name__ == "__main__":
    main()
