"""Every way in which nodes are known to fail or lie: found by name, survived by another endpoint, never wrong data."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from inspect import isfunction
from pathlib import Path

import aiohttp
import asyncpg
import msgspec
import pytest

from indexer import catch_up
from indexer.chain import Chain
from indexer.chain_bloom import FilterBloom
from indexer.chain_bloom_watch import WEAK
from indexer.chain_page import Question, page_by_receipts
from indexer.chain_settle import row_key, timed_key
from indexer.errors import Unconfirmed
from indexer.model import Filter, Log, Logs, Range
from indexer.second_endpoint import alone, compare
from shared import config
from shared.clock import Clock, system_clock
from shared.endpoint import Endpoint, Transport
from shared.errors import Inconsistent, Transient
from shared.metrics import Registry
from shared.pool import PATIENCE_S, Pool
from shared.rpc_answer import Reply
from shared.rpc_errors import BehindHead, RpcError, WrongChain
from shared.rpc_hints import Hints
from shared.rpc_metrics import RpcMeter
from shared.rpc_plain import PlainTransport
from shared.runtime import Stop
from tests.adversity.shop import Life, config_text, differences, write_protocol
from tests.fakes import faults
from tests.fakes.chain import FakeChain, FakeLog
from tests.fakes.clock import Hands
from tests.fakes.families import GETH, NO_RECEIPTS, Family
from tests.fakes.faults import Fault
from tests.fakes.node import FakeNode, served
from tests.unit.node.world import MARKET, OTHER, SOLD, STRANGER, VAULT, WANTED, busy_chain, log, places, truth

BLOCKS = 60
NOTHING_ELSE = replace(GETH, lacks=NO_RECEIPTS | {"eth_getTransactionReceipt"})


@dataclass
class Backends(FakeNode):
    """One address before two backends, asked in turn; every second one is so many blocks behind."""

    behind: int = 0

    async def post(self, body: bytes) -> Reply:
        self.lag = self.behind if self.posts % 2 else 0
        return await super().post(body)


Row = tuple[object, ...]

TIP, PAST = "tip", "past"
NOWHERE, ANYWHERE = frozenset[str](), frozenset({TIP, PAST})


@dataclass(frozen=True)
class Known:
    """One fault. `named` are the slugs, of errors or of checks, of which at least one must tell it.

    `alone` is what comes of it where there is no other endpoint: an error class, or None for the right logs. `unseen`
    is where it passes for the truth unless `cross_check` is on: at the tip, where all headers come along, or in the
    past.
    """

    fault: Callable[[], Fault]
    named: frozenset[str]
    alone: type[Exception] | tuple[type[Exception], ...] | None
    unseen: frozenset[str] = NOWHERE


LYING, AWAY = (Inconsistent, Transient), Transient
KNOWN = {
    "empty log answers": Known(faults.empty_logs, frozenset({"bloom"}), LYING, frozenset({PAST})),
    "partial log answers": Known(faults.partial_logs, frozenset({"bloom"}), LYING, frozenset({PAST})),
    "one log of a full block left out": Known(faults.log_left_out, NOWHERE, LYING, ANYWHERE),
    "log indices shifted": Known(faults.shifted_log_index, NOWHERE, LYING, ANYWHERE),
    "data replaced": Known(faults.replaced_data, NOWHERE, LYING, ANYWHERE),
    "transactions replaced": Known(faults.replaced_transaction, NOWHERE, LYING, ANYWHERE),
    "times shifted": Known(faults.shifted_time, frozenset({"time"}), LYING, frozenset({PAST})),
    "wrong hashes": Known(faults.wrong_block_hash, frozenset({"hash"}), LYING),
    "a wrong hash for each block": Known(faults.forged_block_hash, frozenset({"hash"}), LYING, frozenset({PAST})),
    "duplicate log indices": Known(faults.duplicate_log_index, frozenset({"order"}), LYING),
    "repeated logs": Known(faults.repeated_logs, frozenset({"order"}), LYING),
    "logs in another order": Known(faults.reversed_logs, frozenset({"order"}), LYING),
    "removed logs": Known(faults.removed_logs, frozenset({"removed"}), LYING),
    "logs of others": Known(faults.foreign_address, frozenset({"filter"}), LYING),
    "logs of other events": Known(faults.foreign_topic, frozenset({"filter"}), LYING),
    "logs of other blocks": Known(faults.outside_range, frozenset({"range", "order"}), LYING),
    "absurd log indices": Known(faults.huge_log_index, frozenset({"order", "shape"}), LYING),
    "null for logs": Known(faults.null_logs, frozenset({"shape"}), LYING),
    "null blocks": Known(faults.null_blocks, frozenset({"absent"}), AWAY),  # counted, but it may just be late
    "broken fields": Known(faults.broken_fields, frozenset({"shape"}), LYING),
    "data that is no hex": Known(faults.data_no_hex, frozenset({"shape"}), LYING),
    "absurd times": Known(faults.absurd_time, frozenset({"shape", "time"}), LYING),
    "rate limits": Known(faults.rate_limited, frozenset({"rate_limit"}), AWAY),
    "billing stops": Known(faults.billing, frozenset({"billing"}), AWAY),
    "HTML errors": Known(faults.html, frozenset({"transport"}), AWAY),
    "words without JSON": Known(faults.bare_string, frozenset({"transport"}), AWAY),
    "empty bodies": Known(faults.nothing, frozenset({"transport"}), AWAY),
    "truncated JSON": Known(faults.truncated, frozenset({"transport"}), AWAY),
    "one error for a batch": Known(faults.one_object, frozenset({"transport"}), AWAY),
    "an error that is a string": Known(faults.error_as_string, frozenset({"transport"}), AWAY),
    "broken connections": Known(faults.dropped, frozenset({"transport"}), AWAY),
    "batch replies reordered": Known(faults.batch_reordered, frozenset(), None),
    "batch replies short": Known(faults.batch_short, frozenset({"left_out"}), None),
}
ELSEWHERE = {
    "stale backends behind one URL": "test_stale_backends_behind_one_url",
    "slow drips": "test_slow_drips",
    "wrong chain id": "test_wrong_chain_id",
    "WebSocket silence": "test_web_socket_silence",
}
DEMANDED = {
    *("stale backends behind one URL", "empty log answers", "partial log answers", "wrong hashes"),
    *("duplicate log indices", "null blocks", "rate limits", "billing stops", "HTML errors", "truncated JSON"),
    *("slow drips", "wrong chain id", "batch replies reordered", "batch replies short", "WebSocket silence"),
}


def opened(registry: Registry, *endpoints: tuple[str, Transport], clock: Clock | None = None) -> tuple[Pool, RpcMeter]:
    """A pool whose failures are counted; on a real clock it does not try again."""
    meter, patience_s = RpcMeter(registry, "test"), PATIENCE_S if clock is None else 0.0
    clock = clock or Hands().clock()
    ends = [Endpoint(name, way, clock, observe=meter.observe) for name, way in endpoints]
    return Pool("test", ends, clock, patience_s=patience_s), meter


def told(registry: Registry, provider: str = "bad") -> set[str]:
    """The slugs under which something was counted against an endpoint."""
    slug = {"usdx_rpc_errors_total": "reason", "usdx_rpc_contradictions_total": "check"}
    return {
        labels[slug[name]]
        for name, labels, value in registry.samples()
        if name in slug and value and labels["provider"] == provider
    }


def rows(logs: Logs) -> list[Row]:
    """All of every log that is stored."""
    return [(*row_key(one), int(one.block_timestamp or "0x0", 16)) for one in logs.logs]


def true_rows(chain: FakeChain, last: int = BLOCKS) -> list[Row]:
    """The same of our logs as they really are."""
    ours = {"0x" + VAULT.hex(), "0x" + MARKET.hex()}
    true = [msgspec.convert(one, Log) for one in chain.logs(1, last) if one["address"] in ours]
    return [timed_key(one) for one in true]


@pytest.fixture(scope="module")
def fake() -> FakeChain:
    return busy_chain(BLOCKS)


def test_every_known_fault_is_tried() -> None:
    """No fault of the list, and none of the fakes', is without its test."""
    made = {name for name, one in vars(faults).items() if isfunction(one) and one.__module__ == faults.__name__}
    other = {"says", "slow"}  # a refusal in any words, and an answer that is late
    assert {name for name in made if not name.startswith("_")} - other == {one.fault.__name__ for one in KNOWN.values()}
    assert {*KNOWN, *ELSEWHERE} >= DEMANDED
    assert all(callable(globals()[test]) for test in ELSEWHERE.values())


