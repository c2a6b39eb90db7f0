"""Streams that are taken back while parts of them stand elsewhere."""

from __future__ import annotations

import pytest

from indexer import recovery
from indexer.erasure import erase
from shared.db import Database
from tests.fakes.chain import FakeChain
from tests.integration.indexer.test_scopes import ONE, TRANSFER, TWO, emitted, rows, run, shop
from tests.integration.indexer.world import Reader, transfer, until_idle, worker

BOTH = [ONE, TWO]


@pytest.fixture
def fake() -> FakeChain:
    chain = FakeChain()
    for number in range(10):
        chain.mine(transfer(number, ONE), transfer(100 + number, TWO))
    return chain


async def halfway(db: Database, fake: FakeChain, final: int, annexed: int) -> None:
    """A stream at the tip and an annex of it that stands at a block further down."""
    await until_idle(await worker(db, Reader(fake, final), shop()))
    half = await worker(db, Reader(fake, final, width=1), shop(BOTH))
    await half.load()
    while half.cursors["shop/token+1"].number < annexed:
        await half.step()
    assert half.cursors["shop/token"].number == fake.head.number


async def positions(db: Database) -> dict[str, int]:
    async with db.connection() as cx:
        return {row[0]: row[1] for row in await cx.fetch("select stream, block_number from usdx.cursors")}


@pytest.mark.parametrize(
    ("final", "annexed", "to"), [(-1, 2, 0), (-1, 6, 4), (3, 6, 4), (3, 2, 7), (3, 6, 2), (8, 6, 7), (8, 6, 5)]
)
async def test_annexes_go_back_with_their_stream(
    db: Database, fake: FakeChain, final: int, annexed: int, to: int
) -> None:
    """Wherever an annex stands: no row is above a cursor, none is missing below, and the next start makes it good."""
    await halfway(db, fake, final, annexed)
    would = await recovery.roll_back(db, [shop(BOTH)], to, dry=True)
    done = await recovery.roll_back(db, [shop(BOTH)], to, dry=False)
    assert done == would
    at = await positions(db)
    assert at["shop/token"] <= to
    assert at["shop/token+1"] <= min(to, annexed)
    fake.reorg(2, [transfer(501, ONE), transfer(601, TWO)])
    await until_idle(await worker(db, Reader(fake), shop(BOTH)))
    assert await rows(db) == emitted(fake, TRANSFER, ONE, TWO)


async def test_a_reindexed_stream_leaves_no_annex(db: Database, fake: FakeChain) -> None:
    """`usdx reindex` forgets the annexes as well: all begins anew as one stream."""
    await halfway(db, fake, -1, 4)
    (done,) = await recovery.reindex(db, [shop(BOTH)], dry=False)
    assert (done.stream, done.to, done.rows["shop.token_transfer"]) == ("shop/token", None, 14)
    assert await positions(db) == {}
    assert await run(db, fake, shop(BOTH)) == ["shop/token"]
    assert await rows(db) == emitted(fake, TRANSFER, ONE, TWO)


async def test_a_reset_leaves_no_annex(db: Database, fake: FakeChain) -> None:
    """`usdx reset` leaves neither cursors nor the chain's identity."""
    await halfway(db, fake, -1, 4)
    would = await erase(db, ["fake"], dry=True)
    assert would == await erase(db, ["fake"], dry=False)
    assert await positions(db) == {}
    async with db.connection() as cx:
        assert await cx.fetchval("select count(*) from usdx.chains") == 0
