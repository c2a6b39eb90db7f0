"""The whole engine against random chains, forks, lies, troubles and crashes, on a real Postgres."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from hypothesis import HealthCheck, Phase, settings
from hypothesis import given as given_
from hypothesis import strategies as st

from indexer.backfill import backfill
from indexer.chain import Chain
from indexer.errors import DeepReorg
from indexer.horizon import Horizon
from indexer.layout import claim_chain, prepare
from indexer.model import Cursor, Idle, Step
from indexer.patience import WORLD, Patience
from indexer.step import Border, Worker
from indexer.store import Store
from shared.clock import Clock
from shared.db import Database
from shared.endpoint import Endpoint
from shared.errors import DatabaseUnavailable, UsdxError
from shared.metrics import Registry
from shared.pool import Pool
from shared.rpc_answer import Reply
from shared.runtime import Stop
from shared.settings import Settings
from tests.fakes import faults
from tests.fakes.chain import Block, FakeChain, FakeLog
from tests.fakes.clock import Hands
from tests.fakes.node import FakeNode
from tests.integration.indexer.world import DESK, NOTE, TOKEN, TRANSFER, desk, note, token, transfer

EXAMPLES = int(os.environ.get("USDX_MODEL_EXAMPLES", "1000"))
FINALITY = 8
KINDS = faults.Faults()
STREAMS = (token(), desk(start=5), token(start=3, key="shop/late"))
TABLES = {"shop/token": "token_transfer", "shop/desk": "desk_note", "shop/late": "late_transfer"}


@dataclass
class Node(FakeNode):
    """A node under whose hands the chain may change: after so many answers something happens."""

    surprises: list[list[Any]] = field(default_factory=list)

    async def post(self, body: bytes) -> Reply:
        for surprise in self.surprises:
            surprise[0] -= 1
            if surprise[0] == 0:
                surprise[1]()
        return await super().post(body)


class Flaky(Store):
    """A store whose connection breaks once, just before or just after the transaction took place."""

    broken: str = ""

    async def commit(self, *args: Any, **kwargs: Any) -> Any:
        return await self._around(super().commit(*args, **kwargs))

    async def roll_back(self, *args: Any, **kwargs: Any) -> Any:
        return await self._around(super().roll_back(*args, **kwargs))

    async def _around(self, act: Any) -> Any:
        broken, self.broken = self.broken, ""
        if broken == "before":
            act.close()
            raise DatabaseUnavailable("the connection broke before")
        done = await act
        if broken == "after":
            raise DatabaseUnavailable("the connection broke after")
        return done


class Game:
    """One example: a chain, two nodes of which `a` may lie, and an indexer that is crashed and restarted at will."""

    def __init__(self, db: Database) -> None:
        self.db = db
        self.fake = FakeChain()
        self.a, self.b = Node(self.fake, "a"), Node(self.fake, "b")
        for one in (self.a, self.b):
            one.finality_depth = FINALITY
        self.known: dict[bytes, Block] = {}
        self.final = 0
        self.number = 0
        self.hands = Hands()
        self.worker: Worker
        self.store: Flaky

    @property
    def clock(self) -> Clock:
        return self.hands.clock()

    def note_blocks(self) -> None:
        self.known |= {block.hash: block for block in self.fake.blocks[-200:]}
        self.final = max(self.final, self.fake.head.number - FINALITY)

    async def begin(self) -> None:
        """Empty tables and a first indexer."""
        names = "".join(f"delete from shop.{name};" for name in TABLES.values())
        async with self.db.connection() as cx:
            await cx.execute(
                f"delete from usdx.cursors; delete from usdx.chains; delete from usdx.undecoded_logs; {names}"
            )
        await claim_chain(self.db, "fake", self.fake.chain_id, self.fake.blocks[0].hash)
        await prepare(self.db, STREAMS)
        self.note_blocks()
        await self.restart()

    async def restart(self) -> None:
        """A fresh process: nothing is remembered but what the database holds."""
        pool = Pool("fake", [Endpoint(node.name, node, self.clock) for node in (self.a, self.b)], self.clock)
        chain = Chain(pool, "finalized")
        self.store = Flaky(self.db, self.fake.chain_id, STREAMS)
        border = Border(chain, self.store, self.clock)
        self.worker = Worker(
            "fake", self.fake.chain_id, STREAMS, border, Horizon(chain, self.clock, finality_every_s=0)
        )

    def logs(self, shape: Sequence[int]) -> list[FakeLog]:
        """Logs of our contracts, all different: transfers, notes, undecodable ones and those of others."""
        out = []
        for kind in shape:
            self.number += 1
            good = transfer(self.number)
            out.append(
                [
                    good,
                    note(f"n{self.number}", self.number),
                    FakeLog(TOKEN, good.topics, b"\x01"),
                    transfer(1, b"\x99" * 20),
                ][kind]
            )
        return out

    def mine(self, blocks: Sequence[Sequence[int]]) -> None:
        for shape in blocks:
            self.fake.mine(*self.logs(shape))
            self.note_blocks()

    def reorg(self, depth: int, blocks: Sequence[Sequence[int]], length: int) -> None:
        """Replace up to `depth` blocks, none of them final."""
        depth = min(depth, self.fake.head.number - self.final)
        if depth > 0:
            self.note_blocks()
            self.fake.reorg(depth, *[self.logs(shape) for shape in blocks], length=max(1, depth + length))
            self.note_blocks()

    def mine_many(self, count: int) -> None:
        self.mine([[number % 4] if number % 5 == 0 else [] for number in range(count)])

    def surprise(self, after: int, depth: int, blocks: Sequence[Sequence[int]]) -> None:
        """A reorg while the honest node is being asked."""
        self.b.surprises.append([after, lambda: self.reorg(depth, blocks, 1)])

    def lag(self, name: str, blocks: int) -> None:
        getattr(self, name).lag = blocks

    def freeze(self, name: str) -> None:
        getattr(self, name).freeze()

    def thaw(self, name: str) -> None:
        getattr(self, name).thaw()

    def lie(self, kind: str, times: int) -> None:
        self.a.fail(KINDS.lies[kind]().often(times))

    def trouble(self, name: str, kind: str, times: int) -> None:
        getattr(self, name).fail(KINDS.troubles[kind]().often(times))

    def break_store(self, when: str) -> None:
        self.store.broken = when

    async def steps(self, times: int) -> None:
        for _ in range(times):
            await self.step()
            await self.check()

    async def step(self) -> Step | None:
        """One step; None when the world failed it."""
        try:
            return await self.worker.step()
        except (*WORLD, DeepReorg):
            self.worker.forget()
            return None

    async def backfill(self) -> None:
        stop = Stop()

        def failed(exc: UsdxError, wait_s: float) -> None:
            stop.set()  # one failure is enough: the next action goes on from here

        with suppress(DeepReorg):
            await backfill(self.worker, stop, lambda step: None, Patience(stop, failed))
        self.worker.forget()
        await self.check()

    async def check(self) -> None:
        """Every table holds exactly what the chain that ends at its stream's cursor does."""
        cursors = await self.store.cursors(list(TABLES))
        async with self.db.connection() as cx:
            for key, cursor in cursors.items():
                rows = await cx.fetch(f"select * from shop.{TABLES[key]} order by block_number, log_index")
                found = [(r["block_number"], r["block_hash"], r["log_index"], r["tx_hash"], _value(r)) for r in rows]
                assert found == self.expected(key, cursor), key
            undecoded = await cx.fetch(
                "select stream, block_hash from usdx.undecoded_logs order by block_number, log_index"
            )
        for key, cursor in cursors.items():
            kept = [row["block_hash"] for row in undecoded if row["stream"] == key]
            wrong = [b.hash for b, _, log in self.history(key, cursor) if log.address == TOKEN and len(log.data) == 1]
            assert kept == (wrong if key != "shop/desk" else []), key

    def expected(self, key: str, cursor: Cursor) -> list[tuple[int, bytes, int, bytes, object]]:
        topic, address = (NOTE.topic0, DESK) if key == "shop/desk" else (TRANSFER.topic0, TOKEN)
        return [
            (block.number, block.hash, index, block.tx_hash(0), _decoded(log))
            for block, index, log in self.history(key, cursor)
            if log.topics[0] == topic and log.address == address and len(log.data) > 1
        ]

    def history(self, key: str, cursor: Cursor) -> list[tuple[Block, int, FakeLog]]:
        """Every log from the stream's first block to its cursor, along the cursor's own fork."""
        start = next(one.start_block for one in STREAMS if one.key == key)
        blocks, at = [], cursor.hash
        while at is not None and at in self.known and self.known[at].number >= start:
            blocks.append(self.known[at])
            at = self.known[at].parent
        assert cursor.hash is None or (blocks and blocks[0].number == cursor.number)
        return [(block, index, log) for block in reversed(blocks) for index, log in enumerate(block.logs)]

    async def finish(self) -> None:
        """Everybody becomes honest and well; then the tables are those of the chain."""
        for one in (self.a, self.b):
            one.faults.clear()
            one.surprises.clear()
            one.lag, one.frozen = 0, None
        self.mine([[0], [0, 1], [], [], [], [1]])
        for _ in range(80):
            self.hands.at += 120
            if isinstance(await self.step(), Idle):
                break
        else:
            raise AssertionError("it never came to rest")
        await self.check()
        for key, cursor in (await self.store.cursors(list(TABLES))).items():
            assert (cursor.number, cursor.hash) == (self.fake.head.number, self.fake.head.hash), key


