"""Audits of a whole chain, by blooms or against a second endpoint."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import pytest

from indexer.audit import RANGE_BLOCKS, Answer, Audited, audit_range
from indexer.audit_metrics import Coverage
from indexer.auditor import Auditor
from indexer.chain import Chain
from indexer.errors import CursorMoved
from indexer.horizon import Horizon
from indexer.layout import claim_chain, laid_out, prepare
from indexer.model import Cursor, Range
from indexer.planner import Plan
from indexer.revision import Revision
from indexer.step import Border, Worker
from indexer.store import Store
from indexer.streams import Stream
from indexer.takeback import take_back
from shared.db import Database
from shared.endpoint import Endpoint
from shared.errors import ConfigError
from shared.metrics import Registry
from shared.pool import Pool
from shared.runtime import Stop
from tests.fakes import faults
from tests.fakes.chain import FakeChain
from tests.fakes.clock import Hands
from tests.fakes.families import GETH, NO_RECEIPTS
from tests.fakes.node import FakeNode
from tests.integration.indexer.test_factories import SHOP, P, X, Y, born, family, notes
from tests.integration.indexer.world import note, on_chain, token, transfer, until_idle, values

BLOCKS = 40
BLIND = replace(GETH, lacks=NO_RECEIPTS | {"eth_getTransactionReceipt"})


def chain_of(*, blooms: bool) -> FakeChain:
    """Two transfers in every third block."""
    fake = FakeChain(blooms=blooms)
    for number in range(BLOCKS):
        fake.mine(*([transfer(2 * number), transfer(2 * number + 1)] if number % 3 == 0 else []))
    return fake


class World:
    """An indexed chain and who may audit it."""

    def __init__(self, db: Database, *nodes: FakeNode, streams: Sequence[Stream] = ()) -> None:
        self.db, self.nodes, self.fake = db, nodes, nodes[0].chain
        self.streams = streams or [token()]
        self.hands = Hands()

    async def worker(self, *, audits: bool = False) -> tuple[Pool, Chain, Worker]:
        clock = self.hands.clock()
        pool = Pool("fake", [Endpoint(node.name, node, clock) for node in self.nodes], clock)
        chain = Chain(pool, 0)
        await claim_chain(self.db, "fake", self.fake.chain_id, self.fake.blocks[0].hash)
        streams = await (laid_out if audits else prepare)(self.db, self.streams)
        border = Border(chain, Store(self.db, self.fake.chain_id, streams), clock)
        return pool, chain, Worker("fake", self.fake.chain_id, streams, border, Horizon(chain, clock, 0))

    async def fill(self) -> Worker:
        _, _, worker = await self.worker()
        await until_idle(worker)
        return worker

    async def audit(self, *, repair: bool = False, against: str | None = None, again: bool = True) -> list[Audited]:
        pool, chain, worker = await self.worker(audits=True)
        auditor = Auditor(self.db, self.hands.clock(), pool, chain, worker, against=against)
        return [done async for done in auditor.audit(Stop(), repair=repair, again=again)]

    async def harm(self, statement: str) -> None:
        async with self.db.connection() as cx:
            await cx.execute(statement)

    async def evidence(self) -> list[str]:
        async with self.db.connection() as cx:
            return [row[0] for row in await cx.fetch("select evidence from usdx.coverage")]


async def world(db: Database, *names: str, blooms: bool = True) -> World:
    fake = chain_of(blooms=blooms)
    one = World(db, *(FakeNode(fake, name) for name in names))
    await one.fill()
    return one


async def test_blooms_are_the_evidence_where_they_tell(db: Database) -> None:
    """With honest blooms one endpoint is enough."""
    one = await world(db, "a")
    (done,) = await one.audit()
    assert (done.evidence, done.violations, done.logs) == ("bloom", 0, len(on_chain(one.fake)))


async def test_a_log_that_was_never_told_is_found(db: Database) -> None:
    """A node that hid a part of its blocks' logs while they were indexed: the audit finds and repairs them."""
    fake = chain_of(blooms=True)
    one = World(db, FakeNode(fake, "a"))
    one.nodes[0].fail(faults.partial_logs().often(1_000))
    await one.fill()
    assert len(await values(db)) < len(on_chain(fake))
    one.nodes[0].faults.clear()
    (done,) = await one.audit(repair=True)
    assert done.repaired
    assert await values(db) == on_chain(fake)