@pytest.mark.parametrize("where", [TIP, PAST])
@pytest.mark.parametrize("name", KNOWN)
async def test_another_endpoint_stands_in(name: str, where: str, fake: FakeChain, registry: Registry) -> None:
    """With an honest second endpoint the logs are right, and what was wrong with the first is counted by its name.

    What passes unseen instead is what the documents say that only an audit finds, neither more nor less.
    """
    bad, good = FakeNode(fake, "bad"), FakeNode(fake, "good")
    pool, meter = opened(registry, ("bad", bad), ("good", good))
    known = KNOWN[name]
    with meter.reading(pool):
        chain = Chain(pool)
        await chain.tip()
        bad.fail(known.fault().often(1_000))
        got = await chain.logs(Range(1, BLOCKS), WANTED, linked=where == TIP)
        if where in known.unseen:
            assert rows(got) != true_rows(fake)
            assert not told(registry)
        else:
            assert rows(got) == true_rows(fake)
            assert not known.named or told(registry) & known.named
        assert not told(registry, "good")


@pytest.mark.parametrize("first", ["bad", "good"])
@pytest.mark.parametrize("where", [TIP, PAST])
@pytest.mark.parametrize("name", KNOWN)
async def test_with_a_cross_check_nothing_passes(
    name: str, where: str, first: str, fake: FakeChain, registry: Registry
) -> None:
    """With `cross_check` and an honest second endpoint all that decides a row is right, and every lie is counted."""
    bad, good = FakeNode(fake, "bad"), FakeNode(fake, "good")
    nodes = [("bad", bad), ("good", good)]
    pool, meter = opened(registry, *(nodes if first == "bad" else nodes[::-1]))
    known = KNOWN[name]
    with meter.reading(pool):
        chain = Chain(pool, cross_check=True)
        await chain.tip()
        bad.fail(known.fault().often(1_000))
        assert rows(await chain.logs(Range(1, BLOCKS), WANTED, linked=where == TIP)) == true_rows(fake)
        assert told(registry) & (known.named | {"opinion"}) or known.alone is None
        assert not told(registry, "good")


