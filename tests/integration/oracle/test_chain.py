"""On-chain sources against a real node: a feed and a V3-style pool, with and without Multicall3."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import pytest
import vyper  # type: ignore[import-untyped]

from demo.contract import Contract
from demo.deploy import KEEPER, Deployment, deploy
from demo.node import Node, connect
from demo.parts import Anvil
from oracle import multicall
from oracle.chain_desk import ChainDesk
from oracle.crew import Crew
from oracle.model import Refused, Ticker
from oracle.onchain import Reader
from oracle.reasons import Reason
from oracle.samples import Samples
from oracle.sources.chainlink import Chainlink
from oracle.sources.uniswap_v3 import UniswapV3
from oracle.ticks import harmonic_liquidity, mean_tick, price_at_tick, quote_at_tick, sqrt_ratio_at_tick
from shared.clock import Clock, system_clock
from shared.metrics import Registry
from shared.rpc_wiring import open_pool
from shared.settings import ChainSettings

WINDOW_S = 60
# The interface of Multicall3 as far as it is used, placed at its own address: the demo's node has none.
MULTICALL = """
struct Call3:
    target: address
    allowFailure: bool
    callData: Bytes[512]
struct Result:
    success: bool
    returnData: Bytes[2048]
@external
@payable
def aggregate3(calls: DynArray[Call3, 64]) -> DynArray[Result, 64]:
    out: DynArray[Result, 64] = []
    for one: Call3 in calls:
        ok: bool = False
        data: Bytes[2048] = b""
        ok, data = raw_call(one.target, one.callData, max_outsize=2048, revert_on_failure=False)
        out.append(Result(success=ok, returnData=data))
    return out
"""


@pytest.fixture
async def chain(anvil: object) -> AsyncIterator[tuple[Node, Deployment]]:
    async with Anvil.start(block_time_s=None) as running, connect(running.url) as node:
        yield node, await deploy(node)


class Asked:
    """A desk on the node, whose own time is the newest block's."""

    def __init__(self, desk: ChainDesk) -> None:
        self.desk = desk

    async def __call__(self, reader: Reader) -> Any:
        return (await asyncio.wait_for(self.desk.ask(reader), 30)).outcome


@pytest.fixture
async def ask(chain: tuple[Node, Deployment]) -> AsyncIterator[Asked]:
    node, _ = chain
    settings = ChainSettings.model_validate({"rpc": [{"name": "anvil", "url": node.url}]})
    crew, real = Crew(), system_clock()
    at = [float(await node.time())]
    clock = Clock(now=lambda: at[0], monotonic=real.monotonic, sleep=real.sleep)
    async with open_pool("demo", settings, real, Registry()) as pool:
        yield Asked(ChainDesk("demo", pool, crew, clock, 10, 10**9, Samples()))
    await crew.close()


def raw(contract: Contract) -> bytes:
    return bytes.fromhex(contract.address[2:])


async def move(node: Node, pool: Contract, tick: int, liquidity: int, after_s: int) -> None:
    """Move the pool at an exact time, in one block: the node mines one by itself for a transaction."""
    await node.rpc.call("evm_setNextBlockTimestamp", [await node.time() + after_s])
    await node.settle([await node.tell(KEEPER, pool, "move", tick, liquidity)])


async def mine(node: Node, after_s: int) -> None:
    """An empty block."""
    await node.rpc.call("evm_setNextBlockTimestamp", [await node.time() + after_s])
    await node.rpc.call("evm_mine", [])


async def test_a_feed_is_read(chain: tuple[Node, Deployment], ask: Asked) -> None:
    """Answer, decimals, description and time of a Chainlink-style feed; an empty one is a refusal of the contract."""
    node, deployed = chain
    feed = deployed["feed_eth_usd"]
    empty = await ask(Chainlink(raw(deployed["feed_usdt_usd"])))
    assert isinstance(empty, (Refused, Ticker))
    await node.settle([await node.tell(KEEPER, feed, "push", 200_012_345_678)])
    found = await ask(Chainlink(raw(feed)))
    assert isinstance(found, Ticker), found
    assert found.price == Decimal("2000.12345678")
    assert (found.claims, found.note) == ("ETH / USD", "8 decimals")
    nobody = await ask(Chainlink(b"\x99" * 20))
    assert isinstance(nobody, Refused)
    assert nobody.reason is Reason.REVERTED
    other = await ask(Chainlink(raw(feed), decimals=18))
    assert isinstance(other, Refused)
    assert other.reason is Reason.SCALE


MOVES = [  # tick, liquidity, seconds at the tick before
    (76_000, 10**18, 7),
    (-76_012, 3 * 10**17, 13),
    (200_311, 10**19, 1),
    (-887_272, 10**18, 5),
    (887_272, 10**15, 29),
    (0, 1, 11),
    (-1, 10**18, 3),
    (76_100, 10**18, 17),
]


