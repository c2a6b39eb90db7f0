"""Recovery by people: what was taken back is read again, and the tables are those of the chain."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import pytest
from click.testing import CliRunner, Result

from indexer import catch_up, cli, keeper, recovery
from indexer.cli import backfill
from indexer.errors import CursorMoved, StreamForgotten, WrongChain
from indexer.layout import View, claim_chain, create_views
from indexer.recovery_cli import reindex, reset, rollback
from indexer.streams import stream
from indexer.wiring import open_keepers
from shared import config
from shared.db import Database
from shared.errors import ConfigError, LeaseHeld, LeaseLost, UsdxError
from shared.lease import lease
from shared.metrics import Registry
from shared.runtime import Stop
from shared.settings import Settings
from shared.worker import open_worker
from tests.adversity.shop import (
    ITEMS,
    STREAMS,
    TOKEN,
    TRANSFER,
    Life,
    config_text,
    differences,
    expected,
    write_protocol,
)
from tests.fakes.chain import FakeChain
from tests.fakes.node import FakeNode, served
from tests.integration.indexer.world import Reader, token, until_idle, worker


@dataclass
class Shop:
    """A shop whose chain was indexed up to its tip."""

    life: Life
    settings: Settings
    config: Path
    db: Database

    async def catch_up(self) -> None:
        await catch_up.run(self.settings)

    async def assert_right(self) -> None:
        cx = await asyncpg.connect(self.db.url)
        assert await differences(cx, self.life, at_head=True) == []
        await cx.close()

    async def hide_a_birth(self) -> None:
        """As if a node had hidden a contract's births while they were indexed, and so all that the contract said."""
        async with self.db.connection() as cx:
            await cx.execute("delete from shop.mint_born where child = $1", ITEMS[0])
            await cx.execute("delete from shop.item_note where address = $1", ITEMS[0])

    async def at(self) -> dict[str, int]:
        async with self.db.connection() as cx:
            return {row[0]: row[1] for row in await cx.fetch("select stream, block_number from usdx.cursors")}


@pytest.fixture
async def shop(database_url: str, tmp_path: Path) -> AsyncIterator[Shop]:
    life = Life(random.Random(7))
    life.grow(150)
    life.live()
    async with AsyncExitStack() as stack:
        url = await stack.enter_async_context(served(FakeNode(life.chain, finality_depth=life.finality)))
        file = tmp_path / "usdx.toml"
        file.write_text(config_text(write_protocol(tmp_path / "shop"), database_url, {"node": url}, 0))
        settings = config.load(file, {})
        db = await stack.enter_async_context(await Database.open(settings, Registry(), application_name="test"))
        one = Shop(life, settings, file, db)
        await one.catch_up()
        await one.assert_right()
        yield one


async def called(command: object, shop: Shop, *arguments: str) -> Result:
    """The command as a person calls it."""
    return await asyncio.to_thread(CliRunner().invoke, command, ["--config", str(shop.config), *arguments])  # type: ignore[arg-type]


@pytest.mark.parametrize("back", [0, 1, 5, 9, 60, 149, 1000])
async def test_a_rollback_is_made_good(shop: Shop, back: int) -> None:
    """From any block, final or not, that streams are taken back to, the indexer comes to the same tables."""
    to = max(0, shop.life.chain.head.number - back)
    done = await called(rollback, shop, "--to", str(to), "--yes")
    assert done.exit_code == 0, done.output
    assert all(number <= max(to, 4) for number in (await shop.at()).values()), "desk begins at block 5"
    shop.life.fork(3, 4)
    shop.life.grow(3)
    await shop.catch_up()
    await shop.assert_right()


async def test_a_dry_run_tells_the_truth(shop: Shop) -> None:
    """--dry-run changes nothing, and names exactly what is deleted afterwards."""
    streams = recovery.chosen(await recovery.configured(shop.db, shop.settings), ())
    for to in (140, 70, 0):
        would = await recovery.roll_back(shop.db, streams, to, dry=True)
        assert would == await recovery.roll_back(shop.db, streams, to, dry=True)
        assert would == await recovery.roll_back(shop.db, streams, to, dry=False)
        assert sum(sum(one.rows.values()) for one in would) > 0
    said = await called(reset, shop, "--dry-run")
    assert said.exit_code == 0
    assert "shop/token" in said.output
    assert set(await shop.at()) == set(STREAMS)


