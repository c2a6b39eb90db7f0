"""Pools over real sockets."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace

import aiohttp
import pytest

from indexer.chain import Chain
from indexer.model import Range
from shared.clock import Clock, system_clock
from shared.errors import Transient
from shared.metrics import Registry
from shared.pool import Pool
from shared.rpc import Rpc
from shared.rpc_errors import TransportFailed
from shared.rpc_hints import Hints
from shared.rpc_http import HttpTransport
from shared.rpc_news import News
from shared.rpc_types import Call
from shared.rpc_wiring import open_pool, transport_of
from shared.runtime import Stop
from shared.settings import ChainSettings, EndpointSettings
from tests.fakes import faults
from tests.fakes.chain import FakeChain
from tests.fakes.families import GETH, Family
from tests.fakes.node import FakeNode, served
from tests.unit.node.world import WANTED, busy_chain, places, truth

SILENT = Family("silent", silent_socket=True)


@pytest.fixture
def fake() -> FakeChain:
    return busy_chain(80)


@asynccontextmanager
async def opened(registry: Registry, *rpc: dict[str, object]) -> AsyncIterator[Pool]:
    settings = ChainSettings.model_validate({"rpc": list(rpc)})
    async with open_pool("test", settings, system_clock(), registry) as pool:
        yield pool


async def test_a_chain_over_http(fake: FakeChain, registry: Registry) -> None:
    """Logs fetched over HTTP are the chain's, in few requests, and are counted."""
    node = FakeNode(fake, "one")
    async with served(node) as url, opened(registry, {"name": "one", "url": url}) as pool:
        chain = Chain(pool)
        await chain.tip()
        posts = node.posts
        assert places(await chain.logs(Range(0, 80), WANTED, linked=True)) == truth(fake)
        assert node.posts == posts + 1
        asked = registry.value(
            "usdx_rpc_requests_total", chain="test", provider="one", method="eth_getLogs", outcome="ok"
        )
    assert asked == 2


@pytest.mark.parametrize("name", faults.Faults().troubles)
@pytest.mark.parametrize("plain", [True, False])
async def test_trouble_over_http(name: str, plain: bool, fake: FakeChain) -> None:
    """Over either transport every trouble is a Transient error that names the endpoint and no address."""
    node = FakeNode(fake, "one")
    async with served(node) as url, aiohttp.ClientSession() as session:
        settings = EndpointSettings.model_validate({"name": "one", "url": url})
        transport = transport_of(settings, session) if plain else HttpTransport("one", url, session)
        rpc = Rpc("one", transport, system_clock())
        node.fail(faults.Faults().troubles[name]())
        calls = [Call("eth_chainId"), Call("eth_blockNumber")]
        try:
            answers = await rpc.batch(calls)
            errors = [answer for answer in answers if isinstance(answer, Exception)]
        except Transient as error:
            errors = [error]
        assert errors
        assert all(str(error).startswith("one: ") and "127.0.0.1" not in str(error) for error in errors)
        assert await rpc.batch(calls) == [hex(1337), hex(80)]
        await rpc.close()


async def test_slow_answers_are_given_up(fake: FakeChain) -> None:
    """An endpoint that takes too long fails, and the next question is not answered by the late answer."""
    node = FakeNode(fake, "one")
    async with served(node) as url, aiohttp.ClientSession() as session:
        for transport in (
            transport_of(EndpointSettings.model_validate({"name": "one", "url": url, "timeout": 0.2}), session),
            HttpTransport("one", url, session, 0.2),
        ):
            node.fail(faults.slow(2))
            with pytest.raises(TransportFailed, match=r"one: no answer within 0.2 s"):
                await transport.post(b'{"jsonrpc":"2.0","id":1,"method":"eth_chainId"}')
            reply = await transport.post(b'{"jsonrpc":"2.0","id":2,"method":"eth_blockNumber"}')
            assert b'"0x50"' in reply.body
            await transport.close()


