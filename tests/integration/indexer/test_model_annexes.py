"""A contract that is given addresses and events while it is indexed, against random chains, forks and crashes."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

from indexer import backfill
from indexer.events import EventSpec
from indexer.layout import claim_chain, prepare
from indexer.model import Cursor
from indexer.streams import Stream, stream
from shared.db import Database
from shared.metrics import Registry
from shared.settings import Settings
from tests.fakes.chain import FakeChain, FakeLog
from tests.fakes.quick import Heres
from tests.integration.indexer.test_model import EXAMPLES, KINDS, NODE, Game, Place, decoded, finished, value_of
from tests.integration.indexer.world import DESK, NOTE, TOKEN, TRANSFER, note, transfer

ADDRESSES, EVENTS = (TOKEN, DESK), (TRANSFER, NOTE)


def shop(addresses: Sequence[bytes] = ADDRESSES, events: Sequence[EventSpec] = EVENTS) -> Stream:
    return stream("shop/token", "fake", "shop", events, addresses, 1)


class Edited(Game):
    """One example: between steps the config may come to name other addresses and events of the one contract."""

    def __init__(self, db: Database, *, cross_check: bool) -> None:
        super().__init__(db, 8, [shop()])
        self.cross_check = cross_check

    async def edit(self, addresses: Sequence[bytes], events: Sequence[EventSpec]) -> None:
        """The config is edited, and the indexer begins again with it."""
        self.streams = await prepare(self.db, [shop(addresses, events)])
        await self.restart()
        await self.check()

    def log(self, kind: int) -> FakeLog:
        self.number += 1
        address = ADDRESSES[kind % 2]
        made = [
            lambda: transfer(self.number, address),
            lambda: note(f"n{self.number}", self.number, address),
            lambda: FakeLog(address, transfer(1).topics, b"\x01"),
            lambda: transfer(self.number, b"\x99" * 20),
        ]
        return made[kind // 2]()

    async def check(self) -> None:
        """Every stream's part of every table is exactly what the chain that ends at its cursor holds."""
        cursors = await self.store.cursors([one.key for one in self.streams])
        async with self.db.connection() as cx:
            for one in self.streams:
                for event, table in one.tables.items():
                    rows = await cx.fetch(
                        f"select * from {table.qualified} where address = any($1) order by block_number, log_index",
                        list(one.addresses),
                    )
                    found = [
                        (r["block_number"], r["block_hash"], r["log_index"], r["tx_hash"], value_of(r)) for r in rows
                    ]
                    assert found == self.logs_of(one, event, cursors[one.key]), f"{one.key} {table}"

    def logs_of(self, one: Stream, event: EventSpec, cursor: Cursor) -> list[Place]:
        """What a stream has to have stored of an event."""
        return [
            (block.number, block.hash, index, block.tx_hash(0), decoded(log))
            for block, index, log in self.history(cursor)
            if log.address in one.addresses and log.topics[0] == event.topic0 and len(log.data) > 1
        ]


SHAPE = st.lists(st.integers(0, 7), max_size=3)
BLOCKS = st.lists(SHAPE, min_size=1, max_size=4)
EDIT = st.tuples(
    st.just("edit"),
    st.lists(st.sampled_from(ADDRESSES), min_size=1, unique=True),
    st.lists(st.sampled_from(EVENTS), min_size=1, unique=True),
)
MANY = st.tuples(st.just("mine_many"), st.integers(70, 150))
ACTION = st.one_of(
    EDIT,
    MANY,
    st.tuples(st.just("mine"), BLOCKS),
    st.tuples(st.just("reorg"), st.integers(1, 8), BLOCKS, st.integers(-3, 3)),
    st.tuples(st.just("surprise"), st.integers(1, 5), st.integers(1, 8), BLOCKS),
    st.tuples(st.just("trouble"), NODE, st.sampled_from(sorted(KINDS.troubles)), st.integers(1, 3)),
    st.tuples(st.just("break_store"), st.sampled_from(["before", "after"])),
    st.just(("restart",)),
    st.just(("backfill",)),
    st.tuples(st.just("steps"), st.integers(1, 3)),
)


@st.composite
def stories(draw: st.DrawFn, lies: Sequence[str]) -> list[Any]:
    """Edits far below the tip, each with something else before it is caught up with, be it by what a node says."""
    lie = st.tuples(st.just("lie"), st.sampled_from(lies), st.integers(1, 6)) if lies else st.nothing()
    return [
        action
        for _ in range(draw(st.integers(1, 3)))
        for action in (
            draw(EDIT),
            *([draw(MANY)] if draw(st.booleans()) else []),
            *draw(st.lists(ACTION | lie, max_size=2)),
            ("backfill",),
            ("steps", draw(st.integers(1, 4))),
        )
    ]


AT_ONCE: list[Any] = [
    ("edit", [TOKEN], [TRANSFER]),
    ("mine_many", 100),
    ("backfill",),
    ("steps", 3),
    ("edit", ADDRESSES, EVENTS),
    ("backfill",),
]
"""An address and an event in one edit make two annexes of one table; the quick path kept the rows of one of them."""


@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    ("cross_check", "lies"), [(False, []), (True, sorted(KINDS.lies | KINDS.quiet))], ids=["plain", "cross-checked"]
)
def test_tables_are_those_of_the_chain_whatever_is_added(
    cross_check: bool, lies: list[str], database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Final table = table of the final chain, for any edits of what is wanted, with columns decoding what is final."""
    heres = Heres()
    monkeypatch.setattr(backfill, "SECOND_PROCESS_BLOCKS", 2)
    monkeypatch.setattr(backfill, "decode_process", heres)
    monkeypatch.setattr("os.cpu_count", lambda: 2)
    settings_ = Settings.model_validate({"database": {"url": database_url}})
    with asyncio.Runner() as runner:
        db = runner.run(Database.open(settings_, Registry(), application_name="model"))
        genesis = FakeChain()
        runner.run(claim_chain(db, "fake", genesis.chain_id, genesis.blocks[0].hash))
        runner.run(prepare(db, [shop()]))

        @settings(
            max_examples=EXAMPLES // 40,
            deadline=None,
            phases=[Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink],
            suppress_health_check=list(HealthCheck),
        )
        @given(stories(lies))
        @example(AT_ONCE)
        def one(actions: list[Any]) -> None:
            print("ACTIONS", actions)
            runner.run(finished(Edited(db, cross_check=cross_check), actions))

        try:
            one()
        finally:
            runner.run(db.close())
    together = [here for here in heres.opened if len(here.sources) > 1]
    assert sum(here.rows for here in together) > 0
