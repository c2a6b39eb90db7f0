"""The whole engine against random chains, forks, lies, troubles and crashes, on a real Postgres."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import pytest
from eth_abi.abi import decode
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

from indexer.backfill import backfill
from indexer.chain import Chain
from indexer.errors import DeepReorg
from indexer.events import EventSpec
from indexer.horizon import Horizon
from indexer.layout import claim_chain, prepare
from indexer.model import Cursor, Idle, Step
from indexer.patience import WORLD, Patience
from indexer.signature import parse_signature
from indexer.step import Border, Worker
from indexer.store import Store
from indexer.streams import Parent, Stream, stream
from shared.clock import Clock, system_clock
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
from tests.integration.indexer.world import NOTE, TOKEN, TRANSFER, desk, note, token, transfer

Place = tuple[int, bytes, int, bytes, object]
EXAMPLES = int(os.environ.get("USDX_MODEL_EXAMPLES", "1000"))
KINDS = faults.Faults()
BLIND = {"empty_logs", "wrong_block_hash"}
"""Lies about finalized blocks, whose headers are not fetched: only an audit finds them, or a cross-check."""

HIDDEN = {"duplicate_log_index"}
"""A false index of the only log of ours in a block: nothing in the answer contradicts it but a cross-check."""

MINT = b"\x33" * 20
ITEMS = tuple(bytes([0x40 + number]) * 20 for number in range(3))
PARTS = tuple(bytes([0x50 + number]) * 20 for number in range(2))
BORN = parse_signature("event Born(address child)")


def _family() -> tuple[Stream, ...]:
    """A factory, what it makes, and what that makes."""
    mint = stream("shop/mint", "fake", "shop", [BORN], [MINT], 1)
    item = stream(
        "shop/item", "fake", "shop", [NOTE, BORN], [], 1, (), Parent(("shop/mint",), mint.tables[BORN], "child")
    )
    part = stream("shop/part", "fake", "shop", [NOTE], [], 1, (), Parent(("shop/item",), item.tables[BORN], "child"))
    return mint, item, part


STREAMS = (token(), desk(start=5), token(start=3, key="shop/late"), *_family())
TABLES = [(one.key, table) for one in STREAMS for table in one.tables.values()]
KEYS = [one.key for one in STREAMS]


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

    def __init__(self, db: Database, finality: int, streams: Sequence[Stream] = STREAMS) -> None:
        self.db = db
        self.finality = finality
        self.streams = tuple(streams)
        self.cross_check = False
        self.fake = FakeChain()
        self.a, self.b = Node(self.fake, "a"), Node(self.fake, "b")
        for one in (self.a, self.b):
            one.finality_depth = finality
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
        self.final = max(self.final, self.fake.head.number - self.finality)

    async def begin(self) -> None:
        """Empty tables and a first indexer."""
        tables = {table for one in self.streams for table in one.tables.values()}
        names = "".join(f"delete from {table.qualified};" for table in tables)
        async with self.db.connection() as cx:
            await cx.execute(
                f"delete from usdx.cursors; delete from usdx.chains; delete from usdx.undecoded_logs; {names}"
            )
        await claim_chain(self.db, "fake", self.fake.chain_id, self.fake.blocks[0].hash)
        self.streams = await prepare(self.db, self.streams)
        self.note_blocks()
        await self.restart()

    async def restart(self) -> None:
        """A fresh process: nothing is remembered but what the database holds."""
        pool = Pool("fake", [Endpoint(node.name, node, self.clock) for node in (self.a, self.b)], self.clock)
        chain = Chain(pool, "finalized", cross_check=self.cross_check)
        self.store = Flaky(self.db, self.fake.chain_id, self.streams)
        self.border = Border(chain, self.store, self.clock)
        self.worker = self.hire(Horizon(chain, self.clock, finality_every_s=0))

    def hire(self, horizon: Horizon) -> Worker:
        """A worker that was never at the tip and knows no cursor."""
        return Worker("fake", self.fake.chain_id, self.streams, self.border, horizon)

    def logs(self, shape: Sequence[int]) -> list[FakeLog]:
        """Logs of our contracts, all different; an undecodable one (2), births (4, 5) and those of others (3)."""
        return [self.log(kind) for kind in shape]

    def log(self, kind: int) -> FakeLog:
        self.number += 1
        item, part = ITEMS[self.number % 3], PARTS[self.number % 2]
        good, text = transfer(self.number), f"n{self.number}"
        made = [
            lambda: good,
            lambda: note(text, self.number),
            lambda: FakeLog(TOKEN, good.topics, b"\x01"),
            lambda: transfer(1, b"\x99" * 20),
            lambda: born(MINT, item),
            lambda: born(item, part),
            lambda: note(text, self.number, item),
            lambda: note(text, self.number, part),
        ]
        return made[kind]()

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
        self.mine([[number % 8] if number % 3 == 0 else [] for number in range(count)])

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
        self.a.faults.clear()  # one lie at a time: two might not fit each other
        self.a.fail((KINDS.lies | KINDS.quiet)[kind]().often(times))

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

        def failed(exc: UsdxError, lost_s: float) -> None:
            stop.set()  # one failure is enough: the next action goes on from here

        with suppress(DeepReorg):
            await backfill(self.worker, stop, lambda step: None, Patience(stop, failed, system_clock()))
        self.worker.forget()
        await self.check()

    async def check(self) -> None:
        """Every table holds exactly what the chain that ends at its stream's cursor does."""
        cursors = await self.store.cursors(KEYS)
        async with self.db.connection() as cx:
            for key, table in TABLES:
                rows = await cx.fetch(f"select * from {table.qualified} order by block_number, log_index")
                found = [(r["block_number"], r["block_hash"], r["log_index"], r["tx_hash"], value_of(r)) for r in rows]
                assert found == self.expected(key, table.event, cursors[key]), str(table)
            undecoded = await cx.fetch("select stream, block_number from usdx.undecoded_logs order by 2, log_index")
        for key, cursor in cursors.items():
            kept = [row["block_number"] for row in undecoded if row["stream"] == key]
            wrong = [b.number for b, _, log in self.history(cursor) if log.address == TOKEN and len(log.data) == 1]
            start = next(one.start_block for one in STREAMS if one.key == key)
            assert kept == ([n for n in wrong if n >= start] if key in ("shop/token", "shop/late") else []), key

    def expected(self, key: str, event: EventSpec, cursor: Cursor) -> list[Place]:
        """The rows of a table along the cursor's fork."""
        history = self.history(cursor)
        births = self.births(key, history)
        return [
            (block.number, block.hash, index, block.tx_hash(0), decoded(log))
            for block, index, log in history
            if log.topics[0] == event.topic0
            and block.number >= births.get(log.address, sys.maxsize)
            and len(log.data) > 1
        ]

    def births(self, key: str, history: Sequence[tuple[Block, int, FakeLog]]) -> dict[bytes, int]:
        """From which block on which contract belongs to a stream."""
        one = next(one for one in STREAMS if one.key == key)
        if one.parent is None:
            return dict.fromkeys(one.addresses, one.start_block)
        parents, found = self.births(one.parent.keys[0], history), dict[bytes, int]()
        for block, _, log in history:
            if log.topics[0] == BORN.topic0 and block.number >= parents.get(log.address, sys.maxsize):
                found.setdefault(log.data[12:], block.number)
        return found

    def history(self, cursor: Cursor) -> list[tuple[Block, int, FakeLog]]:
        """Every log up to the cursor, along the cursor's own fork."""
        blocks, at = [], cursor.hash
        while at is not None and at in self.known:
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
        self.mine([[0], [0, 1], [], [4, 5], [], [6, 7, 1]])
        for _ in range(80):
            self.hands.at += 120
            if isinstance(await self.step(), Idle):
                break
        else:
            raise AssertionError("it never came to rest")
        await self.check()
        for key, cursor in (await self.store.cursors([one.key for one in self.streams])).items():
            assert (cursor.number, cursor.hash) == (self.fake.head.number, self.fake.head.hash), key


