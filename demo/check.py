"""Compare what usdx says with what is: events, business figures and prices."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import asyncpg
from web3 import AsyncHTTPProvider, AsyncWeb3

from demo import check_events, check_figures, check_prices
from demo.finding import Finding
from demo.pricepath import PricePath
from shared.errors import Transient

PROTOCOL = Path(__file__).parent.parent / "protocols" / "wexel"
CHAIN = "demo"
_PATIENCE_S = 60.0


class NotCaughtUp(Transient):
    """The indexer did not reach the tip in time."""

    reason = "not_caught_up"
    advice = "Look at the indexer's log; the check needs it at the tip."


@dataclass(frozen=True, slots=True)
class Sides:
    """Where each side is asked."""

    node: str
    postgres: str
    aggregator: str
    oracle: str
    addresses: dict[str, str]
    path: PricePath


async def check(sides: Sides) -> list[Finding]:
    """Every finding, over the blocks from 0 to the newest one now. Nobody may send transactions meanwhile."""
    web3 = AsyncWeb3(AsyncHTTPProvider(sides.node))
    cx = await asyncpg.connect(sides.postgres)
    try:
        async with aiohttp.ClientSession() as session:
            return await _compare(web3, cx, session, sides)
    finally:
        await cx.close()
        await web3.provider.disconnect()


async def _compare(web3: AsyncWeb3[Any], cx: Any, session: aiohttp.ClientSession, sides: Sides) -> list[Finding]:
    contracts = check_events.watched(web3, PROTOCOL, sides.addresses)
    last_block = await _settled(web3)
    await _caught_up(cx, [f"wexel/{contract.name}" for contract in contracts], last_block)

    def metrics(worker: str) -> Callable[[], Awaitable[str]]:
        return lambda: check_figures.scraped(session, f"{worker}/metrics")

    return [
        *await check_events.compare(web3, cx, contracts, last_block),
        *await check_figures.compare(
            {contract.name: contract.contract for contract in contracts},
            cx,
            PROTOCOL,
            metrics(sides.aggregator),
            CHAIN,
            last_block,
        ),
        *await check_prices.compare(cx, metrics(sides.oracle), sides.path),
    ]


async def _settled(web3: AsyncWeb3[Any]) -> int:
    """The newest block once whatever was sent before has been mined."""
    last_block = int(await web3.eth.block_number) + 2
    while await web3.eth.block_number < last_block:  # noqa: ASYNC110 - another process has no event to wait for
        await asyncio.sleep(0.1)
    return last_block


async def _caught_up(cx: Any, streams: list[str], block: int) -> None:
    deadline = asyncio.get_running_loop().time() + _PATIENCE_S
    behind = await _behind(cx, streams, block)
    while behind:
        if asyncio.get_running_loop().time() > deadline:
            raise NotCaughtUp(f"after {_PATIENCE_S:.0f} s the indexer is not at block {block} in {', '.join(behind)}")
        await asyncio.sleep(0.2)
        behind = await _behind(cx, streams, block)


async def _behind(cx: Any, streams: list[str], block: int) -> list[str]:
    rows = await cx.fetch("select stream from usdx.cursors where block_number >= $1", block)
    return sorted(set(streams) - {row["stream"] for row in rows})
