"""What a chain's metrics tell of its steps, held against what is stored."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from indexer.counters import EventCounters
from indexer.horizon import Horizon
from indexer.metrics import EVENTS, REORGS, REVERTED, ChainState, Meter
from indexer.model import Committed, RolledBack, Step
from indexer.schema import Table
from shared.clock import Clock
from shared.db import Database
from shared.metrics import Registry
from shared.protocol import CHAIN, CounterSpec

COUNT = CounterSpec("usdx_transfers_total", "Transfers.", "token", "Transfer", {"chain": CHAIN}, None, 0)
SUM = CounterSpec("usdx_transferred_total", "Sum of them.", "token", "Transfer", {"chain": CHAIN}, "value", 0)


class Books:
    """The metrics of one chain, fed as the indexer feeds them, and beside them what they must come to."""

    def __init__(self, db: Database, chain_id: int, horizon: Horizon, clock: Clock, transfers: Table) -> None:
        self.registry = Registry()
        self._db, self._transfers = db, transfers
        self._meter = Meter(self.registry, ChainState("fake", horizon, (), 1.0), clock)
        self._counters = EventCounters(self.registry, "fake", chain_id)
        self._counters.add([COUNT, SUM], {"token": [transfers]})
        self._reorgs = 0
        self._live = (0, 0)

    async def transfers(self) -> tuple[int, int]:
        """How many are stored, and their sum."""
        async with self._db.connection() as cx:
            row = await cx.fetchrow(f"select count(*), coalesce(sum(value), 0) from {self._transfers.qualified}")
        return row[0], int(row[1])

    def observe(self, step: Step) -> None:
        self._meter.observe(step)
        self._reorgs += isinstance(step, RolledBack)
        if isinstance(step, Committed):
            self._counters.observe(step)

    def grown(self, before: tuple[int, int], after: tuple[int, int]) -> None:
        """A live step made this of the transfers."""
        self._live = (self._live[0] + after[0] - before[0], self._live[1] + after[1] - before[1])

    def check(self, stored: Counter[str], names: Iterable[str]) -> None:
        """Processed less reverted is what is there; a protocol's own counters are what came in live."""
        told = {name: self._value(EVENTS.name, type=name) - self._value(REVERTED.name, type=name) for name in names}
        assert told == {name: stored[name] for name in told}
        assert self._value(REORGS.name) == self._reorgs
        assert (self._value(COUNT.name), self._value(SUM.name)) == self._live

    def _value(self, name: str, **labels: str) -> float:
        return self.registry.value(name, chain="fake", **labels) or 0.0
