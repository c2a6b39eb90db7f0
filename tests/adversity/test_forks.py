"""Forks of every kind against the whole engine: as deep as finality allows, while it backfills, while it is away."""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

from indexer.backfill import backfill
from indexer.errors import DeepReorg
from indexer.layout import claim_chain, prepare
from indexer.model import Committed, Step
from indexer.patience import Patience
from shared.clock import system_clock
from shared.db import Database
from shared.errors import UsdxError
from shared.metrics import Registry
from shared.runtime import Stop
from shared.settings import Settings
from tests.adversity.books import Books
from tests.fakes.chain import FakeChain
from tests.integration.indexer.test_model import BLOCKS, NODE, STREAMS, TABLES, Game

EXAMPLES = int(os.environ.get("USDX_FORK_EXAMPLES", "60"))
FINALITY = 8


class Forks(Game):
    """The game of the model test with nothing but forks, and what the metrics say kept in balance."""

    books: Books

    async def begin(self) -> None:
        await super().begin()
        (transfers,) = self.streams[0].tables.values()
        self.books = Books(self.db, self.fake.chain_id, self.worker.horizon, self.clock, transfers)

    def stall(self, name: str) -> None:
        """The finalized tag of a node stands still while its chain goes on; it never names a block of a dead fork."""
        one = getattr(self, name)
        pairs = zip(one.blocks, self.fake.blocks, strict=False)
        common = sum(1 for mine, right in pairs if mine.hash == right.hash) - 1
        one.finalized = min(self.final, common)

    def move_on(self, name: str) -> None:
        getattr(self, name).finalized = None

    def back_and_forth(self, depth: int, blocks: Any) -> None:
        """The tip goes backwards on a fork of its own, and only later grows beyond where it was."""
        self.reorg(depth, blocks, -depth)

    def siblings(self, blocks: Any) -> None:
        """Two endpoints, two tips of one height: one stays with the old block, the other has its sibling."""
        self.a.freeze()
        self.reorg(1, blocks, 0)

    async def away(self, depth: int, blocks: Any) -> None:
        """The chain forks and grows while the indexer is down."""
        self.reorg(depth, blocks, 1)
        self.mine(blocks)
        await self.restart()

    async def step(self) -> Step | None:
        before = await self.books.transfers()
        done = await super().step()
        if done is not None:
            self.books.observe(done)
        if isinstance(done, Committed) and done.live:
            self.books.grown(before, await self.books.transfers())
        return done

    async def backfill(self) -> None:
        """What is far from the tip has a worker of its own, which was never at it."""
        self.worker = self.hire(self.worker.horizon)
        stop = Stop()

        def failed(exc: UsdxError, lost_s: float) -> None:
            stop.set()

        with suppress(DeepReorg):
            await backfill(self.worker, stop, self.observe_far, Patience(stop, failed, system_clock()))
        self.worker.forget()
        await self.check()

    def observe_far(self, step: Step) -> None:
        assert not (isinstance(step, Committed) and step.live), "nothing is live that is far from the tip"
        self.books.observe(step)

    async def check(self) -> None:
        """The tables are right, and what the metrics tell of them adds up."""
        await super().check()
        stored: Counter[str] = Counter()
        async with self.db.connection() as cx:
            for _, table in TABLES:
                stored[table.event.name] += await cx.fetchval(f"select count(*) from {table.qualified}")
        self.books.check(stored, {table.event.name for _, table in TABLES})

    async def finish(self) -> None:
        for one in (self.a, self.b):
            one.finalized = None
        await super().finish()


DEPTH = st.integers(1, FINALITY)
ACTION = st.one_of(
    st.tuples(st.just("mine"), BLOCKS),
    st.tuples(st.just("mine_many"), st.integers(1, 90)),
    st.tuples(st.just("reorg"), DEPTH, BLOCKS, st.integers(-3, 3)),
    st.tuples(st.just("surprise"), st.integers(1, 5), DEPTH, BLOCKS),
    st.tuples(st.just("back_and_forth"), DEPTH, BLOCKS),
    st.tuples(st.just("siblings"), BLOCKS),
    st.tuples(st.just("away"), DEPTH, BLOCKS),
    st.tuples(st.just("stall"), NODE),
    st.tuples(st.just("move_on"), NODE),
    st.tuples(st.just("lag"), NODE, st.integers(0, 6)),
    st.tuples(st.just("freeze"), NODE),
    st.tuples(st.just("thaw"), NODE),
    st.just(("restart",)),
    st.just(("backfill",)),
    st.tuples(st.just("steps"), st.integers(1, 3)),
    st.tuples(st.just("steps"), st.integers(1, 3)),
    st.tuples(st.just("steps"), st.integers(1, 3)),
)
ACTIONS = st.lists(ACTION, min_size=4, max_size=16)


LEFT_BEHIND: list[Any] = [
    ("mine_many", 12),
    ("siblings", [[0, 1], [4]]),
    ("steps", 3),
    ("mine_many", 30),
    ("steps", 3),
]
"""An endpoint that is asked first stays on a dead fork until the other one's is final, and for ever after."""


DOWN_TO_THE_START: list[Any] = [
    ("mine", [[]]),
    ("steps", 2),
    ("mine_many", 1),
    ("reorg", 8, [[4], [0, 0, 5]], 0),
]
"""A fork below the first block: what a factory makes was read again before the factory itself, and missed a birth."""


async def play(db: Database, actions: list[Any]) -> None:
    game = Forks(db, FINALITY)
    await game.begin()
    for name, *arguments in actions:
        done = getattr(game, name)(*arguments)
        if done is not None:
            await done
    await game.finish()


@pytest.mark.timeout(6 * 3600)
def test_tables_follow_any_forks(database_url: str) -> None:
    """Final table = table of the final chain, and what the metrics tell adds up to it, for any sequence of forks."""
    settings_ = Settings.model_validate({"database": {"url": database_url}})
    with asyncio.Runner() as runner:
        db = runner.run(Database.open(settings_, Registry(), application_name="forks"))
        genesis = FakeChain()
        runner.run(claim_chain(db, "fake", genesis.chain_id, genesis.blocks[0].hash))
        runner.run(prepare(db, STREAMS))

        @settings(
            max_examples=EXAMPLES,
            deadline=None,
            phases=[Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink],
            suppress_health_check=list(HealthCheck),
        )
        @example(DOWN_TO_THE_START)
        @example(LEFT_BEHIND)
        @given(ACTIONS)
        def forks(actions: list[Any]) -> None:
            print("ACTIONS", actions)
            runner.run(play(db, actions))

        try:
            forks()
        finally:
            runner.run(db.close())
