"""Addresses and events added to a stream, or taken away."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from indexer.errors import SchemaDrift
from indexer.events import EventSpec
from indexer.layout import laid_out, prepare
from indexer.model import Committed, Range
from indexer.revision import Revision
from indexer.scopes import scope_of, split
from indexer.signature import parse_signature
from indexer.streams import Parent, Stream, stream
from shared.db import Database
from shared.errors import ConfigError
from tests.fakes.chain import FakeChain, FakeLog
from tests.integration.indexer.test_factories import born, notes
from tests.integration.indexer.world import NOTE, TRANSFER, Reader, audited, note, transfer, until_idle, worker

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


async def rows(db: Database, table: str = "token_transfer") -> list[tuple[bytes, bytes]]:
    """Block hash and address of every row, in order."""
    async with db.connection() as cx:
        found = await cx.fetch(f"select block_hash, address from shop.{table} order by block_number, log_index")
    return [tuple(row) for row in found]


def emitted(fake: FakeChain, event: EventSpec, *addresses: bytes) -> list[tuple[bytes, bytes]]:
    """As `rows`, from the chain."""
    return [
        (block.hash, log.address)
        for block in fake.blocks
        for log in block.logs
        if log.topics[0] == event.topic0 and log.address in addresses
    ]


@pytest.mark.parametrize("annexed", [1, 4, 8, 9])
@pytest.mark.parametrize("depth", [2, 9])
async def test_a_fork_while_an_annex_catches_up(db: Database, fake: FakeChain, annexed: int, depth: int) -> None:
    """Wherever an annex stands when the chain forks: it and its stream each take back their own rows only."""
    await run(db, fake, shop())
    half = await worker(db, Reader(fake, width=1), shop([ONE, TWO]))
    for _ in range(annexed):
        await half.step()
    fake.reorg(depth, *[[transfer(500 + number, ONE), transfer(600 + number, TWO)] for number in range(depth)])
    await until_idle(half)
    assert await rows(db) == emitted(fake, TRANSFER, ONE, TWO)
    fake.reorg(1, [transfer(700, ONE)])
    await run(db, fake, shop([ONE, TWO]))
    assert await rows(db) == emitted(fake, TRANSFER, ONE, TWO)


async def test_an_audit_looks_at_a_streams_own_rows(db: Database, fake: FakeChain) -> None:
    """What an annex stored is no invention to the audit of its stream, and a repair of one leaves the other's rows."""
    await run(db, fake, shop())
    half = await worker(db, Reader(fake, width=3), shop([ONE, TWO]))
    await half.step()
    stored_ = Revision(db, fake.chain_id, half.streams.values())
    async with db.connection() as cx:
        await cx.execute("delete from shop.token_transfer where value in (1, 100)")
    for key, place in (("shop/token", (2, 0)), ("shop/token+1", (1, 1))):
        done = await audited(half, stored_, key, Range(0, 2), repair=True)
        assert [(one.missing, one.wrong, one.invented) for one in done.findings] == [([place], [], [])]
    assert (await rows(db))[:4] == emitted(fake, TRANSFER, ONE, TWO)[:4]


async def test_a_table_that_is_gone_is_filled_again(db: Database, fake: FakeChain) -> None:
    """A table that somebody dropped is made anew, and all of its event indexed from the beginning."""
    both = shop(events=[TRANSFER, NOTE])
    await run(db, fake, both)
    async with db.connection() as cx:
        await cx.execute("drop table shop.token_note")
    assert await run(db, fake, both) == ["shop/token+1"]
    assert (await stored(db), await stored(db, "token_note")) == (10, 10)


async def test_an_overload_that_comes_later_keeps_the_rows(db: Database, fake: FakeChain) -> None:
    """An event of the same name changes the name of a table: the start says how to rename it, and nothing is lost."""
    more = parse_signature("event Transfer(address indexed from, address indexed to)")
    await run(db, fake, shop())
    overloaded = shop(events=[TRANSFER, more])
    with pytest.raises(SchemaDrift) as told:
        await prepare(db, [overloaded])
    remedy = str(told.value).splitlines()[-1].strip()
    assert remedy == 'ALTER TABLE "shop"."token_transfer" RENAME TO "token_transfer_address_address_uint256";'
    async with db.connection() as cx:
        await cx.execute(remedy)
    assert await run(db, fake, overloaded) == ["shop/token+1"]
    assert await stored(db, "token_transfer_address_address_uint256") == 10
    with pytest.raises(SchemaDrift, match='RENAME TO "token_transfer"'):
        await prepare(db, [shop()])


async def test_who_only_looks_changes_nothing(db: Database, fake: FakeChain) -> None:
    """An audit takes the streams as they were laid out, annexes too; it makes, merges and drops none."""
    assert await laid_out(db, [shop()]) == ()
    await run(db, fake, shop())
    await run(db, fake, shop([ONE, TWO]))
    found = await laid_out(db, [shop([ONE, TWO, MINT], [TRANSFER])])
    assert [(one.key, one.addresses) for one in found] == [("shop/token", (ONE,)), ("shop/token+1", (TWO,))]
    with pytest.raises(ConfigError, match="shop/token: the indexer runs with addresses or events"):
        await laid_out(db, [shop()])
    assert await stored(db) == 20
    async with db.connection() as cx:
        assert await cx.fetchval("select count(*) from usdx.cursors") == 2
        await cx.execute("drop table shop.token_transfer")
    with pytest.raises(SchemaDrift, match=r"shop.token_transfer: not there; the next start"):
        await laid_out(db, [shop([ONE, TWO])])


def test_a_split_covers_everything_once() -> None:
    """Main stream and annexes together want each pair of address and event exactly once."""
    whole = shop([ONE, TWO, MINT], [TRANSFER, NOTE])
    covered = scope_of(shop([ONE, TWO]))
    parts = split(whole, covered, {"shop/token+1": scope_of(shop([MINT]))})
    scopes = [scope_of(one) for one in parts.streams]
    assert frozenset().union(*scopes) == scope_of(whole)
    assert sum(map(len, scopes)) == len(scope_of(whole))
    assert [one.key for one in parts.streams] == ["shop/token", "shop/token+1", "shop/token+2"]