@pytest.mark.parametrize("against", [None, "b"])
async def test_without_blooms_a_second_endpoint_is_compared(db: Database, against: str | None) -> None:
    """Empty blooms prove nothing: the logs of another endpoint do, and its name is the evidence."""
    one = await world(db, "a", "b", blooms=False)
    before = one.nodes[1].asked["eth_getLogs"]
    (done,) = await one.audit(against=against)
    assert (done.evidence, done.violations, done.differences) == ("second_endpoint:b", 0, [])
    assert await one.evidence() == ["second_endpoint:b"]
    assert one.nodes[1].asked["eth_getLogs"] > before
    assert {params[0]["address"][0] for method, params in one.nodes[1].requests if method == "eth_getLogs"} >= {
        "0x" + token().addresses[0].hex()
    }


async def test_what_empty_blooms_seemed_to_prove_is_audited_once_more(db: Database) -> None:
    """Quiet blocks with empty blooms look proved until a log shows that blooms tell nothing: then they do not count."""
    fake = FakeChain(blooms=False)
    fake.mine_empty(RANGE_BLOCKS + 10)
    fake.mine(transfer(1))
    one = World(db, FakeNode(fake, "a"), FakeNode(fake, "b"))
    await one.fill()
    done = await one.audit()
    assert [audited.evidence for audited in done] == ["bloom", "second_endpoint:b", "second_endpoint:b"]
    assert await one.evidence() == ["second_endpoint:b"] * 2


async def test_it_is_compared_when_asked_to(db: Database) -> None:
    """`--against` wants another endpoint's word even where blooms prove everything."""
    one = await world(db, "a", "b", "c")
    (done,) = await one.audit(against="c")
    assert done.evidence == "second_endpoint:c"


async def test_without_a_second_endpoint_nothing_is_called_proved(db: Database) -> None:
    """Where blooms tell nothing and nobody else can be asked, the audit refuses and stores no evidence."""
    one = await world(db, "a", blooms=False)
    with pytest.raises(ConfigError, match="no second endpoint to compare with; add one under"):
        await one.audit()
    assert await one.evidence() == []
    for name, words in (("a", "the only endpoint"), ("x", "expected an endpoint of chain fake: a")):
        with pytest.raises(ConfigError, match=words):
            await one.audit(against=name)


@pytest.mark.parametrize("liar", [0, 1])
async def test_receipts_settle_what_two_endpoints_differ_in(db: Database, liar: int) -> None:
    """Whoever hides logs is named; the tables are compared with what the receipts prove, and repaired by it."""
    one = await world(db, "a", "b")
    await one.harm("delete from shop.token_transfer where value in (0, 1)")
    one.nodes[liar].fail(faults.partial_logs().often(100_000))
    (done,) = await one.audit(repair=True, against="b")
    assert done.repaired
    assert done.violations == 2
    assert len(done.differences) == len(range(0, BLOCKS, 3))
    assert all(text.startswith(f"{'ab'[liar]}: block ") and "1 logs are missing" in text for text in done.differences)
    assert await values(db) == on_chain(one.fake)


async def test_most_endpoints_settle_where_there_are_no_receipts(db: Database) -> None:
    """Two of three endpoints say the same: that is taken, the third is named."""
    one = await world(db, "a", "b", "c", blooms=False)
    for node in one.nodes:
        node.family = BLIND
    one.nodes[0].fail(faults.partial_logs().often(100_000))
    (done,) = await one.audit(against="b")
    assert (done.violations, done.open) == (0, [])
    assert {text.split(":")[0] for text in done.differences} == {"a"}


async def test_what_nobody_can_settle_is_not_proved(db: Database) -> None:
    """Two endpoints, two answers, no receipts: nothing is repaired, nothing counts as audited."""
    one = await world(db, "a", "b", blooms=False)
    for node in one.nodes:
        node.family = BLIND
    one.nodes[1].fail(faults.partial_logs().often(100_000))
    (done,) = await one.audit(repair=True)
    assert list(done.open) == [number + 1 for number in range(0, BLOCKS, 3)]
    assert "a has 2 logs in block 1, b has 1, and nobody can settle it" in done.differences
    assert not done.repaired
    assert await one.evidence() == []
    assert await values(db) == on_chain(one.fake)