@pytest.mark.parametrize("cross_check", [False, True])
@pytest.mark.parametrize("where", [TIP, PAST])
@pytest.mark.parametrize("name", KNOWN)
async def test_alone_it_gives_no_wrong_data(
    name: str, where: str, cross_check: bool, fake: FakeChain, registry: Registry
) -> None:
    """With nobody else to ask, and no receipts, the logs are right or there are none, and the error says what to do.

    But for what passes unseen, and what is left out of a block altogether, which is counted. With `cross_check` nothing
    is stored that nobody confirms.
    """
    bad = FakeNode(fake, "bad", family=NOTHING_ELSE)
    pool, meter = opened(registry, ("bad", bad))
    known = KNOWN[name]
    with meter.reading(pool):
        chain = Chain(pool, cross_check=cross_check)
        await chain.tip()
        bad.fail(known.fault().often(100_000))
        got: list[Row] = []
        error: RpcError | None = None
        try:
            got = rows(await chain.logs(Range(1, BLOCKS), WANTED, linked=where == TIP))
        except RpcError as said:
            error = said
        if error is not None:
            assert cross_check or where not in known.unseen
            assert "bad" in str(error)
            assert isinstance(error, Unconfirmed if cross_check and known.alone is None else known.alone or ())
            assert name != "null blocks" or "is not there yet" in str(error)
            return
        assert not cross_check
        if where not in known.unseen and known.alone is not None:
            assert known.fault in UNPROVABLE
            assert chain.blooms.verdicts["unproved"] > 0
            assert set(got) < set(true_rows(fake)), "nothing is invented"
        else:
            assert (got == true_rows(fake)) == (known.alone is None)


UNPROVABLE = {faults.empty_logs, faults.partial_logs}
"""One endpoint, without receipts, that leaves out all logs of a block: counted as unproved."""


@pytest.mark.parametrize("name", [name for name, known in KNOWN.items() if known.unseen])
async def test_an_audit_finds_what_passed(name: str, fake: FakeChain, registry: Registry) -> None:
    """What passes unseen is found by an audit with a second endpoint, by itself or with `--against`."""
    bad, good = FakeNode(fake, "bad"), FakeNode(fake, "good")
    pool, meter = opened(registry, ("bad", bad), ("good", good))
    with meter.reading(pool):
        chain = Chain(pool)
        chain.blooms.thorough = True
        await chain.tip()
        bad.fail(KNOWN[name].fault().often(1_000))
        assert rows(await chain.logs(Range(1, BLOCKS), WANTED, linked=True)) == true_rows(fake)
        ends = [alone(pool, endpoint, pool.clock) for endpoint in pool.endpoints]
        found = ""
        try:
            one, two = [await end.logs(Range(1, BLOCKS), WANTED, linked=True) for end in ends]
            found = " ".join((await compare(*pool.endpoints, (one, two), WANTED)).differences)
        except Inconsistent as said:
            found = str(said)
        assert "bad: " in found


