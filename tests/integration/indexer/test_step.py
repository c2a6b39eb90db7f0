"""The step against a fake chain and a real Postgres."""

from collections.abc import Sequence
from typing import Any

import pytest

from indexer.errors import CursorMoved, DeepReorg
from indexer.metrics import ChainState
from indexer.model import Committed, Cursor, Idle, Logs, Range, RolledBack
from indexer.planner import Plan
from indexer.store import Store
from shared.db import Database
from shared.errors import DatabaseUnavailable
from shared.rpc_errors import BehindHead
from tests.fakes.chain import FakeChain
from tests.integration.indexer.world import (
    Reader,
    desk,
    note,
    on_chain,
    token,
    transfer,
    until_idle,
    values,
    worker,
)


@pytest.fixture
def fake() -> FakeChain:
    chain = FakeChain()
    for number in range(20):
        chain.mine(transfer(number), note(f"note {number}"))
    return chain


async def test_every_event_is_stored_once(db: Database, fake: FakeChain) -> None:
    """The table holds the chain's events in order, and a second run adds nothing."""
    reader = Reader(fake)
    assert isinstance((await until_idle(await worker(db, reader, token())))[0], Committed)
    assert await values(db) == on_chain(fake)
    assert isinstance(await (await worker(db, reader, token())).step(), Idle)
    assert await values(db) == on_chain(fake)


async def test_streams_at_one_place_share_requests(db: Database, fake: FakeChain) -> None:
    """Two contracts cost as many requests as one."""
    reader = Reader(fake)
    await until_idle(await worker(db, reader, token(), desk()))
    alone = len(reader.asked)
    assert await values(db) == on_chain(fake)
    async with db.connection() as cx:
        assert await cx.fetchval("select count(*) from shop.desk_note") == 20
    assert alone == 1


async def test_a_new_stream_backfills_alone(db: Database, fake: FakeChain) -> None:
    """A contract added later starts at its own beginning, ends where the others stand and joins them there."""
    reader = Reader(fake)
    await until_idle(await worker(db, reader, token()))
    late = await worker(db, reader, token(), desk())
    steps = await until_idle(late)
    assert [step.streams for step in steps if isinstance(step, Committed)] == [("shop/desk",)]
    fake.mine(transfer(99), note("both"))
    step = await late.step()
    assert isinstance(step, Committed)
    assert step.streams == ("shop/desk", "shop/token")


@pytest.mark.parametrize("depth", [1, 3, 17])
async def test_a_rolled_back_block_leaves_no_rows(db: Database, fake: FakeChain, depth: int) -> None:
    """After a fork of any depth the table is that of the new chain, for every stream."""
    reader = Reader(fake)
    one = await worker(db, reader, token(), desk())
    await until_idle(one)
    fake.reorg(depth, [transfer(1000)], [transfer(1001), note("new")])
    steps = await until_idle(one)
    (back,) = [step for step in steps if isinstance(step, RolledBack)]
    assert back.depth == depth
    assert await values(db) == on_chain(fake)
    async with db.connection() as cx:
        (kept,) = await cx.fetch("select chain, streams, ancestor, from_block, events from usdx.reorgs")
    assert tuple(kept) == (
        back.chain, list(back.streams), back.ancestor, back.ancestor + depth, sum(back.events.values()),
    )  # fmt: skip


async def test_a_fork_during_an_absence_is_noticed(db: Database, fake: FakeChain) -> None:
    """A restart looks whether the block it stood at is still there."""
    await until_idle(await worker(db, Reader(fake), token()))
    fake.reorg(9, [transfer(7)])
    await until_idle(await worker(db, Reader(fake), token()))
    assert await values(db) == on_chain(fake)


async def test_a_shorter_fork_is_noticed(db: Database, fake: FakeChain) -> None:
    """A chain that came back lower but different is rolled back before it has grown past us."""
    one = await worker(db, Reader(fake), token())
    await until_idle(one)
    fake.reorg(8, [transfer(7)], length=2)
    await until_idle(one)
    assert await values(db) == on_chain(fake)


async def test_a_lagging_node_changes_nothing(db: Database, fake: FakeChain) -> None:
    """A tip below ours on our own chain is a slow node, not a reorg."""
    await until_idle(await worker(db, Reader(fake), token()))
    before = await values(db)
    behind = FakeChain(blocks=fake.blocks[:-5])
    assert isinstance(await (await worker(db, Reader(behind), token())).step(), Idle)
    assert await values(db) == before


async def test_a_fork_from_the_first_block_starts_anew(db: Database) -> None:
    """When all that a young stream stored has vanished and nothing was final, it begins again."""
    fake = FakeChain()
    fake.mine_empty(5)
    fake.mine(transfer(1))
    one = await worker(db, Reader(fake, final=2), token(start=4))
    await until_idle(one)
    fake.reorg(4, [transfer(2)], [transfer(3)])
    await until_idle(one)
    assert await values(db) == on_chain(fake, first=4)


