"""Audits, second decodings and new beginnings."""

from __future__ import annotations

import pytest

from indexer.audit import gaps
from indexer.errors import SchemaDrift
from indexer.events import EventSpec
from indexer.layout import View, create_views, prepare
from indexer.model import Range
from indexer.recovery import reindex
from indexer.redecode import redecode
from indexer.revision import Revision
from indexer.signature import parse_signature
from indexer.step import Worker
from indexer.streams import Parent, Stream, stream
from shared.db import Database
from shared.errors import ConfigError
from tests.fakes.chain import FakeChain, FakeLog
from tests.integration.indexer.test_factories import SHOP, P, X, Y, born, family, notes
from tests.integration.indexer.world import (
    NOTE,
    Reader,
    audited,
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
    for number in range(12):
        chain.mine(transfer(number), note(f"note {number}"))
    bad = transfer(99)
    chain.mine(FakeLog(bad.address, bad.topics, b"\x01"))
    return chain


async def filled(db: Database, fake: FakeChain, one: Stream) -> tuple[Worker, Revision]:
    done = await worker(db, Reader(fake), one)
    await until_idle(done)
    return done, Revision(db, fake.chain_id, [one])


async def test_an_audit_finds_nothing_where_nothing_is_wrong(db: Database, fake: FakeChain) -> None:
    """Rows that are the chain's are proved so, and the proof is written down."""
    one, stored = await filled(db, fake, token())
    done = await audited(one, stored, "shop/token", Range(0, 13), repair=False)
    assert (done.logs, done.violations, done.findings) == (13, 0, [])
    assert await stored.covered("shop/token") == [(Range(0, 13), True)]


@pytest.mark.parametrize(
    "damage",
    [
        "delete from shop.token_transfer where value = 3",
        "update shop.token_transfer set value = 4 where value = 3",
        "update shop.token_transfer set block_hash = '\\xee' where value = 3",
        "create temp table one as select * from shop.token_transfer where value = 3;"
        "update one set log_index = 77; insert into shop.token_transfer select * from one",
        "delete from usdx.undecoded_logs",
    ],
)
async def test_damage_is_found_and_repaired(db: Database, fake: FakeChain, damage: str) -> None:
    """A row that is missing, wrong or invented is told and, when asked, put right."""
    one, stored = await filled(db, fake, token())
    async with db.connection() as cx:
        await cx.execute(damage)
    found = await audited(one, stored, "shop/token", Range(0, 13), repair=False)
    assert found.violations == 1
    assert str(found.findings[0])
    assert await stored.covered("shop/token") == [(Range(0, 13), False)]
    mended = await audited(one, stored, "shop/token", Range(0, 13), repair=True)
    assert mended.repaired
    assert (await audited(one, stored, "shop/token", Range(0, 13), repair=False)).violations == 0
    assert await values(db) == on_chain(fake)[:-1]
    async with db.connection() as cx:
        assert await cx.fetchval("select count(*) from usdx.undecoded_logs") == 1


async def test_structures_compare_equal(db: Database) -> None:
    """What Postgres spells in its own way, such as JSON, is no difference."""
    event = parse_signature("event Note(uint256[] many, (string a, bytes b)[] pairs, bool c, bytes4 d, int256 e)")
    from eth_abi.abi import encode

    kinds = ["uint256[]", "(string,bytes)[]", "bool", "bytes4", "int256"]
    data = encode(kinds, [[1 << 200, 2], [("x\0\\", b"\xff")], True, b"abcd", -5])
    fake = FakeChain()
    assert event.topic0 is not None
    fake.mine(FakeLog(desk().addresses[0], (event.topic0,), data))
    one, stored = await filled(db, fake, desk(events=[event]))
    assert (await audited(one, stored, "shop/desk", Range(0, 1), repair=False)).violations == 0


def test_audits_go_on_where_they_stopped() -> None:
    """What was proved is not asked again; what was found wrong and left is."""
    done = [(Range(0, 99), True), (Range(100, 199), False), (Range(300, 399), True)]
    assert list(gaps(done, 0, 450)) == [Range(100, 299), Range(400, 450)]
    assert list(gaps([], 5, 4)) == []
    assert list(gaps([], 0, 1000)) == [Range(0, 499), Range(500, 999), Range(1000, 1000)]


async def test_a_mended_abi_decodes_what_was_kept(db: Database, fake: FakeChain) -> None:
    """Undecoded logs become rows once their event is known rightly; those that still do not fit stay."""
    one, stored = await filled(db, fake, token())
    left = await redecode(stored, fake.chain_id, one.streams.values())
    assert (left["shop/token"].rows, left["shop/token"].reasons) == (0, {"out_of_bounds": 1})
    async with db.connection() as cx:
        await cx.execute("update usdx.undecoded_logs set data = $1", (99).to_bytes(32, "big"))
    mended = await redecode(stored, fake.chain_id, one.streams.values())
    assert (mended["shop/token"].rows, mended["shop/token"].left) == (1, 0)
    assert await values(db) == [*range(12), 99]
    async with db.connection() as cx:
        assert await cx.fetchval("select count(*) from usdx.undecoded_logs") == 0


@pytest.mark.parametrize("fresh", [False, True], ids=["the same worker", "after a restart"])
async def test_a_birth_that_comes_to_light_brings_its_children_to_life(db: Database, fresh: bool) -> None:
    """A factory's event that was not understood and now is: its child is indexed from its birth, and so are its own."""
    fake = FakeChain()
    good = born(SHOP, X)
    fake.mine(FakeLog(SHOP, good.topics, b""), note("first", address=X))
    fake.mine(note("x", address=X), born(X, P), note("part", address=P))
    fake.mine(born(SHOP, Y), note("y", address=Y))
    streams = family()
    one = await worker(db, Reader(fake), *streams)
    stored = Revision(db, fake.chain_id, one.streams.values())
    async with db.connection() as cx:  # as if the log had not been understood
        await until_idle(one)
        assert await notes(db, "item_note") == ["first", "x", "y"]
        await cx.execute(
            """insert into usdx.undecoded_logs select 'shop/mint', chain_id, block_number, log_index, block_time,
            block_hash, tx_hash, address, $1, '', 'short', '' from shop.mint_born where child = $2""",
            list(good.topics), X,
        )  # fmt: skip
        await cx.execute("delete from shop.mint_born where child = $1", X)
        for table in ("item_note where address = $1", "item_born where address = $1"):
            await cx.execute(f"delete from shop.{table}", X)
        await cx.execute("delete from shop.part_note")
    done = await redecode(stored, fake.chain_id, one.streams.values())
    assert (done["shop/mint"].rows, done["shop/mint"].left) == (1, 0)
    one.forget()
    await until_idle(await worker(db, Reader(fake), *streams) if fresh else one)
    assert await notes(db, "item_note") == ["first", "x", "y"]
    assert await notes(db, "part_note") == ["part"]


async def test_a_mended_layout_is_read_anew(db: Database) -> None:
    """An ABI that was wrong about what is indexed, mended: its logs are rows, its children live, none is left raw."""
    fake = FakeChain()
    fake.mine(born(SHOP, X), note("x", address=X))
    fake.mine(note("later", address=X))

    def shop(signature: str) -> tuple[Stream, Stream]:
        event = parse_signature(signature)
        mint = stream("shop/mint", "fake", "shop", [event], [SHOP], 0)
        parent = Parent(("shop/mint",), mint.tables[event], "child")
        return mint, stream("shop/item", "fake", "shop", [NOTE], [], 0, (), parent)

    await until_idle(await worker(db, Reader(fake), *shop("event Born(address child)")))
    async with db.connection() as cx:
        assert await cx.fetchval("select count(*) from usdx.undecoded_logs") == 1
    one = await worker(db, Reader(fake), *shop("event Born(address indexed child)"))
    stored = Revision(db, fake.chain_id, one.streams.values())
    assert all(done.left == 0 for done in (await redecode(stored, fake.chain_id, one.streams.values())).values())
    await until_idle(one)
    assert await notes(db, "item_note") == ["x", "later"]


async def test_a_stream_begins_anew(db: Database, fake: FakeChain) -> None:
    """A reset stream stores everything again, others keep what they have."""
    one = await worker(db, Reader(fake), token(), desk())
    await until_idle(one)
    await reindex(db, [token()], dry=False)
    assert await values(db) == []
    again = await worker(db, Reader(fake), token(), desk())
    await until_idle(again)
    assert await values(db) == [*range(12)]


async def test_drift_is_refused_with_its_remedy(db: Database, fake: FakeChain) -> None:
    """A table that no longer fits stops the start and says what mends it; the statement given does."""
    await filled(db, fake, desk())
    renamed = desk(events=[parse_signature("event Note(string memo, uint64 number)")])
    with pytest.raises(SchemaDrift, match='RENAME COLUMN "text" TO "memo"') as told:
        await prepare(db, [renamed])
    statement = next(line for line in str(told.value).splitlines() if "ALTER" in line)
    async with db.connection() as cx:
        await cx.execute(statement)
    await prepare(db, [renamed])


FIRST, SECOND = parse_signature("HTTPServer(uint256 a)"), parse_signature("HttpServer(uint256 a)")


def served(event: EventSpec, number: int) -> FakeLog:
    assert event.topic0 is not None
    return FakeLog(desk().addresses[0], (event.topic0,), number.to_bytes(32, "big"))


async def held(db: Database) -> dict[str, list[int]]:
    """What the tables of the two events hold."""
    async with db.connection() as cx:
        return {
            name: [int(row[0]) for row in await cx.fetch(f"select a from shop.{name} order by 1")]
            for name in ("desk_http_server", "desk_http_server_2")
        }


async def test_events_that_change_places_share_no_table(db: Database) -> None:
    """Events told apart by a number only, in another order: the start is refused, and what it says puts that right."""
    fake = FakeChain()
    fake.mine(served(FIRST, 1), served(SECOND, 2))
    await filled(db, fake, desk(events=[FIRST, SECOND]))
    fake.mine(served(FIRST, 3), served(SECOND, 4))
    turned = desk(events=[SECOND, FIRST])
    with pytest.raises(SchemaDrift, match=r"desk_http_server: holds HTTPServer\(uint256\), but is") as told:
        await prepare(db, [turned])
    statements = [line for line in str(told.value).splitlines() if "ALTER" in line]
    assert len(statements) == 1
    async with db.connection() as cx:
        await cx.execute(statements[0])
    await filled(db, fake, turned)
    assert await held(db) == {"desk_http_server": [2, 4], "desk_http_server_2": [1, 3]}


async def test_an_event_that_comes_before_another_takes_no_table_over(db: Database) -> None:
    """A table moves on with its event when another event takes its name, and moves back when that one goes."""
    fake = FakeChain()
    fake.mine(served(FIRST, 1), served(SECOND, 2))
    both, one = desk(events=[FIRST, SECOND]), desk(events=[SECOND])
    await filled(db, fake, one)
    for wanted, remedies in ((both, 1), (one, 2)):
        for _ in range(remedies):
            with pytest.raises(SchemaDrift) as told:
                await prepare(db, [wanted])
            async with db.connection() as cx:
                await cx.execute(str(told.value).splitlines()[-1])
        await filled(db, fake, wanted)
        if wanted is both:
            assert await held(db) == {"desk_http_server": [1], "desk_http_server_2": [2]}
    async with db.connection() as cx:
        assert [int(row[0]) for row in await cx.fetch("select a from shop.desk_http_server")] == [2]
        assert await cx.fetchval("select a from shop.desk_http_server_before") == 1


async def test_tables_of_other_events_are_rebuilt(db: Database) -> None:
    """Indexing again helps, too."""
    fake = FakeChain()
    fake.mine(served(FIRST, 1), served(SECOND, 2))
    await filled(db, fake, desk(events=[FIRST, SECOND]))
    turned = desk(events=[SECOND, FIRST])
    await reindex(db, [turned], dry=False)
    await filled(db, fake, turned)
    assert await held(db) == {"desk_http_server": [2], "desk_http_server_2": [1]}


@pytest.mark.parametrize("comment", ["null", "'of our desk'", "'Notes (all of them)'", "'Note(string memo, uint32 n)'"])
async def test_a_comment_that_names_no_other_event_says_nothing(db: Database, fake: FakeChain, comment: str) -> None:
    """Users may write their own, and an event whose parameters were mended is the same."""
    await filled(db, fake, desk())
    async with db.connection() as cx:
        await cx.execute(f"comment on table shop.desk_note is {comment}")
    await prepare(db, [desk()])


async def test_a_drifted_table_is_rebuilt(db: Database, fake: FakeChain) -> None:
    """Where only indexing again helps, the command for it is told, and the views on the table come back."""
    await filled(db, fake, desk())
    await create_views(db, [View("shop", "notes", "create view shop.notes as select text from shop.desk_note")])
    changed = desk(events=[parse_signature("event Note(string text, uint64 number, uint8 more)")])
    with pytest.raises(SchemaDrift, match="usdx backfill --reindex shop/desk"):
        await prepare(db, [changed])
    would = await reindex(db, [changed], dry=True)
    assert [one.rows["shop.desk_note"] for one in would] == [12]
    assert would == await reindex(db, [changed], dry=False)
    await prepare(db, [changed])
    view = View("shop", "notes", "create view shop.notes as select text, more from shop.desk_note")
    assert await create_views(db, [view])
    assert not await create_views(db, [view])


async def test_a_drifted_table_of_two_chains_goes_with_both(db: Database, fake: FakeChain) -> None:
    """A table that has to be dropped and holds another chain's rows is left until that chain is reindexed with it."""
    await filled(db, fake, desk())
    async with db.connection() as cx:
        await cx.execute("insert into usdx.chains values ('moon', 7, '')")
        await cx.execute(
            "insert into shop.desk_note select 7, d.block_number, d.log_index, d.block_time, d.block_hash, "
            "d.tx_hash, d.address, d.text, d.number from shop.desk_note d"
        )
    changed = desk(events=[parse_signature("event Note(string text, uint64 number, uint8 more)")])
    for dry in (True, False):
        with pytest.raises(ConfigError, match="holds rows of chain moon, too"):
            await reindex(db, [changed], dry=dry)
    async with db.connection() as cx:
        assert await cx.fetchval("select count(*) from shop.desk_note") == 24


async def test_every_type_survives_postgres(db: Database) -> None:
    """What the decoder gives is what the table holds, for every type and for strings that are no text."""
    assert NOTE.topic0 is not None
    from eth_abi.abi import encode

    fake = FakeChain()
    fake.mine(
        FakeLog(desk().addresses[0], (NOTE.topic0,), encode(["bytes", "uint64"], [b"a\0\xff\\x41", (1 << 64) - 1]))
    )
    await filled(db, fake, desk())
    async with db.connection() as cx:
        row = await cx.fetchrow("select text, number from shop.desk_note")
    assert (row[0], int(row[1])) == (r"a\x00\xff\x5cx41", (1 << 64) - 1)
