"""An endpoint that goes on along a dead fork, while another one's blocks become final."""

from __future__ import annotations

import pytest

from indexer.backfill import backfill
from indexer.chain import Chain
from indexer.errors import DeepReorg
from indexer.horizon import Horizon
from indexer.layout import claim_chain, prepare
from indexer.model import Idle
from indexer.patience import WORLD, Patience
from indexer.step import Border, Worker
from indexer.store import Store
from shared.clock import system_clock
from shared.db import Database
from shared.endpoint import Endpoint
from shared.errors import UsdxError
from shared.pool import Pool
from shared.runtime import Stop
from tests.fakes.chain import FakeChain
from tests.fakes.clock import Hands
from tests.fakes.node import FakeNode
from tests.integration.indexer.world import on_chain, token, transfer, values

pytestmark = pytest.mark.usefixtures("unhurried")

COMMON = 30
FINALITY = 8


class Split:
    """One chain up to a block, then two: `right` becomes final, `dead` never does. The dead one is asked first."""

    def __init__(self, db: Database) -> None:
        self.db, self.hands = db, Hands()
        self.right = FakeChain()
        for number in range(COMMON):
            self.right.mine(transfer(number))
        self.dead = FakeChain(blocks=list(self.right.blocks))
        self.a, self.b = FakeNode(self.dead, "a"), FakeNode(self.right, "b")
        self.a.finalized = COMMON - 2  # below the fork: what is final on both
        self.b.finality_depth = FINALITY
        clock = self.hands.clock()
        self.pool = Pool("fake", [Endpoint(node.name, node, clock) for node in (self.a, self.b)], clock)

    def grow(self, blocks: int) -> None:
        """Both go on, the dead one is a block ahead."""
        for number in range(blocks):
            self.right.mine(transfer(1_000 + self.right.head.number))
            self.dead.mine(transfer(2_000 + self.dead.head.number + number))
        if self.dead.head.number == self.right.head.number:
            self.dead.mine(transfer(3_000))

    async def worker(self) -> Worker:
        await claim_chain(self.db, "fake", self.right.chain_id, self.right.blocks[0].hash)
        streams = await prepare(self.db, [token()])
        clock, chain = self.hands.clock(), Chain(self.pool)
        border = Border(chain, Store(self.db, self.right.chain_id, streams), clock)
        return Worker("fake", self.right.chain_id, streams, border, Horizon(chain, clock, 0))

    async def steps(self, worker: Worker, most: int = 80) -> None:
        """Step until all is done; nothing may halt it."""
        for _ in range(most):
            self.hands.at += 20
            try:
                if isinstance(await worker.step(), Idle):
                    return
            except WORLD:
                worker.forget()

    def assert_left_out(self) -> None:
        dead, right = self.pool.endpoints
        assert dead.health.astray is not None
        assert right.health.astray is None


@pytest.mark.parametrize("stride", [1, 3, 40])
async def test_who_stays_on_a_dead_fork_halts_nobody(db: Database, stride: int) -> None:
    """Its blocks are taken back before it is too late, it is left out by name, and the tables are the chain's."""
    game = Split(db)
    worker = await game.worker()
    await game.steps(worker)
    for _ in range(max(1, 40 // stride)):
        game.grow(stride)
        await game.steps(worker, 4)
    await game.steps(worker)
    game.assert_left_out()
    assert await values(db) == on_chain(game.right)


async def test_it_is_left_out_while_the_past_is_read(db: Database) -> None:
    """A backfill asks it first for blocks that are final elsewhere, and stores none of its own."""
    game = Split(db)
    game.grow(200)
    worker = await game.worker()
    stop = Stop()

    def failed(exc: UsdxError, lost_s: float) -> None:
        assert not isinstance(exc, DeepReorg)
        worker.forget()

    await backfill(worker, stop, lambda step: None, Patience(stop, failed, system_clock(), first_s=0, most_s=0))
    await game.steps(worker)
    game.assert_left_out()
    assert await values(db) == on_chain(game.right)


async def test_it_lies_only_later(db: Database) -> None:
    """An endpoint that went over to a dead fork after everything was final contradicts the record, and is left out."""
    game = Split(db)
    game.a.chain = game.right
    game.a.finalized = None
    game.grow(40)
    worker = await game.worker()
    await game.steps(worker)
    game.a.chain, game.a.finalized = game.dead, COMMON - 2
    game.grow(3)
    await game.steps(worker)
    game.assert_left_out()
    assert await values(db) == on_chain(game.right)


async def test_a_replaced_chain_still_halts(db: Database) -> None:
    """When every endpoint says otherwise below what was final, nobody is left out and a person has to decide."""
    game = Split(db)
    game.a.chain, game.a.finalized = game.right, None
    game.grow(40)
    worker = await game.worker()
    await game.steps(worker)
    for node in (game.a, game.b):
        node.chain, node.finalized = game.dead, None
    game.grow(3)
    with pytest.raises(DeepReorg):
        await game.steps(worker)
    assert [one.health.astray for one in game.pool.endpoints] == [None, None]