RECEIPTS = frozenset({"eth_getBlockReceipts", "eth_getTransactionReceipt"})


@pytest.mark.parametrize("cross_check", [False, True])
@pytest.mark.parametrize("where", [TIP, PAST])
@pytest.mark.parametrize("family", [GETH, replace(GETH, lacks=NO_RECEIPTS)], ids=["at once", "one by one"])
@pytest.mark.parametrize("field", ["address", "topics", "data", "blockNumber", "blockHash", "blockTimestamp"])
async def test_receipts_are_believed_no_more_than_logs(
    field: str, family: Family, where: str, cross_check: bool, fake: FakeChain, registry: Registry
) -> None:
    """Receipts whose logs are no hex settle nothing: they are caught by name, and another endpoint settles it."""

    def broken(receipts: object) -> object:
        for receipt in receipts if isinstance(receipts, list) else [receipts] if isinstance(receipts, dict) else []:
            for one in receipt["logs"]:
                one[field] = ["0xzz"] if field == "topics" else "0xzz"
        return receipts

    for lone in (False, True):
        bad, good = FakeNode(fake, "bad", family), FakeNode(fake, "good")
        pool, _ = opened(Registry(), ("bad", bad), *([] if lone else [("good", good)]))
        chain = Chain(pool, cross_check=cross_check)
        chain.blooms.thorough = where == PAST
        await chain.tip()
        bad.fail(faults.empty_logs().often(1_000), Fault(RECEIPTS, 1_000, change=broken))
        if lone:
            with pytest.raises(RpcError, match="bad"):
                await chain.logs(Range(1, BLOCKS), WANTED, linked=True)
            assert pool.endpoints[0].lies["shape"] or cross_check
        else:
            assert rows(await chain.logs(Range(1, BLOCKS), WANTED, linked=True)) == true_rows(fake)


async def test_who_tells_no_times_must_tell_true_hashes(fake: FakeChain, registry: Registry) -> None:
    """Where nodes put no time into logs, every block that has some is held against its header, in the past too."""
    bad, good = [FakeNode(fake, name, family=replace(GETH, timestamps=False)) for name in ("bad", "good")]
    pool, meter = opened(registry, ("bad", bad), ("good", good))
    with meter.reading(pool):
        chain = Chain(pool)
        await chain.tip()
        bad.fail(faults.forged_block_hash().often(1_000))
        assert places(await chain.logs(Range(1, BLOCKS), WANTED)) == truth(fake, 1, BLOCKS)
        assert told(registry) == {"hash"}


@pytest.fixture(scope="module")
def crowd() -> FakeChain:
    """Blocks whose blooms are so full that they tell nothing, each with a log of ours."""
    rng, chain = random.Random(1), FakeChain()
    for number in range(8):
        strange = [FakeLog(rng.randbytes(20), tuple(rng.randbytes(32) for _ in range(3))) for _ in range(300)]
        chain.mine(transactions=[strange, [log(number)]])
    assert FilterBloom(WANTED).chance(chain.head.bloom) > WEAK
    return chain


@pytest.mark.parametrize("second", [True, False])
async def test_crowded_blooms_at_the_tip(second: bool, crowd: FakeChain, registry: Registry) -> None:
    """Where blooms tell nothing, a second endpoint is asked about empty answers; without one they count as unproved."""
    bad, good = FakeNode(crowd, "bad"), FakeNode(crowd, "good")
    pool, meter = opened(registry, ("bad", bad), *([("good", good)] if second else []))
    with meter.reading(pool):
        chain = Chain(pool)
        await chain.tip()
        bad.fail(faults.empty_logs().often(1_000))
        receipts = bad.asked["eth_getBlockReceipts"]
        got = rows(await chain.logs(Range(1, 8), WANTED, linked=True))
        assert got == (true_rows(crowd, 8) if second else [])
        assert told(registry) == ({"bloom"} if second else set())
        assert chain.blooms.verdicts["unproved"] == (0 if second else 8)
        assert second or bad.asked["eth_getBlockReceipts"] == receipts


