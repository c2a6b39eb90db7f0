"""Decode answers in a second process, so that Postgres and the network never wait for it.

Answers and rows travel through shared memory, one slot an answer; over the pipes go only sizes. The process knows
nothing but tables: what it cannot do, or all of it should it die, is left to the general decoder.
"""

from __future__ import annotations

import asyncio
import mmap
import os
import pickle
from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import IO

import structlog

from indexer.decode_messages import LENGTH, Ask, Setup, Told, packed
from indexer.decode_start import SLOT_BYTES, SLOTS, Started, start
from indexer.model import Copied
from indexer.quick import Known, Source


class DecodeProcess:
    """A running process: a `Quick`. Answers wait in its slots, so that it need not wait for us between two of them."""

    def __init__(
        self, pid: int, reader: asyncio.StreamReader, writer: asyncio.WriteTransport, memory: mmap.mmap
    ) -> None:
        self.pid = pid
        self._reader = reader
        self._writer = writer
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
        try:
            while True:
                size = LENGTH.unpack(await self._reader.readexactly(LENGTH.size))[0]
                told = pickle.loads(await self._reader.readexactly(size))  # noqa: S301 -- our own process
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
        self._memory[slot * SLOT_BYTES : slot * SLOT_BYTES + len(inner)] = inner
        told: asyncio.Future[Told | None] = asyncio.get_running_loop().create_future()
        self._asked.append((slot, told))
        self._writer.write(packed(Ask(slot, len(inner), known)))
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
async def decode_process(
    chain_id: int, sources: Sequence[Source], started: Started | None = None
) -> AsyncIterator[DecodeProcess]:
    """A process that decodes for these sources, `started` if there is one; it ends with the block, or with us.

    Raises what the listening failed with: that the process ended is foreseen, anything else it tells is not.
    """
    running = started or start()
    try:
        with mmap.mmap(running.file.fileno(), SLOTS * SLOT_BYTES) as memory:
            async with _pipes(running) as (reader, writer):
                decoder = DecodeProcess(running.process.pid, reader, writer, memory)
                listening = asyncio.create_task(decoder.listen())
                try:
                    writer.write(packed(Setup(chain_id, sources, SLOTS, SLOT_BYTES)))
                    yield decoder
                    if listening.done():
                        listening.result()
                finally:
                    listening.cancel()
                    await asyncio.gather(listening, return_exceptions=True)
    finally:
        running.end()


@asynccontextmanager
async def _pipes(running: Started) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.WriteTransport]]:
    """The process's output and input."""
    loop, reader = asyncio.get_running_loop(), asyncio.StreamReader()
    assert running.process.stdin is not None
    assert running.process.stdout is not None
    out, into = _twin(running.process.stdout, "rb"), _twin(running.process.stdin, "wb")
    source, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), out)
    writer, _ = await loop.connect_write_pipe(asyncio.BaseProtocol, into)
    try:
        yield reader, writer
    finally:
        source.close()
        writer.close()


def _twin(pipe: IO[bytes], mode: str) -> IO[bytes]:
    """Another descriptor for it, which the event loop closes when it comes to that."""
    return os.fdopen(os.dup(pipe.fileno()), mode, buffering=0)