async def test_nobody_at_home(registry: Registry) -> None:
    """A node that cannot be reached ends the first question at once, with its name and the reason."""
    async with opened(registry, {"name": "home", "url": "http://127.0.0.1:1"}) as pool:
        with pytest.raises(TransportFailed, match=r"^home: .*cannot connect \(refused\)$"):
            await pool.head()


async def test_failover_over_http(fake: FakeChain, registry: Registry) -> None:
    """When a node goes away in the middle of the work the other one takes over."""
    one, two = FakeNode(fake, "one"), FakeNode(fake, "two")
    async with (
        served(two) as second,
        served(one) as first,
        opened(registry, {"name": "one", "url": first}, {"name": "two", "url": second}) as pool,
    ):
        chain = Chain(pool)
        await chain.tip()
        one.fail(faults.dropped().often(10**6))
        for _ in range(5):
            assert places(await chain.logs(Range(0, 80), WANTED)) == truth(fake)


async def test_a_hint_ends_the_rest(fake: FakeChain, registry: Registry) -> None:
    """A new head told over the WebSocket ends the wait for the next poll at once."""
    node = FakeNode(fake, "one")
    async with served(node) as url:
        ws = url.replace("http", "ws")
        async with opened(registry, {"name": "one", "url": url, "ws": ws}) as pool:
            await _until(lambda: pool.news.sockets[0].connected)
            fake.mine()
            async with asyncio.timeout(120):
                await pool.rest(Stop(), 3_600)
            assert (await pool.head()).number == 81
            assert registry.value("usdx_rpc_hints_connected", chain="test", provider="one") == 1
            assert (registry.value("usdx_rpc_hints_total", chain="test", provider="one") or 0) >= 1


async def test_a_rest_without_hints_is_the_poll(fake: FakeChain, registry: Registry) -> None:
    """Without a socket, or while it is silent, the rest lasts as long as the poll, and the stop ends it."""
    node = FakeNode(fake, "one", family=SILENT)
    async with served(node) as url:
        ws = url.replace("http", "ws")
        for options in ({}, {"ws": ws}):
            async with opened(registry, {"name": "one", "url": url, **options}) as pool:
                began = time.monotonic()
                await pool.rest(Stop(), 0.15)
                assert time.monotonic() - began >= 0.14
                stop = Stop()
                stop.set()
                await asyncio.wait_for(pool.rest(stop, 3_600), 120)


async def test_a_silent_socket_is_opened_anew(fake: FakeChain) -> None:
    """A socket that is open but tells nothing is noticed and replaced."""
    node = FakeNode(fake, "one", family=SILENT)
    async with served(node) as url, aiohttp.ClientSession() as session:
        hints = Hints("one", url.replace("http", "ws"), _hasty(), silence_s=0.05)
        listening = asyncio.create_task(hints.listen(session, News()))
        await _until(lambda: hints.state.silences >= 2)
        node.family = GETH
        heard = hints.state.hints
        await _until(lambda: fake.mine() and hints.state.hints > heard)
        listening.cancel()


async def test_a_dead_socket_is_tried_again(fake: FakeChain) -> None:
    """A socket that cannot be opened costs nothing but is counted, and works once it can."""
    async with aiohttp.ClientSession() as session:
        hints = Hints("one", "ws://127.0.0.1:1", _hasty())
        listening = asyncio.create_task(hints.listen(session, News()))
        await _until(lambda: hints.state.breaks >= 3)
        assert not hints.state.connected
        listening.cancel()


def _hasty() -> Clock:
    """The real clock, but nobody sleeps long on it."""
    return replace(system_clock(), sleep=lambda seconds: asyncio.sleep(min(seconds, 0.02)))


async def _until(true: Callable[[], object]) -> None:
    async with asyncio.timeout(20):
        while not true():
            await asyncio.sleep(0.01)
