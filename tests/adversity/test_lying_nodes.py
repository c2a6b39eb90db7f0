"""Every way in which nodes are known to fail or lie: found by name, survived by another endpoint, never wrong data."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace

import aiohttp
import pytest

from indexer.chain import Chain
from indexer.chain_page import Question, page_by_receipts
from indexer.model import Range
from shared.clock import Clock, system_clock
from shared.endpoint import Endpoint, Transport
from shared.errors import Inconsistent, Transient
from shared.metrics import Registry
from shared.pool import Pool
from shared.rpc_answer import Reply
from shared.rpc_errors import CHECKS, BehindHead, RpcError, WrongChain
from shared.rpc_hints import Hints
from shared.rpc_metrics import REASONS, RpcMeter
from shared.rpc_news import News
from shared.rpc_plain import PlainTransport
from tests.fakes import faults
from tests.fakes.chain import FakeChain
from tests.fakes.clock import Hands
from tests.fakes.families import GETH, NO_RECEIPTS, Family
from tests.fakes.faults import Fault
from tests.fakes.node import FakeNode, served
from tests.unit.node.world import WANTED, Place, busy_chain, places, truth

BLOCKS = 60


@dataclass
class Backends(FakeNode):
    """One address before two backends, asked in turn; every second one is so many blocks behind."""

    behind: int = 0

    async def post(self, body: bytes) -> Reply:
        self.lag = self.behind if self.posts % 2 else 0
        return await super().post(body)


@dataclass(frozen=True)
class Known:
    """One fault. `named` are the slugs, of errors or of checks, of which at least one must tell it.

    `alone` is what comes of it where there is no other endpoint: an error class, or None for the right logs.
    """

    fault: Callable[[], Fault]
    named: frozenset[str]
    alone: type[Exception] | tuple[type[Exception], ...] | None


LYING, AWAY = (Inconsistent, Transient), Transient
KNOWN = {
    "empty log answers": Known(faults.empty_logs, frozenset({"bloom"}), LYING),
    "partial log answers": Known(faults.partial_logs, frozenset({"bloom"}), LYING),
    "wrong hashes": Known(faults.wrong_block_hash, frozenset({"hash"}), LYING),
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
    """A pool whose failures are counted."""
    meter, clock = RpcMeter(registry, "test"), clock or Hands().clock()
    return Pool("test", [Endpoint(name, way, clock, observe=meter.observe) for name, way in endpoints], clock), meter


def told(registry: Registry, provider: str = "bad") -> set[str]:
    """The slugs under which something was counted against an endpoint."""
    who = {"chain": "test", "provider": provider}
    errors = {one for one in REASONS if registry.value("usdx_rpc_errors_total", **who, reason=one)}
    return errors | {one for one in CHECKS if registry.value("usdx_rpc_contradictions_total", **who, check=one)}


@pytest.fixture
def fake() -> FakeChain:
    return busy_chain(BLOCKS)


def test_every_known_fault_is_tried() -> None:
    """No fault of the list, and none of the fakes', is without its test."""
    assert {*KNOWN, *ELSEWHERE} >= DEMANDED
    assert all(callable(globals()[test]) for test in ELSEWHERE.values())
    tried = {one.fault.__name__ for one in KNOWN.values()}
    assert set(faults.Faults().lies) | set(faults.Faults().troubles) <= tried


@pytest.mark.parametrize("name", KNOWN)
async def test_another_endpoint_stands_in(name: str, fake: FakeChain, registry: Registry) -> None:
    """With an honest second endpoint the logs are right, and what was wrong with the first is counted by its name."""
    bad, good = FakeNode(fake, "bad"), FakeNode(fake, "good")
    pool, meter = opened(registry, ("bad", bad), ("good", good))
    with meter.reading(pool):
        chain = Chain(pool)
        await chain.tip()
        chain.blooms.thorough = True
        bad.fail(KNOWN[name].fault().often(1_000))
        assert places(await chain.logs(Range(1, BLOCKS), WANTED, linked=True)) == truth(fake, 1, BLOCKS)
        assert not KNOWN[name].named or told(registry) & KNOWN[name].named
        assert not told(registry, "good")


@pytest.mark.parametrize("name", KNOWN)
async def test_alone_it_gives_no_wrong_data(name: str, fake: FakeChain, registry: Registry) -> None:
    """With nobody else to ask the logs are right or there are none, and the error says what to do."""
    bad = FakeNode(fake, "bad", family=replace(GETH, lacks=NO_RECEIPTS | {"eth_getTransactionReceipt"}))
    pool, meter = opened(registry, ("bad", bad))
    with meter.reading(pool):
        chain = Chain(pool)
        await chain.tip()
        chain.blooms.thorough = True
        bad.fail(KNOWN[name].fault().often(100_000))
        expected = KNOWN[name].alone
        if expected is None:
            assert places(await chain.logs(Range(1, BLOCKS), WANTED, linked=True)) == truth(fake, 1, BLOCKS)
            return
        said: Exception | None = None
        got: list[Place] = []
        try:
            got = places(await chain.logs(Range(1, BLOCKS), WANTED, linked=True))
        except RpcError as exc:
            said = exc
        if said is None:
            assert name in UNPROVABLE
            assert not set(got) - set(truth(fake, 1, BLOCKS)), "nothing is invented"
            return
        assert isinstance(said, expected)
        assert "bad" in str(said)
        assert name != "null blocks" or "is not there yet" in str(said)


UNPROVABLE = {"empty log answers", "partial log answers"}
"""One endpoint, without receipts, that leaves logs out: counted as such, and what `usdx audit` is for."""


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
    """An answer that comes byte by byte, never silent and never done, is given up, and another endpoint is asked."""
    async with AsyncExitStack() as stack:
        port = await stack.enter_async_context(dripping())
        bad = PlainTransport("bad", f"http://127.0.0.1:{port}", 0.3)
        stack.push_async_callback(bad.close)
        pool, meter = opened(registry, ("bad", bad), ("good", FakeNode(fake, "good")), clock=system_clock())
        with meter.reading(pool):
            chain = Chain(pool)
            await chain.tip()
            assert places(await chain.logs(Range(1, BLOCKS), WANTED, linked=True)) == truth(fake, 1, BLOCKS)
            assert told(registry) & {"transport", "density"}


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


async def test_web_socket_silence(fake: FakeChain) -> None:
    """A socket that stays open and tells nothing is counted as silent and replaced; polling never depended on it."""
    node = FakeNode(fake, "bad", family=Family("silent", silent_socket=True))
    hasty = replace(system_clock(), sleep=lambda seconds: asyncio.sleep(min(seconds, 0.02)))
    async with served(node) as url, aiohttp.ClientSession() as session:
        hints = Hints("bad", url.replace("http", "ws"), hasty, silence_s=0.05)
        listening = asyncio.create_task(hints.listen(session, News()))
        async with asyncio.timeout(30):
            while hints.state.silences < 2:
                await asyncio.sleep(0.01)
        listening.cancel()
