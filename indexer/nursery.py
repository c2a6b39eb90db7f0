"""Know the contracts that factories made, and when."""

from __future__ import annotations

import sys
from collections.abc import Iterable

from indexer.rows import Batch
from indexer.store import Store
from indexer.streams import Parent, Stream

Born = dict[str, dict[bytes, int]]
"""The block of its birth by address, by stream."""


class Nursery:
    """The children of every stream that a factory feeds."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._parents: dict[str, Parent] = {}
        self._births: Born = {}
        self._editions: dict[str, int] = {}

    async def load(self, streams: Iterable[Stream]) -> None:
        """Read what the factories' tables know, at least as new as the editions that are read before them."""
        self._parents = {one.key: one.parent for one in streams if one.parent is not None}
        self._editions = await self._store.editions(list(self._parents)) if self._parents else {}
        self._births = {key: await self._store.births(parent) for key, parent in self._parents.items()}

    def growing(self, streams: Iterable[str]) -> bool:
        """Whether a range of these streams may show new contracts, or is about contracts that were born."""
        keys = set(streams)
        return any(child in keys or keys.intersection(parent.keys) for child, parent in self._parents.items())

    def born(self, streams: Iterable[str], last: int) -> Born:
        """The contracts born up to the block `last`, by stream."""
        return {
            key: {address: birth for address, birth in self._births[key].items() if birth <= last}
            for key in streams
            if key in self._births
        }

    def editions(self, streams: Iterable[str]) -> dict[str, int]:
        """Which edition of their births is known of the streams that factories feed."""
        return {key: self._editions[key] for key in streams if key in self._editions}

    def learn(self, batch: Batch, read: dict[str, int]) -> None:
        """Take in the births among a batch's rows; `read` remembers how many rows of each table were looked at."""
        for key, parent in self._parents.items():
            rows = batch.rows.get(str(parent.table))
            if rows is None:
                continue
            births, position = self._births[key], parent.position
            for row in rows.records[read.get(key, 0) :]:
                address, block = row[position], row[1]
                assert isinstance(address, bytes)
                assert isinstance(block, int)
                births[address] = min(block, births.get(address, block))
            read[key] = len(rows.records)


def missing(born: Born, asked: Born) -> Born:
    """What was born and not asked for, or only from a later block on; streams that lack nothing are left out.

    A contract may be made again by a factory that itself was found only later, in an earlier block.
    """
    rest = {
        key: {one: birth for one, birth in births.items() if birth < asked.get(key, {}).get(one, sys.maxsize)}
        for key, births in born.items()
    }
    return {key: births for key, births in rest.items() if births}