async def test_averages_are_exact(chain: tuple[Node, Deployment], ask: Asked) -> None:
    """Average tick, price, spot and liquidity equal what is computed here second by second, and what the pool says."""
    node, deployed = chain
    pool = deployed["pool_weth_usdt"]
    lived: list[tuple[int, int]] = []  # the tick and the liquidity of every second
    await move(node, pool, 70_000, 10**18, 1)
    tick, liquidity = 70_000, 10**18
    for next_tick, next_liquidity, after_s in [*MOVES, *MOVES]:
        await move(node, pool, next_tick, next_liquidity, after_s)
        lived += [(tick, liquidity)] * after_s
        tick, liquidity = next_tick, next_liquidity
        if len(lived) < WINDOW_S:
            continue
        sum_ticks = sum(one for one, _ in lived[-WINDOW_S:])
        ticks, perliq = await node.ask(pool, "observe", [WINDOW_S, 0])
        assert abs((ticks[1] - ticks[0]) - sum_ticks) < WINDOW_S  # between two observations the pool interpolates
        mean = mean_tick(ticks[0], ticks[1], WINDOW_S)
        assert abs(mean - sum_ticks // WINDOW_S) <= 1
        found = await ask(UniswapV3(raw(pool), window_s=WINDOW_S))
        assert isinstance(found, Ticker), found
        assert found.price == price_at_tick(mean, 18, 6, True)
        assert found.liquidity == harmonic_liquidity(perliq[0], perliq[1], WINDOW_S)
        assert found.note.startswith(f"tick {mean},")
        slot0 = await node.ask(pool, "slot0")
        assert slot0[0] == sqrt_ratio_at_tick(next_tick)
        assert found.spot == price_at_tick(next_tick, 18, 6, True)
        on_chain_amount = quote_at_tick(mean, 10**18, True)
        assert abs(found.price * 10**6 - on_chain_amount) <= max(1, on_chain_amount // 10**30)


async def test_a_pool_without_a_window(chain: tuple[Node, Deployment], ask: Asked) -> None:
    """Younger than its window the pool has no price; once the window has elapsed it has one."""
    node, deployed = chain
    pool = deployed["pool_weth_usdt"]
    for i in range(3):
        await move(node, pool, 76_000 + i, 10**18, 1)
    young = await ask(UniswapV3(raw(pool), window_s=3600))
    assert isinstance(young, Refused)
    assert young.reason is Reason.WINDOW
    assert "the window 3600 s" in young.detail
    await mine(node, 3600)
    assert isinstance(await ask(UniswapV3(raw(pool), window_s=3600)), Ticker)


async def test_one_block_answers_everybody(chain: tuple[Node, Deployment], ask: Asked) -> None:
    """Questions of one moment are answered from one block, with Multicall3 in two calls, and say the same without."""
    node, deployed = chain
    for i in range(4):
        await move(node, deployed["pool_weth_usdt"], 76_000 + i, 10**18, 30)
    await node.settle([await node.tell(KEEPER, deployed["feed_eth_usd"], "push", 2 * 10**11)])
    readers: list[Reader] = [Chainlink(raw(deployed["feed_eth_usd"])), UniswapV3(raw(deployed["pool_weth_usdt"]), 60),
                             Chainlink(b"\x99" * 20)]  # fmt: skip
    plain = await asyncio.gather(*(ask(one) for one in readers))
    code = vyper.compile_code(MULTICALL, output_formats=["bytecode_runtime"])["bytecode_runtime"]
    await node.rpc.call("anvil_setCode", ["0x" + multicall.ADDRESS.hex(), code])
    ask.desk._multicall = None
    joined = await asyncio.gather(*(ask(one) for one in readers))
    assert ask.desk._multicall
    assert joined[:2] == plain[:2]
    assert [type(one) for one in joined] == [Ticker, Ticker, Refused]


async def test_a_node_that_is_gone(chain: tuple[Node, Deployment]) -> None:
    """An unreachable node is a refusal of its sources within their deadline; nothing else stops."""
    settings = ChainSettings.model_validate({"rpc": [{"name": "gone", "url": "http://127.0.0.1:9"}]})
    clock, crew = system_clock(), Crew()
    async with open_pool("gone", settings, clock, Registry()) as pool:
        desk = ChainDesk("gone", pool, crew, clock, 0.5, 60, Samples())
        outcome = (await asyncio.wait_for(desk.ask(Chainlink(b"\x01" * 20)), 30)).outcome
    assert isinstance(outcome, Refused)
    assert outcome.reason in (Reason.RPC, Reason.TIMEOUT)
    await crew.close()
