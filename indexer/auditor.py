"""Have every range of a chain audited, and say what its answers are proved by."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

from indexer.audit import Answer, Audited, audit_range, gaps
from indexer.chain import Chain
from indexer.horizon import Horizon
from indexer.model import Cursor, Range
from indexer.planner import Plan
from indexer.revision import Revision
from indexer.second_endpoint import alone, compare
from indexer.step import Border, Fetched, Worker
from indexer.store import Store
from shared.clock import Clock
from shared.db import Database
from shared.endpoint import Endpoint
from shared.errors import ConfigError
from shared.pool import Pool
from shared.runtime import Stop

BLOOM = "bloom"


class Auditor:
    """Audits one chain: by header blooms and receipts while those tell anything, else against a second endpoint.

    `against` names the endpoint to compare with in any case.
    """

    def __init__(
        self, db: Database, clock: Clock, pool: Pool, chain: Chain, worker: Worker, *, against: str | None = None
    ) -> None:
        self._worker = worker
        self._horizon: Horizon = worker.horizon
        self._chain = chain
        self._pool = pool
        self._clock = clock
        streams = worker.streams.values()
        self._store = Store(db, worker.chain_id, streams)
        self._stored = Revision(db, worker.chain_id, streams)
        self._second = None if against is None else self._named(against)
        self._alone: dict[str, Worker] = {}

    async def audit(self, stop: Stop, *, repair: bool, again: bool) -> AsyncIterator[Audited]:
        """Compare every finalized range of every stream, those audited before only if `again`. Raises ConfigError.

        What blooms seemed to prove before they turned out to tell nothing is audited once more.
        """
        self._chain.blooms.thorough = True
        await self._horizon.look()
        trusted = self._bloom_tells()
        async for done in self._all(stop, repair=repair, again=again):
            yield done
        if trusted and not self._bloom_tells() and await self._stored.withdraw(list(self._worker.streams), BLOOM):
            async for done in self._all(stop, repair=repair, again=False):
                yield done

    async def _all(self, stop: Stop, *, repair: bool, again: bool) -> AsyncIterator[Audited]:
        for key in self._worker.streams:  # factories before what they make
            self._worker.forget()
            self._alone.clear()
            await self._worker.load()
            last = min(self._worker.cursors[key].number, self._horizon.floor)
            done = [] if again else await self._stored.covered(key)
            for span in gaps(done, self._worker.streams[key].start_block, last):
                if stop.is_set():
                    return
                yield await audit_range(self._worker, self._stored, key, await self._answer(key, span), repair=repair)

    async def _answer(self, stream: str, span: Range) -> Answer:
        """The chain's logs of a range, and their proof."""
        plan = Plan((stream,), Cursor(span.first - 1, None, None), span, linked=True)
        fetched = await self._by_blooms(plan) if self._second is None else None
        return Answer(fetched, BLOOM) if fetched is not None else await self._compared(plan)

    async def _by_blooms(self, plan: Plan) -> Fetched | None:
        """The logs, if blooms and receipts prove them; None where they tell nothing."""
        if not self._bloom_tells():
            return None
        unproved = self._chain.blooms.verdicts["unproved"]
        fetched = await self._worker.fetch(plan)
        return fetched if self._bloom_tells() and self._chain.blooms.verdicts["unproved"] == unproved else None

    def _bloom_tells(self) -> bool:
        return self._chain.blooms.trusted

    async def _compared(self, plan: Plan) -> Answer:
        first, second, *others = self._pair()
        one = await (await self._lone(first)).fetch(plan)
        two = await (await self._lone(second)).fetch(plan)
        wanted = self._worker.filter(plan.streams, one.born)
        found = await compare(first, second, (one.logs, two.logs), wanted, others)
        fetched: Fetched = replace(one, logs=found.logs)
        return Answer(fetched, f"second_endpoint:{second.name}", found.differences, found.open)

    async def _lone(self, endpoint: Endpoint) -> Worker:
        """A worker that asks this endpoint only, for the streams as they are."""
        if endpoint.name not in self._alone:
            border = Border(alone(self._pool, endpoint, self._clock), self._store, self._clock)
            one = Worker(self._worker.name, self._worker.chain_id, self._worker.streams.values(), border, self._horizon)
            await one.load()
            self._alone[endpoint.name] = one
        return self._alone[endpoint.name]

    def _pair(self) -> list[Endpoint]:
        """Whom to ask, whom to compare with, and who decides."""
        fit = [one for one in self._pool.endpoints if one.health.up() or one is self._second]
        first = next((one for one in (self._pool.first, *fit) if one is not self._second), None)
        second = self._second or next((one for one in fit if one is not first), None)
        if first is None or second is None:
            raise ConfigError(
                f"chain {self._pool.chain}: its header blooms do not prove logs complete, and there is no second "
                f"endpoint to compare with; add one under [chains.{self._pool.chain}] rpc"
            )
        return [first, second, *(one for one in fit if one not in (first, second))]

    def _named(self, name: str) -> Endpoint:
        found = next((one for one in self._pool.endpoints if one.name == name), None)
        if found is None:
            names = ", ".join(one.name for one in self._pool.endpoints)
            raise ConfigError(f"--against {name}: expected an endpoint of chain {self._pool.chain}: {names}")
        if len(self._pool.endpoints) == 1:
            raise ConfigError(f"--against {name}: it is the only endpoint of chain {self._pool.chain}; add another one")
        return found
