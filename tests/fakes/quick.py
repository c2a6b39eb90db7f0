"""Columns in this process, where the real ones have a process of their own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import numpy as np

from indexer.columns import Columns
from indexer.model import Copied
from indexer.quick import Known, Source


class Here:
    """A `Quick`. `rows` counts what it made, `looked` how often it only told the blocks."""

    unread = 0

    def __init__(self, chain_id: int, sources: Sequence[Source]) -> None:
        self._columns = Columns(chain_id, sources)
        self.sources = sources
        self.looked = 0
        self.rows = 0

    async def decode(self, inner: memoryview, known: Known) -> Copied | None:
        copied = self._columns.decode(np.frombuffer(inner, np.uint8), known)
        self.rows += sum(copied.counts.values()) if copied is not None else 0
        return copied

    async def blocks(self, inner: memoryview) -> Sequence[int] | None:
        self.looked += 1
        return self._columns.blocks(np.frombuffer(inner, np.uint8))


class Heres:
    """Stands in for `decode_process` and remembers everyone it opened."""

    def __init__(self) -> None:
        self.opened: list[Here] = []

    @asynccontextmanager
    async def __call__(self, chain_id: int, sources: Sequence[Source], started: object = None) -> AsyncIterator[Here]:
        self.opened.append(Here(chain_id, sources))
        yield self.opened[-1]