def born(factory: bytes, child: bytes) -> FakeLog:
    """A factory tells of a child."""
    assert BORN.topic0 is not None
    return FakeLog(factory, (BORN.topic0,), bytes(12) + child)


def value_of(row: Any) -> object:
    if "child" in row:
        return row["child"]
    return int(row["value"]) if "value" in row else (row["text"], int(row["number"]))


def decoded(log: FakeLog) -> object:
    if log.topics[0] == BORN.topic0:
        return log.data[12:]
    if log.topics[0] == TRANSFER.topic0:
        return int.from_bytes(log.data)
    return tuple(decode(["string", "uint64"], log.data))


SHAPE = st.lists(st.sampled_from([0, 1, 2, 3, 4, 5, 6, 7]), max_size=3)
BLOCKS = st.lists(SHAPE, min_size=1, max_size=4)
NODE = st.sampled_from("ab")


def actions_with(lies: Sequence[str]) -> st.SearchStrategy[list[Any]]:
    """What may happen, in any order: names of the game's methods with their arguments."""
    action = st.one_of(
        st.tuples(st.just("mine"), BLOCKS),
        st.tuples(st.just("mine_many"), st.integers(1, 90)),
        st.tuples(st.just("reorg"), st.integers(1, 8), BLOCKS, st.integers(-3, 3)),
        st.tuples(st.just("surprise"), st.integers(1, 5), st.integers(1, 8), BLOCKS),
        st.tuples(st.just("lag"), NODE, st.integers(0, 6)),
        st.tuples(st.just("freeze"), NODE),
        st.tuples(st.just("thaw"), NODE),
        st.tuples(st.just("lie"), st.sampled_from(lies), st.integers(1, 6)),
        st.tuples(st.just("trouble"), NODE, st.sampled_from(sorted(KINDS.troubles)), st.integers(1, 6)),
        st.tuples(st.just("break_store"), st.sampled_from(["before", "after"])),
        st.just(("restart",)),
        st.just(("backfill",)),
        st.tuples(st.just("steps"), st.integers(1, 3)),
        st.tuples(st.just("steps"), st.integers(1, 3)),
    )
    return st.lists(action, min_size=2, max_size=14)