async def test_metrics_say_what_the_record_says(db: Database, registry: Registry) -> None:
    """Ratio, blocks by evidence and violations by kind come from the table, and follow it."""
    one = await world(db, "a", "b")
    coverage = Coverage(db, registry, ["fake"])

    async def told(name: str, labels: Sequence[str] = ()) -> float | None:
        await coverage.look()
        keys = ("kind", "state") if len(labels) == 2 else ("evidence",) if labels else ()
        who = {"chain": "fake", "stream": "shop/token"}
        return registry.value(f"usdx_indexer_{name}", **who, **dict(zip(keys, labels, strict=True)))

    assert await told("audited_ratio") == 0
    assert await told("audit_violations", ("missing", "open")) == 0
    assert await told("audit_last_timestamp_seconds") is None
    await one.harm(
        "delete from shop.token_transfer where value = 0; update shop.token_transfer set value = 9 where value = 7"
    )
    await one.audit()
    assert await told("audited_ratio") == 0, "what is wrong is not in order"
    assert await told("audit_violations", ("missing", "open")) == 1
    assert await told("audit_violations", ("wrong", "open")) == 1
    await one.audit(repair=True)
    assert await told("audited_ratio") == 1
    assert await told("audited_blocks", ("bloom",)) == BLOCKS + 1
    assert await told("audit_violations", ("missing", "open")) == 0
    assert await told("audit_violations", ("missing", "repaired")) == 1
    assert (await told("audit_last_timestamp_seconds") or 0) > 1_700_000_000
    await one.audit(against="b")
    assert await told("audited_blocks", ("second_endpoint:b",)) == BLOCKS + 1
    assert await told("audit_violations", ("missing", "repaired")) == 0


async def test_a_later_audit_takes_the_place_of_those_that_it_covers(db: Database) -> None:
    """A violation of a range that was since repaired within a greater one is not open any more, nor counted twice."""
    one = await world(db, "a")
    await one.audit()
    one.fake.mine(transfer(1_000))
    await one.fill()
    await one.harm("delete from shop.token_transfer where value = 1000")
    (tail,) = await one.audit(again=False)
    assert (tail.violations, tail.repaired) == (1, False)
    (whole,) = await one.audit(repair=True)
    assert whole.range.last == tail.range.last
    assert whole.repaired
    async with db.connection() as cx:
        rows = await cx.fetch("select last_block, violations, repaired from usdx.coverage")
    assert [tuple(row) for row in rows] == [(tail.range.last, 1, True)]


async def hidden_birth(db: Database) -> World:
    """A factory's family whose node hid a birth, and so all of the child and of what that made."""
    fake = FakeChain()
    fake.mine(born(SHOP, X))
    fake.mine(born(SHOP, Y), note("y", address=Y), born(Y, P))
    for number in range(4):
        fake.mine(note(f"x{number}", address=X), note(f"y{number}", address=Y), note(f"p{number}", address=P))
    one = World(db, FakeNode(fake, "a"), streams=family())
    await one.fill()
    await one.harm(
        f"delete from shop.mint_born where child = '\\x{Y.hex()}'; delete from shop.item_born;"
        f"delete from shop.item_note where address = '\\x{Y.hex()}'; delete from shop.part_note"
    )
    return one


@pytest.mark.parametrize("before", [False, True], ids=["at once", "after an audit that only looked"])
async def test_a_birth_that_is_repaired_brings_its_children_back(db: Database, before: bool) -> None:
    """What descends from a repaired birth goes back to before it, its audits too; the next start reads all of it."""
    one = await hidden_birth(db)
    if before:
        assert [done.violations for done in await one.audit(again=False)] == [1, 0, 0]
    mint, *_ = await one.audit(again=False, repair=True)
    assert (mint.stream, mint.violations, mint.repaired) == ("shop/mint", 1, True)
    assert [(back.stream, back.at, back.to) for back in mint.taken_back] == [("shop/item", 6, 1), ("shop/part", 6, 1)]
    await one.fill()
    assert await notes(db, "item_note") == ["y", *(f"{name}{number}" for number in range(4) for name in "xy")]
    assert await notes(db, "part_note") == [f"p{number}" for number in range(4)]
    done = await one.audit(again=False)
    assert [(audited.stream, audited.range.last, audited.violations) for audited in done] == [
        ("shop/item", 6, 0),
        ("shop/part", 6, 0),
    ]