async def test_one_stream_alone(shop: Shop) -> None:
    """Only the named stream goes back; what a factory made goes with the factory."""
    tip = shop.life.chain.head.number
    assert (await called(rollback, shop, "--to", "50", "--stream", "shop/desk", "--yes")).exit_code == 0
    assert await shop.at() == dict.fromkeys(STREAMS, tip) | {"shop/desk": 50}
    assert (await called(rollback, shop, "--to", "60", "--stream", "shop/mint", "--yes")).exit_code == 0
    assert await shop.at() == dict.fromkeys(STREAMS, tip) | {"shop/desk": 50, "shop/mint": 60, "shop/item": 60}
    await shop.catch_up()
    await shop.assert_right()


async def test_reindexed_streams_begin_anew(shop: Shop) -> None:
    """`usdx reindex` forgets the stream and its rows; the next start reads them all again."""
    done = await called(reindex, shop, "shop/mint", "--yes")
    assert done.exit_code == 0, done.output
    assert set(await shop.at()) == {"shop/token", "shop/desk"}
    await shop.catch_up()
    await shop.assert_right()


async def test_a_reset_leaves_nothing(shop: Shop) -> None:
    """After `usdx reset` the database is as before the first start, even for another chain of the same name."""
    former = stream("former/token", "fake", "former", [TRANSFER], [TOKEN], 0)  # a protocol that left the config
    await until_idle(await worker(shop.db, Reader(shop.life.chain), former))
    await create_views(
        shop.db, [View("former", "all_of_it", "create view former.all_of_it as table former.token_transfer")]
    )
    async with shop.db.connection() as cx:
        await cx.execute("insert into usdx.figure_refreshes values ('tvl', now(), 1)")
        await cx.execute("comment on table shop.desk_note is 'by which it is known no more'")
        await cx.execute(
            "insert into usdx.reorgs (chain, streams, ancestor, from_block, events) values ('fake','{}',1,2,3)"
        )
    done = await called(reset, shop, "--yes")
    assert done.exit_code == 0, done.output
    async with shop.db.connection() as cx:
        for name in ("chains", "cursors", "checkpoints", "coverage", "undecoded_logs", "views", "scopes", "reorgs"):
            assert await cx.fetchval(f"select count(*) from usdx.{name}") == 0, name
        assert await cx.fetchval("select count(*) from pg_tables where schemaname in ('shop', 'former')") == 0
        assert await cx.fetchval("select count(*) from usdx.figure_refreshes") == 1, "what others store stays"
    await shop.catch_up()
    await shop.assert_right()


async def test_a_reset_frees_a_name_that_was_only_claimed(shop: Shop) -> None:
    """After a start that came no further than the chain's name, too, another chain may have it; the advice says how."""
    await called(reset, shop, "--yes")
    await claim_chain(shop.db, "fake", 1337, b"old")
    with pytest.raises(WrongChain) as told:
        await claim_chain(shop.db, "fake", 1337, b"new")
    assert "usdx reset" in told.value.advice
    done = await called(reset, shop, "--yes")
    assert (done.exit_code, "id 1337" in done.output) == (0, True), done.output
    await claim_chain(shop.db, "fake", 1337, b"new")
    assert "nothing to take back" not in (await called(reset, shop, "--dry-run")).output
    await called(reset, shop, "--yes")
    assert "nothing to take back" in (await called(reset, shop, "--yes")).output