@pytest.mark.parametrize("first", ["bad", "good"])
async def test_crowded_blooms_without_receipts(first: str, crowd: FakeChain, registry: Registry) -> None:
    """Where full blooms and no receipts leave one word against another, who tells more is believed."""
    bad, good = [FakeNode(crowd, name, family=NOTHING_ELSE) for name in ("bad", "good")]
    nodes = [("bad", bad), ("good", good)]
    pool, meter = opened(registry, *(nodes if first == "bad" else nodes[::-1]))
    with meter.reading(pool):
        chain = Chain(pool)
        await chain.tip()
        bad.fail(faults.empty_logs().often(1_000))
        assert rows(await chain.logs(Range(1, 8), WANTED, linked=True)) == true_rows(crowd, 8)
        assert told(registry, "good") <= {"permanent"}  # that it has no receipts


async def test_crowded_blooms_cost_one_question(crowd: FakeChain, registry: Registry) -> None:
    """Where nothing is left out, full blooms cost one question about the page to another endpoint, and no receipts."""
    nodes = [FakeNode(crowd, name) for name in ("bad", "good")]
    pool, _ = opened(registry, *((node.name, node) for node in nodes))
    chain, wanted = Chain(pool), Filter((STRANGER, VAULT), (OTHER, SOLD))
    await chain.tip()
    receipts = [node.asked["eth_getBlockReceipts"] for node in nodes]
    asked = [node.asked["eth_getLogs"] for node in nodes]
    assert not (await chain.logs(Range(1, 8), wanted, linked=True)).logs
    assert [node.asked["eth_getLogs"] for node in nodes] == [before + 1 for before in asked]
    assert [node.asked["eth_getBlockReceipts"] for node in nodes] == receipts
    assert chain.blooms.verdicts["chance"] > 0


@pytest.mark.parametrize("cross_check", [True, False])
async def test_a_real_indexer_cross_checks_where_it_is_told_to(
    cross_check: bool, database_url: str, tmp_path: Path
) -> None:
    """With the key in the config of a real indexer, which fills its tables from a liar's past, they are right.

    Without it a liar is believed; it is alone then, since of two endpoints the quicker one is asked.
    """
    life = Life(random.Random(7))
    life.grow(150)
    nodes = [FakeNode(life.chain, name, finality_depth=life.finality) for name in ("bad", "good")[: 1 + cross_check]]
    nodes[0].fail(faults.log_left_out().often(4))
    async with AsyncExitStack() as stack:
        urls = {node.name: await stack.enter_async_context(served(node)) for node in nodes}
        file = tmp_path / "usdx.toml"
        text = config_text(write_protocol(tmp_path / "shop"), database_url, urls, 0)
        file.write_text(text.replace("poll =", f"cross_check = {str(cross_check).lower()}\npoll ="))
        await catch_up.run(config.load(file, {}))
        cx = await asyncpg.connect(database_url)
        wrong = await differences(cx, life, at_head=True)
        await cx.close()
        assert (wrong == []) == cross_check


async def test_null_blocks_are_held_against_its_own_head(fake: FakeChain, registry: Registry) -> None:
    """A block at or below an endpoint's head that is null is counted, one above is not; it is still asked first."""
    bad, good = FakeNode(fake, "bad"), FakeNode(fake, "good")
    pool, meter = opened(registry, ("bad", bad), ("good", good))
    with meter.reading(pool):
        chain = Chain(pool)
        await chain.tip()
        with pytest.raises(RpcError, match="is not there yet"):
            await page_by_receipts(pool.endpoints[0], Question(Range(BLOCKS + 1, BLOCKS + 1), WANTED, linked=True))
        assert "absent" not in told(registry)
        bad.fail(faults.null_blocks())
        assert places(await chain.logs(Range(1, BLOCKS), WANTED, linked=True)) == truth(fake, 1, BLOCKS)
        assert registry.value("usdx_rpc_contradictions_total", chain="test", provider="bad", check="absent") == 1
        assert registry.value("usdx_rpc_provider_up", chain="test", provider="bad") == 1
        assert pool.switches == 0


