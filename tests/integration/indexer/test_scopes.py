"""Addresses and events added to a stream, or taken away."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from indexer.events import EventSpec
from indexer.model import Committed
from indexer.scopes import scope_of, split
from indexer.signature import parse_signature
from indexer.streams import Parent, Stream, stream
from shared.db import Database
from tests.fakes.chain import FakeChain, FakeLog
from tests.integration.indexer.test_factories import born, notes
from tests.integration.indexer.world import NOTE, TRANSFER, Reader, note, transfer, until_idle, worker

ONE, TWO, MINT, OTHER, CHILD = (bytes([number]) * 20 for number in (0x11, 0x12, 0x31, 0x32, 0x41))
BORN = parse_signature("event Born(address indexed child)")


def shop(addresses: Sequence[bytes] = (ONE,), events: Sequence[EventSpec] = (TRANSFER,)) -> Stream:
    return stream("shop/token", "fake", "shop", events, addresses, 0)


@pytest.fixture
def fake() -> FakeChain:
    chain = FakeChain()
    for number in range(10):
        chain.mine(transfer(number, ONE), transfer(100 + number, TWO), note(f"one {number}", address=ONE))
    return chain


async def run(db: Database, fake: FakeChain, *streams: Stream) -> list[str]:
    """Bring the streams to the tip; which ones moved."""
    steps = await until_idle(await worker(db, Reader(fake), *streams))
    return sorted({key for step in steps if isinstance(step, Committed) for key in step.streams})


async def stored(db: Database, table: str = "token_transfer") -> int:
    async with db.connection() as cx:
        return int(await cx.fetchval(f"select count(*) from shop.{table}"))


async def test_an_address_added_later_is_indexed_alone_from_its_beginning(db: Database, fake: FakeChain) -> None:
    """Only the new address is asked for again; then both move as one stream."""
    await run(db, fake, shop())
    assert await run(db, fake, shop([ONE, TWO])) == ["shop/token+1"]
    assert await stored(db) == 20
    fake.mine(transfer(1, ONE), transfer(2, TWO))
    assert await run(db, fake, shop([ONE, TWO])) == ["shop/token"]
    assert await stored(db) == 22


async def test_an_event_added_later_is_indexed_alone_from_its_beginning(db: Database, fake: FakeChain) -> None:
    """Only the new event is asked for again."""
    await run(db, fake, shop())
    assert await run(db, fake, shop(events=[TRANSFER, NOTE])) == ["shop/token+1"]
    assert (await stored(db), await stored(db, "token_note")) == (10, 10)
    assert await run(db, fake, shop([ONE, TWO], [TRANSFER, NOTE])) == ["shop/token+1"]
    assert (await stored(db), await stored(db, "token_note")) == (20, 10)


async def test_what_was_taken_away_and_added_again_is_complete(db: Database, fake: FakeChain) -> None:
    """An address that was left out for a while has no gap and nothing twice."""
    await run(db, fake, shop([ONE, TWO]))
    fake.mine(transfer(1, ONE), transfer(2, TWO))
    await run(db, fake, shop([ONE]))
    fake.mine(transfer(3, ONE), transfer(4, TWO))
    await run(db, fake, shop([ONE, TWO]))
    assert await stored(db) == 24


async def test_an_annex_survives_restarts(db: Database, fake: FakeChain) -> None:
    """An annex that was begun goes on, and one added meanwhile is another."""
    await run(db, fake, shop())
    half = await worker(db, Reader(fake, width=3), shop([ONE, TWO]))
    await half.step()
    assert await run(db, fake, shop([ONE, TWO], [TRANSFER, NOTE])) == ["shop/token+1", "shop/token+2"]
    assert (await stored(db), await stored(db, "token_note")) == (20, 10)
    assert await run(db, fake, shop([ONE, TWO], [TRANSFER, NOTE])) == []
    async with db.connection() as cx:
        assert await cx.fetchval("select array_agg(stream) from usdx.cursors") == ["shop/token"]


async def test_children_of_a_factory_added_later(db: Database) -> None:
    """A second factory's children are found, although the first one's were indexed long ago."""
    fake = FakeChain()
    fake.mine(born(MINT, ONE), born(OTHER, CHILD))
    fake.mine(note("one", address=ONE), note("child", address=CHILD))
    fake.mine_empty(3)

    def family(*factories: bytes) -> tuple[Stream, Stream]:
        mint = stream("shop/mint", "fake", "shop", [BORN], factories, 0)
        parent = Parent(("shop/mint",), mint.tables[BORN], "child")
        return mint, stream("shop/item", "fake", "shop", [NOTE], [], 0, (), parent)

    await run(db, fake, *family(MINT))
    assert await notes(db, "item_note") == ["one"]
    await run(db, fake, *family(MINT, OTHER))
    assert await notes(db, "item_note") == ["one", "child"]
    fake.mine(FakeLog(CHILD, *_parts(note("more"))))
    await run(db, fake, *family(MINT, OTHER))
    assert await notes(db, "item_note") == ["one", "child", "more"]


def _parts(log: FakeLog) -> tuple[tuple[bytes, ...], bytes]:
    return log.topics, log.data


async def test_an_event_added_to_children(db: Database) -> None:
    """A new event of contracts that a factory made is indexed from their births."""
    fake = FakeChain()
    fake.mine(note("too early", address=ONE))
    fake.mine(born(MINT, ONE), transfer(5, ONE), note("one", address=ONE))
    mint = stream("shop/mint", "fake", "shop", [BORN], [MINT], 0)
    parent = Parent(("shop/mint",), mint.tables[BORN], "child")
    await run(db, fake, mint, stream("shop/item", "fake", "shop", [TRANSFER], [], 0, (), parent))
    both = stream("shop/item", "fake", "shop", [TRANSFER, NOTE], [], 0, (), parent)
    assert await run(db, fake, mint, both) == ["shop/item+1"]
    assert await notes(db, "item_note") == ["one"]
    assert await stored(db, "item_transfer") == 1


def test_a_split_covers_everything_once() -> None:
    """Main stream and annexes together want each pair of address and event exactly once."""
    whole = shop([ONE, TWO, MINT], [TRANSFER, NOTE])
    covered = scope_of(shop([ONE, TWO]))
    parts = split(whole, covered, {"shop/token+1": scope_of(shop([MINT]))})
    scopes = [scope_of(one) for one in parts.streams]
    assert frozenset().union(*scopes) == scope_of(whole)
    assert sum(map(len, scopes)) == len(scope_of(whole))
    assert [one.key for one in parts.streams] == ["shop/token", "shop/token+1", "shop/token+2"]