async def test_a_reset_leaves_chains_of_other_configs(shop: Shop) -> None:
    """Rows, streams and identity of a chain that this config does not name stay, in shared tables and in its own."""
    async with shop.db.connection() as cx:
        await cx.execute("insert into usdx.chains values ('moon', 7, '')")
        await cx.execute(
            "insert into usdx.cursors (stream, chain, start_block, block_number) values ('m/a', 'moon', 0, 9)"
        )
        await cx.execute("create table moved as table shop.token_transfer; update moved set chain_id = 7")
        await cx.execute("insert into shop.token_transfer table moved")
        kept = await cx.fetchval("select count(*) from moved")
    done = await called(reset, shop, "--yes")
    assert done.exit_code == 0, done.output
    assert "chain moon: stays" in done.output
    async with shop.db.connection() as cx:
        assert await cx.fetchval("select array_agg(distinct chain_id) from shop.token_transfer") == [7]
        assert await cx.fetchval("select count(*) from shop.token_transfer") == kept > 0
        assert await cx.fetchval("select count(*) from shop.desk_note") == 0
        assert await cx.fetchval("select array_agg(stream) from usdx.cursors") == ["m/a"]
        assert await cx.fetchval("select array_agg(chain) from usdx.chains") == ["moon"]
    await shop.catch_up()