async def play(db: Database, finality: int, actions: Sequence[Any], *, cross_check: bool = False) -> None:
    """One example from its list of actions: the name of a method of the game with its arguments."""
    game = Game(db, finality)
    game.cross_check = cross_check
    await finished(game, actions)


async def finished(game: Game, actions: Sequence[Any]) -> None:
    """Play a game to its end."""
    await game.begin()
    for name, *arguments in actions:
        done = getattr(game, name)(*arguments)
        if done is not None:
            await done
    await game.finish()


NO_RECEIPTS_LEFT: list[Any] = [
    ("mine_many", 1),
    ("steps", 1),
    ("lie", "empty_logs", 2),
    ("surprise", 1, 1, [[]]),
    ("steps", 2),
]
"""A block became empty by a fork while its receipts were asked: that there are none was taken for a lying bloom."""


@pytest.mark.timeout(1800)
@pytest.mark.parametrize(
    ("finality", "lies", "cross_check"),
    [
        (10_000, sorted(set(KINDS.lies) - HIDDEN), False),
        (8, sorted(set(KINDS.lies) - HIDDEN - BLIND), False),
        (8, sorted(KINDS.lies | KINDS.quiet), True),
    ],
    ids=["all may change", "most is final", "cross-checked"],
)
def test_tables_are_those_of_the_chain(database_url: str, finality: int, lies: list[str], cross_check: bool) -> None:
    """Final table = table of the final chain, for any forks, lies, troubles and crashes; and so after every step."""
    settings_ = Settings.model_validate({"database": {"url": database_url}})
    with asyncio.Runner() as runner:
        db = runner.run(Database.open(settings_, Registry(), application_name="model"))
        genesis = FakeChain()
        runner.run(claim_chain(db, "fake", genesis.chain_id, genesis.blocks[0].hash))
        runner.run(prepare(db, STREAMS))

        @settings(
            max_examples=EXAMPLES // 3,
            deadline=None,
            phases=[Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink],
            suppress_health_check=list(HealthCheck),
        )
        @given(actions_with(lies))
        @example([("mine", [[], [4, 0]]), ("steps", 2), ("reorg", 2, [[], [0, 5]], 0)])
        @example(NO_RECEIPTS_LEFT)
        def one(actions: list[Any]) -> None:
            print("ACTIONS", actions)
            runner.run(play(db, finality, actions, cross_check=cross_check))

        try:
            one()
        finally:
            runner.run(db.close())
