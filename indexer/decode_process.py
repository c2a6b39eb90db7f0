"""Decode answers in a second process, so that Postgres and the network never wait for it.

Answers and rows travel through shared memory, one slot an answer; over the pipes go only sizes. The process knows
nothing but tables: what it cannot do, or all of it should it die, is left to the general decoder.
"""

from __future__ import annotations

import asyncio
import mmap
import os
import pickle
import sys
import tempfile
from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import IO

import structlog

from indexer.decode_messages import LENGTH, Ask, Setup, Told, packed
from indexer.model import Copied
from indexer.quick import Known, Source

SLOTS = 3
SLOT_BYTES = 12 << 20


class DecodeProcess:
    """A running process: a `Quick`. Answers wait in its slots, so that it need not wait for us between two of them."""

    def __init__(self, process: asyncio.subprocess.Process, memory: mmap.mmap) -> None:
        self._process = process
        self._memory = memory
        self._free: asyncio.Queue[int] = asyncio.Queue()
        for slot in range(SLOTS):
            self._free.put_nowait(slot)
        self._asked: deque[tuple[int, asyncio.Future[Told | None]]] = deque()
        self._over = False
        self._waiting = 0

    @property
    def unread(self) -> int:
        """How many answers wait for their rows."""
        return self._waiting

    @property
    def pid(self) -> int:
        return self._process.pid

    async def decode(self, inner: memoryview, known: Known) -> Copied | None:
        """The rows of an answer, every check passed."""
        told = await self._through(inner, known)
        return None if told is None else told.copied

    async def blocks(self, inner: memoryview) -> Sequence[int] | None:
        """The numbers of the blocks that have logs, ascending."""
        told = await self._through(inner, None)
        return None if told is None else told.blocks

    async def listen(self) -> None:
        """Take what the process tells, in the order asked, until it ends; then nothing more is told."""
        assert self._process.stdout is not None
        try:
            while True:
                size = LENGTH.unpack(await self._process.stdout.readexactly(LENGTH.size))[0]
                told = pickle.loads(await self._process.stdout.readexactly(size))  # noqa: S301 -- our own process
                self._settle(told if isinstance(told, Told) else None)
        except (asyncio.IncompleteReadError, ConnectionError):
            structlog.get_logger("indexer").warning("decoder process ended; decoding without it")
        finally:
            self._over = True
            while self._asked:
                self._settle(None)

    async def _through(self, inner: memoryview, known: Known | None) -> Told | None:
        """What the process makes of an answer; None when it does not fit or the process is gone."""
        if len(inner) > SLOT_BYTES or self._over:
            return None
        self._waiting += 1
        try:
            return await self._in_slot(inner, known)
        finally:
            self._waiting -= 1

    async def _in_slot(self, inner: memoryview, known: Known | None) -> Told | None:
        slot = await self._free.get()
        if self._over:
            self._free.put_nowait(slot)
            return None
        assert self._process.stdin is not None
        self._memory[slot * SLOT_BYTES : slot * SLOT_BYTES + len(inner)] = inner
        told: asyncio.Future[Told | None] = asyncio.get_running_loop().create_future()
        self._asked.append((slot, told))
        self._process.stdin.write(packed(Ask(slot, len(inner), known)))
        return await told

    def _settle(self, told: Told | None) -> None:
        """Hand the oldest question its rows, copied out of the slot, which is free then."""
        slot, waiting = self._asked.popleft()
        if not waiting.cancelled():
            waiting.set_result(told if told is None or told.copied is None else self._with_rows(told, slot))
        self._free.put_nowait(slot)

    def _with_rows(self, told: Told, slot: int) -> Told:
        assert told.copied is not None
        copies, at = {}, slot * SLOT_BYTES
        for table, size in told.sizes.items():
            copies[table] = self._memory[at : at + size]
            at += size
        return replace(told, copied=replace(told.copied, copies=copies))


@asynccontextmanager
async def decode_process(chain_id: int, sources: Sequence[Source]) -> AsyncIterator[DecodeProcess]:
    """Start a process that decodes for these sources; it ends with the block, or with this process."""
    with _shared_file() as file:
        file.truncate(SLOTS * SLOT_BYTES)
        with mmap.mmap(file.fileno(), SLOTS * SLOT_BYTES) as memory:
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "indexer.decode_worker", str(file.fileno()),
                stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, pass_fds=(file.fileno(),),
            )  # fmt: skip
            assert process.stdin is not None
            decoder = DecodeProcess(process, memory)
            listening = asyncio.create_task(decoder.listen())
            try:
                process.stdin.write(packed(Setup(chain_id, sources, SLOTS, SLOT_BYTES)))
                yield decoder
            finally:
                process.stdin.close()
                listening.cancel()
                await asyncio.gather(listening, return_exceptions=True)
                if process.returncode is None:
                    process.kill()
                await process.wait()


def _shared_file() -> IO[bytes]:
    """A file without a name; in memory where the system can do that."""
    if hasattr(os, "memfd_create"):
        return os.fdopen(os.memfd_create("usdx-decode"), "w+b")
    return tempfile.TemporaryFile()
