"""A real node is understood."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from demo.parts import Anvil
from indexer.chain import Chain
from indexer.model import Filter, Range
from shared.clock import system_clock
from shared.metrics import Registry
from shared.pool import Pool
from shared.rpc_wiring import open_pool
from shared.settings import ChainSettings

TOPIC = b"\x5a" * 32
RUNTIME = b"\x7f" + TOPIC + bytes.fromhex("60206000a100")  # emits TOPIC with 32 zero bytes
INIT = bytes.fromhex("602780600b6000396000f3") + RUNTIME


@pytest.fixture
async def node(anvil: Path) -> AsyncIterator[Anvil]:
    async with Anvil.start() as running:
        yield running


@asynccontextmanager
async def opened(node: Anvil, registry: Registry) -> AsyncIterator[tuple[Pool, Chain]]:
    settings = ChainSettings.model_validate({"rpc": [{"name": "anvil", "url": node.url}]})
    async with open_pool("local", settings, system_clock(), registry) as pool:
        yield pool, Chain(pool)


async def deploy(pool: Pool) -> str:
    """A contract that emits one event whenever it is called."""
    sender = (await pool.call("eth_accounts"))[0]
    return str((await send(pool, {"from": sender, "data": "0x" + INIT.hex()}))["contractAddress"])


async def send(pool: Pool, transaction: dict[str, str]) -> dict[str, Any]:
    """The receipt of a transaction, once it is mined."""
    hash_ = await pool.call("eth_sendTransaction", [transaction])
    while (receipt := await pool.call("eth_getTransactionReceipt", [hash_])) is None:
        await asyncio.sleep(0.01)
    return dict(receipt)


async def emit(pool: Pool, contract: str, times: int) -> None:
    sender = (await pool.call("eth_accounts"))[0]
    for _ in range(times):
        await send(pool, {"from": sender, "to": contract})


def filter_of(contract: str) -> Filter:
    return Filter((bytes.fromhex(contract[2:]),), (TOPIC,))


async def test_what_anvil_can_do(node: Anvil, registry: Registry) -> None:
    """Its abilities are found out by asking."""
    async with opened(node, registry) as (pool, chain):
        await chain.tip()
        abilities = pool.first.abilities
    assert abilities.chain_id == 31337
    assert abilities.client.startswith("anvil")
    assert abilities.batches
    assert abilities.finalized_tag
    assert abilities.block_receipts
    assert abilities.archive


async def test_logs(node: Anvil, registry: Registry) -> None:
    """Logs come checked, with the headers asked for."""
    async with opened(node, registry) as (pool, chain):
        contract = await deploy(pool)
        await emit(pool, contract, 7)
        tip = await chain.tip()
        for linked in (True, False):
            logs = await chain.logs(Range(0, tip.number), filter_of(contract), linked=linked)
            assert [int(log.block_number, 16) for log in logs.logs] == list(range(2, 9))
            assert logs.last == tip
        assert chain.blooms.trusted


async def test_reorgs(node: Anvil, registry: Registry) -> None:
    """After a reorg the tip and the headers are those of the new chain."""
    async with opened(node, registry) as (pool, chain):
        contract = await deploy(pool)
        await emit(pool, contract, 6)
        before = await chain.tip()
        await pool.call("anvil_reorg", [3, []])
        after = await chain.tip()
        assert after.number == before.number
        assert after.hash != before.hash
        headers = await chain.headers(range(before.number + 2))
        assert headers[before.number] == after
        assert headers[before.number + 1] is None
        logs = await chain.logs(Range(0, after.number), filter_of(contract), linked=True)
        assert [int(log.block_number, 16) for log in logs.logs] == [2, 3, 4]


async def test_a_chain_that_was_wound_back(node: Anvil, registry: Registry) -> None:
    """A chain that got shorter and grew anew is seen with its first other block."""
    async with opened(node, registry) as (pool, chain):
        contract = await deploy(pool)
        snapshot = await pool.call("evm_snapshot")
        for _ in range(5):
            await emit(pool, contract, 1)
            before = await chain.tip()
        await pool.call("evm_revert", [snapshot])
        await chain.tip()
        await pool.call("evm_mine")
        await emit(pool, contract, 1)
        after = await chain.tip()
        assert (before.number, after.number) == (6, 3)
        logs = await chain.logs(Range(0, 3), filter_of(contract), linked=True)
        assert [int(log.block_number, 16) for log in logs.logs] == [3]


async def test_finality(node: Anvil, registry: Registry) -> None:
    """Finality comes from the tag and follows the tip."""
    async with opened(node, registry) as (pool, chain):
        await pool.call("anvil_mine", [hex(100)])
        pool.first.health.finalized_at = float("-inf")
        await chain.tip()
        final = await chain.finalized()
        assert final is not None
        assert 0 < final.number < 100
        assert chain.finality.by_tag


async def test_a_range_beyond_the_head(node: Anvil, registry: Registry) -> None:
    """Blocks that do not exist are not answered with nothing."""
    async with opened(node, registry) as (pool, chain):
        pool.patience_s = 0.3
        with pytest.raises(Exception, match=r"not there yet|beyond"):
            await chain.logs(Range(0, 50), Filter())
