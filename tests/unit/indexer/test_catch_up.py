"""`usdx backfill` runs all chains and its bar as one."""

import asyncio
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, cast
from unittest.mock import MagicMock

import pytest

from indexer import catch_up
from shared.rpc_errors import TransportFailed
from shared.runtime import Stop
from shared.settings import Settings

Work = Callable[[Stop], Any]


@dataclass(eq=False)
class Chain:
    """Stands for a keeper."""

    loop: str
    work: Work

    async def catch_up(self, stop: Stop, spare: object = None) -> None:
        await self.work(stop)


@pytest.fixture
def backfill(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Run these chains; gives what SIGTERM would meet when all are done and the bar is not yet."""
    met: list[Any] = []

    async def show(out: object, keepers: object, done: Stop, clock: object) -> None:
        await done.wait()
        met.append(signal.getsignal(signal.SIGTERM))

    async def run(*chains: Work) -> Any:
        keepers = [Chain(f"chain {at}", work) for at, work in enumerate(chains)]
        monkeypatch.setattr(catch_up, "open_worker", lambda *_: within(MagicMock()))
        monkeypatch.setattr(catch_up, "open_keepers", lambda _: within(keepers))
        monkeypatch.setattr(catch_up, "start", at_once)
        monkeypatch.setattr(catch_up, "_show", show)
        await catch_up.run(cast(Settings, None))
        return met.pop()

    return run


@asynccontextmanager
async def within(given: Any) -> AsyncIterator[Any]:
    yield given


async def at_once(keepers: object) -> dict[Any, Any]:
    return {}


async def test_a_signal_is_minded_to_the_end(backfill: Callable[..., Any]) -> None:
    """While the last bar is drawn SIGTERM asks to end; it does not kill. The bar is drawn when every chain is done."""
    first = asyncio.Event()

    async def quick(stop: Stop) -> None:
        first.set()

    async def slow(stop: Stop) -> None:
        await first.wait()
        for _ in range(20):
            await asyncio.sleep(0)
        first.clear()

    assert await backfill(quick, slow) not in (signal.SIG_DFL, None)
    assert not first.is_set()


async def test_a_chain_that_fails_ends_the_others(backfill: Callable[..., Any]) -> None:
    """Its error is raised after the others were asked to end."""
    ended: list[bool] = []

    async def fails(stop: Stop) -> None:
        raise TransportFailed("gone")

    async def works(stop: Stop) -> None:
        ended.append(await stop.wait())

    with pytest.raises(TransportFailed):
        await backfill(fails, works)
    assert ended == [True]
