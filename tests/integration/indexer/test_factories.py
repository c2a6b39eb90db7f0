"""Contracts that other contracts made."""

from __future__ import annotations

import pytest

from indexer.model import Committed
from indexer.signature import parse_signature
from indexer.streams import Parent, Stream, stream
from shared.db import Database
from tests.fakes.chain import FakeChain, FakeLog
from tests.integration.indexer.world import NOTE, Reader, note, until_idle, worker

BORN = parse_signature("event Born(address indexed child)")
SHOP, X, Y, P = (bytes([number]) * 20 for number in (0x31, 0x41, 0x42, 0x51))


def born(factory: bytes, child: bytes) -> FakeLog:
    assert BORN.topic0 is not None
    return FakeLog(factory, (BORN.topic0, bytes(12) + child))


def family(start: int = 0) -> tuple[Stream, Stream, Stream]:
    """A factory, what it makes, and what that makes."""
    mint = stream("shop/mint", "fake", "shop", [BORN], [SHOP], start)
    item = stream(
        "shop/item", "fake", "shop", [NOTE, BORN], [], start, (), Parent(("shop/mint",), mint.tables[BORN], "child")
    )
    part = stream(
        "shop/part", "fake", "shop", [NOTE], [], start, (), Parent(("shop/item",), item.tables[BORN], "child")
    )
    return mint, item, part


async def notes(db: Database, table: str) -> list[str]:
    async with db.connection() as cx:
        rows = await cx.fetch(f"select text from shop.{table} order by block_number, log_index")
    return [row[0] for row in rows]


@pytest.fixture
def fake() -> FakeChain:
    chain = FakeChain()
    chain.mine(note("too early", address=X))
    chain.mine(note("same block, before", address=X), born(SHOP, X), note("same block, after", address=X))
    chain.mine(born(X, P), note("part", address=P))
    chain.mine(born(SHOP, Y), note("y", address=Y), note("x", address=X), note("stranger", address=b"\x77" * 20))
    return chain


@pytest.mark.parametrize("width", [1, 2, 1000])
async def test_children_are_indexed_from_the_block_of_their_birth(db: Database, fake: FakeChain, width: int) -> None:
    """Whatever the ranges are, logs of a child, and of its own children, count from the block of birth."""
    reader = Reader(fake, width=width)
    await until_idle(await worker(db, reader, *family()))
    assert await notes(db, "item_note") == ["same block, before", "same block, after", "y", "x"]
    assert await notes(db, "part_note") == ["part"]
    fake.mine(note("later", address=P), note("later", address=Y))
    await until_idle(await worker(db, reader, *family()))
    assert await notes(db, "part_note") == ["part", "later"]


async def test_an_orphaned_birth_makes_no_child(db: Database, fake: FakeChain) -> None:
    """After a reorg a contract that was not made there is not indexed."""
    one = await worker(db, Reader(fake), *family())
    await until_idle(one)
    fake.reorg(1, [note("y", address=Y), note("x again", address=X)])
    await until_idle(one)
    assert (await notes(db, "item_note"))[-1] == "x again"
    fake.mine(note("y", address=Y))
    await until_idle(one)
    assert "y" not in await notes(db, "item_note")


async def test_a_child_stream_added_later(db: Database, fake: FakeChain) -> None:
    """What a factory made long ago is found in its table, and never overtakes it."""
    mint, item, part = family()
    await until_idle(await worker(db, Reader(fake), mint))
    steps = await until_idle(await worker(db, Reader(fake), mint, item, part))
    assert [step.streams for step in steps if isinstance(step, Committed)] == [("shop/item", "shop/part")]
    assert await notes(db, "item_note") == ["same block, before", "same block, after", "y", "x"]
    assert await notes(db, "part_note") == ["part"]


async def test_a_child_moved_by_another_worker_stays_below_its_factory(db: Database, fake: FakeChain) -> None:
    """A worker that has a child without its factory stops where the factory stands. That is not the tip: what comes
    after it is history, not live."""
    mint, item, _ = family()
    upper, lower = await worker(db, Reader(fake), mint, item), await worker(db, Reader(fake), mint, item)
    upper.release(["shop/item"])
    lower.release(["shop/mint"])
    fake.mine(note("before", address=Y))
    await until_idle(lower)
    assert await notes(db, "item_note") == []
    await until_idle(upper)
    steps = await until_idle(lower)
    assert await notes(db, "item_note") == ["same block, before", "same block, after", "y", "x", "before"]
    fake.mine(note("now", address=Y))
    await upper.step()
    steps += await until_idle(lower)
    assert [step.live for step in steps if isinstance(step, Committed)] == [False, True]


async def test_a_child_made_again_by_a_factory_found_late(db: Database) -> None:
    """When a factory is found in the range in which it made what was made again later, the first birth counts."""
    fake = FakeChain()
    fake.mine(born(SHOP, X))
    fake.mine(born(SHOP, Y))
    fake.mine(born(Y, P), note("between", address=P))
    fake.mine(born(X, P), note("after", address=P))
    await until_idle(await worker(db, Reader(fake), *family()))
    assert await notes(db, "part_note") == ["between", "after"]


async def test_a_factory_comes_back_from_a_fork_before_its_children_go_on(db: Database) -> None:
    """A child that lags behind its factory never takes births from a fork that the factory has yet to leave."""
    fake = FakeChain()
    fake.mine_empty(3)
    fake.mine(born(SHOP, X))
    mint, item, _ = family()
    await until_idle(await worker(db, Reader(fake), mint))
    fake.reorg(1, [note("never born", address=X)])
    await until_idle(await worker(db, Reader(fake), mint, item))
    assert await notes(db, "item_note") == []