async def test_stale_backends_behind_one_url(fake: FakeChain, registry: Registry) -> None:
    """Half of the backends lag: the tip does not go back, and no range is answered with nothing for being unknown."""
    mixed = Backends(fake, "bad", behind=20)
    pool, meter = opened(registry, ("bad", mixed))
    with meter.reading(pool):
        chain = Chain(pool)
        tips = [(await chain.tip()).number for _ in range(6)]
        assert max(tips) == BLOCKS
        for first in range(1, BLOCKS, 7):
            try:
                logs = await chain.logs(Range(first, BLOCKS), WANTED, linked=True)
            except BehindHead:
                continue
            assert places(logs) == truth(fake, first, BLOCKS)
        assert "behind_head" in told(registry)


async def test_wrong_chain_id(fake: FakeChain, registry: Registry) -> None:
    """An endpoint of another chain is refused by name and never asked for logs, alone or among others."""
    bad, good = FakeNode(fake, "bad", chain_id=5), FakeNode(fake, "good")
    pool, meter = opened(registry, ("good", good), ("bad", bad))
    with meter.reading(pool):
        await pool.start()
        before = bad.posts
        chain = Chain(pool)
        assert places(await chain.logs(Range(1, BLOCKS), WANTED)) == truth(fake, 1, BLOCKS)
        assert bad.posts == before
        assert registry.value("usdx_rpc_provider_up", chain="test", provider="bad") == 0
    clock = Hands().clock()
    with pytest.raises(WrongChain, match="bad serves chain 5, but test is chain 1"):
        await Pool("test", [Endpoint("bad", bad, clock)], clock, chain_id=1).call("eth_blockNumber")


async def test_slow_drips(fake: FakeChain, registry: Registry) -> None:
    """An answer that comes byte by byte, never silent and never done, is given up: another is asked, or it is said."""
    async with AsyncExitStack() as stack:
        port = await stack.enter_async_context(dripping())
        bad = PlainTransport("bad", f"http://127.0.0.1:{port}", 0.2)
        stack.push_async_callback(bad.close)
        pool, meter = opened(registry, ("bad", bad), ("good", FakeNode(fake, "good")), clock=system_clock())
        with meter.reading(pool):
            chain = Chain(pool)
            await chain.tip()
            assert places(await chain.logs(Range(1, BLOCKS), WANTED, linked=True)) == truth(fake, 1, BLOCKS)
            assert told(registry) & {"transport", "density"}
        pool, _ = opened(Registry(), ("bad", bad), clock=system_clock())
        with pytest.raises(Transient, match="bad"):
            await Chain(pool).logs(Range(1, BLOCKS), WANTED, linked=True)


@asynccontextmanager
async def dripping() -> AsyncIterator[int]:
    """The port of a server whose answers never end."""
    open_: set[asyncio.Task[None]] = set()

    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        open_.add(task)
        try:
            await reader.read(65536)
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 100000\r\n\r\n")
            while True:
                writer.write(b" ")
                await writer.drain()
                await asyncio.sleep(0.01)
        except (OSError, asyncio.CancelledError):
            writer.close()

    server = await asyncio.start_server(drip, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in open_:
            task.cancel()
        await asyncio.gather(*open_, return_exceptions=True)


@pytest.mark.parametrize("second", [True, False])
async def test_web_socket_silence(second: bool, registry: Registry) -> None:
    """A socket that stays open and tells nothing is counted and replaced, while new blocks are found by polling."""
    fake = busy_chain(3)
    node, good = FakeNode(fake, "bad", family=Family("silent", silent_socket=True)), FakeNode(fake, "good")
    hasty = replace(system_clock(), sleep=lambda seconds: asyncio.sleep(min(seconds, 0.02)))
    async with AsyncExitStack() as stack:
        url = await stack.enter_async_context(served(node))
        session = await stack.enter_async_context(aiohttp.ClientSession())
        bad = PlainTransport("bad", url, 5)
        stack.push_async_callback(bad.close)
        pool, _ = opened(registry, ("bad", bad), *([("good", good)] if second else []), clock=system_clock())
        hints = Hints("bad", url.replace("http", "ws"), hasty, silence_s=0.05)
        pool.news.sockets.append(hints.state)
        listening = asyncio.create_task(hints.listen(session, pool.news))
        chain, stop = Chain(pool), Stop()
        async with asyncio.timeout(30):
            while hints.state.silences < 2:
                last = fake.mine(log(1)).number
                await pool.rest(stop, 0.02)
                assert (await chain.tip()).number == last
                assert places(await chain.logs(Range(last, last), WANTED, linked=True)) == truth(fake, last, last)
        assert hints.state.hints == 0
        listening.cancel()
