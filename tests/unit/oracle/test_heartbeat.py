"""Whether the oracle says that it lives."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from types import SimpleNamespace
from typing import Any

import aiohttp
import pytest

from oracle import tasks
from oracle.model import Pair
from shared import http
from shared.clock import Clock
from shared.health import Health
from shared.metrics import Registry
from shared.runtime import Stop
from tests.fakes.clock import Hands

ETH = Pair("ETH", "USD")


class Venue:
    """Rounds that end when the test says so."""

    def __init__(self) -> None:
        self.may_end = asyncio.Event()
        self.began = asyncio.Event()

    async def take(self, missed: int) -> object:
        self.began.set()
        await self.may_end.wait()
        return object()


def parts_of(rounds: Venue, health: Health, clock: Clock) -> tasks.Parts:
    """As much of the oracle as turns rounds into heartbeats."""

    def ignore(*given: Any) -> None:
        pass

    worker = SimpleNamespace(health=health, clock=clock, db=None)
    feed = SimpleNamespace(pair=ETH, every_s=0.05, timeout_s=1.0)
    journal = SimpleNamespace(put=ignore, close=ignore, run=None)
    quiet = SimpleNamespace(observe=ignore, tell=ignore)
    made: tuple[Any, ...] = (
        worker,
        SimpleNamespace(feeds=[feed]),
        None,
        journal,
        None,
        {ETH: rounds},
        quiet,
        quiet,
        None,
        {},
    )
    return tasks.Parts(*made)


async def answers(url: str, status: int) -> bool:
    async with aiohttp.ClientSession() as client, client.get(url) as answer:
        return answer.status == status


async def test_a_round_that_never_ends_is_seen(monkeypatch: pytest.MonkeyPatch, registry: Registry) -> None:
    """While no round ends, /healthz says so after the allowed silence, though every other loop runs on; with the next
    round that ends, the oracle is well again."""
    hands, stop, rounds = Hands(), Stop(), Venue()
    clock = hands.clock()
    health = Health(registry, clock)

    @asynccontextmanager
    async def ours(*given: Any, **named: Any) -> AsyncIterator[None]:
        yield

    monkeypatch.setattr(tasks, "lease", ours)
    monkeypatch.setattr(tasks, "_pulse", lambda parts: None)
    both = tasks.tasks(parts_of(rounds, health, clock))
    async with asyncio.timeout(20), http.serve(http.app(registry, health, clock), "127.0.0.1", 0) as port:
        url = f"http://127.0.0.1:{port}/healthz"
        running = [asyncio.ensure_future(both[name](stop)) for name in ("pulse", "feeds")]
        await rounds.began.wait()
        assert await answers(url, 200)
        hands.at += tasks.SILENCE_S + 1
        assert await answers(url, 503)
        rounds.may_end.set()
        while not await answers(url, 200):
            await asyncio.sleep(0.01)
        stop.set()
        for one in running:
            with suppress(asyncio.CancelledError):
                await one