async def test_a_running_indexer_learns_of_a_repaired_birth(db: Database) -> None:
    """Whoever had read the births before the repair does not commit by them; read anew, nothing is missing."""
    one = await hidden_birth(db)
    running = await one.fill()
    await one.audit(repair=True)
    one.fake.mine(note("new", address=Y))
    with pytest.raises(CursorMoved):
        await until_idle(running)
    running.forget()
    await until_idle(running)
    assert len(await notes(db, "item_note")) == 10
    assert len(await notes(db, "part_note")) == 4


async def test_an_heir_below_a_repaired_birth_learns_of_it(db: Database) -> None:
    """A worker whose stream has not come to the birth yet reads the births anew before it goes on."""
    one = await hidden_birth(db)
    _, _, running = await one.worker()
    async with db.transaction() as cx:
        for key in ("shop/item", "shop/part"):
            await take_back(cx, running.streams[key], 1)
    await running.load()
    mint, *_ = await one.audit(repair=True)
    assert mint.repaired
    assert mint.taken_back == []
    with pytest.raises(CursorMoved, match="shop/item, shop/part: the births of its contracts were changed"):
        await running.step()
    running.forget()
    await until_idle(running)
    assert len(await notes(db, "item_note")) == 9


async def test_a_repair_and_a_commit_do_not_wait_for_each_other(db: Database) -> None:
    """A worker that has locked an heir's cursor gets the factory's, too: a repair takes all locks at once."""
    one = await hidden_birth(db)
    async with db.transaction() as cx:
        await cx.execute("update usdx.cursors set updated_at = now() where stream = 'shop/item'")
        repair = asyncio.create_task(one.audit(repair=True))
        async with asyncio.timeout(30):
            while not await cx.fetchval("select exists (select from pg_locks where not granted)"):
                await asyncio.sleep(0.01)
        await cx.execute("update usdx.cursors set updated_at = now() where stream = 'shop/mint'", timeout_s=30)
    assert [done.stream for done in await repair if done.repaired] == ["shop/mint"]


async def test_births_that_stay_take_nothing_back(db: Database) -> None:
    """A row of a factory that was wrong about something else is put right, and its children stay where they are."""
    one = await hidden_birth(db)
    await one.audit(repair=True)
    await one.fill()
    await one.harm("update shop.mint_born set tx_hash = '\\xee'")
    mint, *others = await one.audit(repair=True)
    assert (mint.violations, mint.repaired, mint.taken_back) == (2, True, [])
    assert [other.violations for other in others] == [0, 0]


@pytest.mark.parametrize("meanwhile", ["rolled back", "reindexed", "laid out otherwise"])
async def test_nothing_is_repaired_that_was_taken_back_meanwhile(db: Database, meanwhile: str) -> None:
    """A stream that went below an audited range gets neither rows above its cursor nor a proof of them."""
    one = await world(db, "a")
    await one.harm("delete from shop.token_transfer where value = 0")
    running = await one.fill()
    stored, span = Revision(db, one.fake.chain_id, running.streams.values()), Range(0, 30)
    plan = Plan(("shop/token",), Cursor(-1, None, None), span, linked=True)
    answer = Answer(await running.fetch(plan), "bloom")
    async with db.transaction() as cx:
        if meanwhile == "rolled back":
            await take_back(cx, running.streams["shop/token"], 10)
        elif meanwhile == "reindexed":
            await cx.execute("delete from usdx.cursors")
        else:
            await cx.execute("insert into usdx.scopes values ('shop/token', '\\xee', 'Note()')")
    before = await values(db)
    for repair in (True, False):
        with pytest.raises(CursorMoved, match=r"so 0\.\.30 was left as it is"):
            await audit_range(running, stored, "shop/token", answer, repair=repair)
    assert await values(db) == before
    assert await one.evidence() == []