async def test_a_reorg_below_finality_deletes_nothing(db: Database, fake: FakeChain) -> None:
    """A fork from below the last finalized block stops the stream; its rows stay."""
    reader = Reader(fake, final=15)
    one = await worker(db, reader, token())
    await until_idle(one)
    before = await values(db)
    fake.reorg(10, [transfer(1000)])
    with pytest.raises(DeepReorg):
        await one.step()
    with pytest.raises(DeepReorg):
        await (await worker(db, reader, token())).step()
    assert await values(db) == before


async def test_checkpoints_below_finality_are_forgotten(db: Database, fake: FakeChain) -> None:
    """Of the finalized blocks only the newest is remembered, so the table stays small."""
    reader = Reader(fake)
    one = await worker(db, reader, token())
    await until_idle(one)
    reader.final = 18
    fake.mine(transfer(5))
    await until_idle(one)
    async with db.connection() as cx:
        rows = await cx.fetch("select block_number from usdx.checkpoints order by block_number")
    assert [row[0] for row in rows] == [18, 19, 20, 21]


async def test_a_cursor_moved_by_another_undoes_the_step(db: Database, fake: FakeChain) -> None:
    """Of two indexers on one stream the slower one stores nothing."""
    one, other = await worker(db, Reader(fake), token()), await worker(db, Reader(fake), token())
    await one.load()
    await until_idle(other)
    with pytest.raises(CursorMoved):
        await one.step()
    assert await values(db) == on_chain(fake)


async def test_an_undecodable_log_is_kept(db: Database, fake: FakeChain) -> None:
    """A log that does not fit its ABI is stored raw with the reason, and the stream goes on."""
    good = transfer(5)
    fake.mine(type(good)(good.address, good.topics, b"\x01"), good)
    step = (await until_idle(await worker(db, Reader(fake), token())))[0]
    assert isinstance(step, Committed)
    assert step.undecoded == 1
    async with db.connection() as cx:
        row = await cx.fetchrow("select reason, data, topics, stream from usdx.undecoded_logs")
    assert tuple(row) == ("out_of_bounds", b"\x01", list(good.topics), "shop/token")
    assert await values(db) == [*range(20), 5]


async def test_only_new_blocks_count_as_live(db: Database, fake: FakeChain) -> None:
    """Rows are handed to counters only for blocks that came after the stream had reached the tip."""
    one = await worker(db, Reader(fake), token())
    steps = await until_idle(one)
    assert not any(isinstance(step, Committed) and (step.live or step.rows) for step in steps)
    fake.mine(transfer(3))
    step = await one.step()
    assert isinstance(step, Committed)
    assert step.live
    assert [row[-1] for row in step.rows["shop.token_transfer"]] == [3]


async def test_a_stream_is_seen_where_its_worker_has_it(db: Database) -> None:
    """What one worker brought up and handed over is not shown where that worker left it, but where it is now."""
    fake = FakeChain()
    fake.mine_empty(100)
    follower, filler = await worker(db, Reader(fake), token()), await worker(db, Reader(fake), token())
    follower.release(["shop/token"])
    await until_idle(filler)
    state = ChainState("fake", follower.horizon, (follower, filler), 60.0)
    follower.adopt(filler.release(["shop/token"]))
    fake.mine_empty(70)
    await until_idle(follower)
    at = state.cursor()
    assert at is not None
    assert at.number == 170
    assert state.done_ratio() == 1


async def test_a_worker_says_what_it_waits_for(db: Database, fake: FakeChain, monkeypatch: pytest.MonkeyPatch) -> None:
    """The node while logs are asked for, the database while rows are written, also when that fails; then nothing."""
    told: list[str] = []

    class Watched(Reader):
        async def logs(self, *args: Any, **kwargs: Any) -> Logs:
            told.append(one.waits_for)
            return await super().logs(*args, **kwargs)

    async def away(self: Store, *args: object) -> Cursor:
        told.append(one.waits_for)
        raise DatabaseUnavailable("away")

    monkeypatch.setattr(Store, "commit", away)
    one = await worker(db, Watched(fake), token())
    with pytest.raises(DatabaseUnavailable):
        await one.step()
    assert told == ["node", "database"]
    assert one.waits_for == ""
    with pytest.raises(BehindHead):
        await one.fetch(Plan(("shop/token",), Cursor(-1, None, None), Range(0, 99), linked=False))
    assert told[2:] == ["node"]
    assert one.waits_for == ""


async def test_streams_that_are_handed_over_while_cursors_are_read(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker that is given a stream while it reads where the others stand takes it up; it does not idle for ever."""
    fake = FakeChain()
    fake.mine(transfer(1))
    one = await worker(db, Reader(fake), token())
    handed = one.release(["shop/token"])
    real = Store.cursors

    async def slowly(self: Store, streams: Sequence[str]) -> dict[str, Cursor]:
        found = await real(self, streams)
        one.adopt(handed)
        handed.clear()
        return found

    monkeypatch.setattr(Store, "cursors", slowly)
    await one.step()
    await until_idle(one)
    assert await values(db) == on_chain(fake)
