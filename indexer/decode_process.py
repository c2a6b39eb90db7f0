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
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import IO

import structlog

from indexer.decode_messages import LENGTH, Ask, Setup, Told, packed
from indexer.model import Copied
from indexer.quick import Known, Source

SLOTS = 2
SLOT_BYTES = 12 << 20


class DecodeProcess:
    """A running process: a `Quick`."""

    def __init__(self, process: asyncio.subprocess.Process, memory: mmap.mmap) -> None:
        self._process = process
        self._memory = memory
        self._free: asyncio.Queue[int] = asyncio.Queue()
        for slot in range(SLOTS):
            self._free.put_nowait(slot)
        self._turn = asyncio.Lock()

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

    async def _through(self, inner: memoryview, known: Known | None) -> Told | None:
        """What the process makes of an answer; None when it does not fit or the process is gone."""
        if len(inner) > SLOT_BYTES or self._process.returncode is not None:
            return None
        slot = await self._free.get()
        try:
            base = slot * SLOT_BYTES
            self._memory[base : base + len(inner)] = inner
            told = await self._ask(Ask(slot, len(inner), known))
            if told is None or told.copied is None:
                return told
            copies, at = {}, base
            for table, size in told.sizes.items():
                copies[table] = self._memory[at : at + size]
                at += size
            return replace(told, copied=replace(told.copied, copies=copies))
        finally:
            self._free.put_nowait(slot)

    async def _ask(self, ask: Ask) -> Told | None:
        """One question at a time; None when the process is gone."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        async with self._turn:
            try:
                self._process.stdin.write(packed(ask))
                size = LENGTH.unpack(await self._process.stdout.readexactly(LENGTH.size))[0]
                told = pickle.loads(await self._process.stdout.readexactly(size))  # noqa: S301 -- our own process
            except (asyncio.IncompleteReadError, ConnectionError):
                structlog.get_logger("indexer").warning("decoder process ended; decoding without it")
                await self._process.wait()
                return None
        return told if isinstance(told, Told) else None


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
            try:
                process.stdin.write(packed(Setup(chain_id, sources, SLOTS, SLOT_BYTES)))
                yield DecodeProcess(process, memory)
            finally:
                process.stdin.close()
                if process.returncode is None:
                    process.kill()
                await process.wait()


def _shared_file() -> IO[bytes]:
    """A file without a name; in memory where the system can do that."""
    if hasattr(os, "memfd_create"):
        return os.fdopen(os.memfd_create("usdx-decode"), "w+b")
    return tempfile.TemporaryFile()