def _value(row: Any) -> object:
    return int(row["value"]) if "value" in row else (row["text"], int(row["number"]))


def _decoded(log: FakeLog) -> object:
    from eth_abi.abi import decode

    if log.topics[0] == TRANSFER.topic0:
        return int.from_bytes(log.data)
    return tuple(decode(["string", "uint64"], log.data))


SHAPE = st.lists(st.sampled_from([0, 0, 1, 1, 2, 3]), max_size=3)
BLOCKS = st.lists(SHAPE, min_size=1, max_size=4)
NODE = st.sampled_from("ab")
ACTIONS = st.lists(
    st.one_of(
        st.tuples(st.just("mine"), BLOCKS),
        st.tuples(st.just("mine_many"), st.integers(1, 90)),
        st.tuples(st.just("reorg"), st.integers(1, 8), BLOCKS, st.integers(-3, 3)),
        st.tuples(st.just("surprise"), st.integers(1, 5), st.integers(1, 8), BLOCKS),
        st.tuples(st.just("lag"), NODE, st.integers(0, 6)),
        st.tuples(st.just("freeze"), NODE),
        st.tuples(st.just("thaw"), NODE),
        st.tuples(st.just("lie"), st.sampled_from(sorted(KINDS.lies)), st.integers(1, 6)),
        st.tuples(st.just("trouble"), NODE, st.sampled_from(sorted(KINDS.troubles)), st.integers(1, 6)),
        st.tuples(st.just("break_store"), st.sampled_from(["before", "after"])),
        st.just(("restart",)),
        st.just(("backfill",)),
        st.tuples(st.just("steps"), st.integers(1, 3)),
        st.tuples(st.just("steps"), st.integers(1, 3)),
    ),
    min_size=2,
    max_size=14,
)


async def play(db: Database, actions: Sequence[Any]) -> None:
    """One example from its list of actions: the name of a method of the game with its arguments."""
    game = Game(db)
    await game.begin()
    for name, *arguments in actions:
        done = getattr(game, name)(*arguments)
        if done is not None:
            await done
    await game.finish()


def test_tables_are_those_of_the_chain(database_url: str) -> None:
    """Final table = table of the final chain, for any forks, lies, troubles and crashes; and so after every step."""
    settings_ = Settings.model_validate({"database": {"url": database_url}})
    with asyncio.Runner() as runner:
        db = runner.run(Database.open(settings_, Registry(), application_name="model"))
        genesis = FakeChain()
        runner.run(claim_chain(db, "fake", genesis.chain_id, genesis.blocks[0].hash))
        runner.run(prepare(db, STREAMS))

        @settings(
            max_examples=EXAMPLES,
            deadline=None,
            phases=[Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink],
            suppress_health_check=list(HealthCheck),
        )
        @given_(ACTIONS)
        def example(actions: list[Any]) -> None:
            runner.run(play(db, actions))

        try:
            example()
        finally:
            runner.run(db.close())