async def test_a_backfill_that_begins_streams_anew(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """`usdx backfill --reindex` is as careful as `usdx reindex`; what had not begun is no obstacle."""
    ran: list[object] = []
    monkeypatch.setattr(cli, "run_worker", lambda *args: ran.append(args))
    line = (backfill, shop, "--reindex", "shop/mint")
    assert "dry run: shop/mint" in (await called(*line, "--dry-run")).output
    assert (await called(*line)).exit_code == 2
    assert (await called(backfill, shop, "--dry-run")).exit_code == 2
    assert (await called(backfill, shop, "--reindex", "shop/nobody", "--yes")).exit_code == 2
    async with lease(shop.db, "chain fake"):
        refused = await called(*line, "--yes")
        assert "an indexer works on chain fake" in refused.output
        assert refused.exit_code == 1
    await shop.assert_right()
    assert ran == []
    for said in ("done: shop/mint", "nothing to take back"):
        done = await called(*line, "--yes")
        assert (done.exit_code, said in done.output) == (0, True), done.output
        assert set(await shop.at()) == {"shop/token", "shop/desk"}
    assert len(ran) == 2
    await shop.catch_up()
    await shop.assert_right()


async def test_who_holds_the_lease_lays_out(shop: Shop) -> None:
    """Beside a working indexer others start, and repair: annexes wait for a restart, births are learned."""
    file = shop.config.parent / "shop" / "protocol.toml"
    file.write_text(file.read_text().replace(f'"0x{TOKEN.hex()}"', f'["0x{TOKEN.hex()}", "0x{"99" * 20}"]'))
    stop = Stop()
    async with keeping(shop) as one, keeping(shop) as other:
        await one.start()
        working = asyncio.create_task(one.keep(stop))
        try:
            await until(shop, "shop/token+1")
            await other.start()
            assert await audited(other) == {}
            assert not other.is_laid_out
            assert other.state.done_ratio() is None, "who stands by has done nothing, and does not claim all"
            shop.life.grow(3)
            await until(shop, "shop/token+1")
            await shop.hide_a_birth()
            assert set(await audited(other)) == {"shop/mint"}
            shop.life.grow(3)
            await until(shop, "shop/item")
            assert one.state.halted == ""
        finally:
            stop.set()
            await working
        await other.catch_up(Stop())
        assert other.is_laid_out
    assert set(await shop.at()) == set(STREAMS)
    async with shop.db.connection() as cx:
        found = await cx.fetchval("select count(*) from shop.token_transfer where address = $1", b"\x99" * 20)
        notes = await cx.fetchval("select count(*) from shop.item_note")
    assert notes == len(expected("item_note", shop.life.chain.blocks))
    assert found == sum(log.address == b"\x99" * 20 for block in shop.life.chain.blocks for log in block.logs) > 0


async def test_who_was_overtaken_takes_the_lease_again(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who finds a cursor moved, by a repair or by who took over, gives up the lease and begins anew; nothing halts.

    Each time it is back as soon as the first time: what was lost before does not lengthen the wait.
    """
    real, failed, overtakings, waits = keeper.follow, keeper.Keeper._failed, iter(range(4)), []

    async def overtaken(*args: object, **kwargs: object) -> None:
        if next(overtakings, None) is not None:
            raise CursorMoved("shop/token: not at block 5 any more")
        await real(*args, **kwargs)  # type: ignore[arg-type]

    def heard(one: keeper.Keeper, exc: UsdxError, lost_s: float) -> None:
        assert isinstance(exc, LeaseLost)
        assert "not at block 5 any more" in str(exc)
        waits.append(lost_s)
        failed(one, exc, lost_s)

    monkeypatch.setattr(keeper, "follow", overtaken)
    monkeypatch.setattr(keeper.Keeper, "_failed", heard)
    shop.life.grow(3)
    stop = Stop()
    async with keeping(shop) as one:
        working = asyncio.create_task(one.keep(stop))
        try:
            await until(shop, "shop/token")
            assert one.state.halted == ""
        finally:
            stop.set()
            await working
    assert waits == [waits[0]] * 4
    await shop.assert_right()


@asynccontextmanager
async def keeping(shop: Shop) -> AsyncIterator[keeper.Keeper]:
    """The chain's keeper in a process of its own, as it were."""
    settings = config.load(shop.config, {})
    async with open_worker("indexer", settings) as worker_, open_keepers(worker_) as (one,):
        yield one


async def audited(one: keeper.Keeper) -> dict[str, int]:
    """What a repairing audit found, by stream."""
    auditor = await one.auditor(None)
    found = [done async for done in auditor.audit(Stop(), repair=True, again=True)]
    assert {done.stream for done in found} >= set(STREAMS) - {"shop/item"}
    return {done.stream: done.violations for done in found if done.violations}


async def until(shop: Shop, key: str) -> None:
    """Wait until all streams, one of this name among them, stand at the chain's head."""
    async with asyncio.timeout(30):
        while (at := await shop.at()).get(key) is None or set(at.values()) != {shop.life.chain.head.number}:
            await asyncio.sleep(0.02)


async def test_refused_while_an_indexer_works(shop: Shop) -> None:
    """Nothing is changed while a worker holds the lease, or stands by to take it."""
    streams = recovery.chosen(await recovery.configured(shop.db, shop.settings), ())
    async with lease(shop.db, "chain fake"):
        for command, arguments in ((rollback, ["--to", "5"]), (reindex, ["shop/token"]), (reset, [])):
            done = await called(command, shop, *arguments, "--yes")
            assert done.exit_code == 1, done.output
            assert "an indexer works on chain fake" in done.output
    waiting = asyncio.Event()

    async def stand_by() -> None:
        async with lease(shop.db, "chain fake", waiting=waiting.set):
            pass

    async with lease(shop.db, "chain fake"):
        other = asyncio.create_task(stand_by())
        await waiting.wait()
        with pytest.raises(LeaseHeld):
            async with recovery.alone(shop.db, ["fake"]):
                pass
    await other
    assert len(streams) == len(STREAMS)
    await shop.assert_right()


async def test_nothing_without_a_word(shop: Shop) -> None:
    """Without --yes and without a terminal nothing is deleted; unknown names and no block are refused."""
    for command, arguments in ((rollback, ["--to", "5"]), (reindex, ["shop/token"]), (reset, [])):
        done = await called(command, shop, *arguments)
        assert done.exit_code == 2, done.output
        assert "--yes" in done.output
    assert (await called(reindex, shop, "shop/nobody", "--yes")).exit_code == 2
    assert (await called(rollback, shop, "--to", "5", "--chain", "moon", "--yes")).exit_code == 2
    assert (await called(rollback, shop, "--yes")).exit_code == 2
    with pytest.raises(ConfigError, match="shop/nobody: not in this config and database"):
        recovery.chosen(await recovery.configured(shop.db, shop.settings), ["shop/nobody"])
    await shop.assert_right()


async def test_a_reset_under_a_worker_is_noticed(db: Database) -> None:
    """A worker whose streams were forgotten while it stood by halts with one clear word; it does not idle for ever."""
    fake = FakeChain()
    fake.mine_empty(3)
    one = await worker(db, Reader(fake), token())
    async with db.connection() as cx:
        await cx.execute("delete from usdx.cursors")
    with pytest.raises(StreamForgotten, match="shop/token"):
        await one.step()
