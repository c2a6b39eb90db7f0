"""A chain of its own for each test module, the demo's contracts on it, taken back after each test."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest_asyncio

from demo.deploy import Deployment, deploy
from demo.node import Node, connect
from demo.parts import Anvil
from tests.integration.demo_parts.world import MONTH_S, World


@asynccontextmanager
async def fresh_chain(
    *, block_time_s: float | None = None, month_s: int = MONTH_S, count: int = 4
) -> AsyncIterator[tuple[Node, Deployment]]:
    """A fresh anvil with everything deployed."""
    async with Anvil.start(block_time_s=block_time_s) as anvil, connect(anvil.url) as node:
        yield node, await deploy(node, month_s=month_s, count=count)


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def chain(anvil: Path) -> AsyncIterator[tuple[Node, Deployment]]:
    """One chain a module; every transaction is mined at once."""
    async with fresh_chain() as found:
        yield found


@pytest_asyncio.fixture(loop_scope="module")
async def world(chain: tuple[Node, Deployment]) -> AsyncIterator[World]:
    """The chain as it was after deployment."""
    node, deployed = chain
    snapshot = await node.rpc.call("evm_snapshot")
    yield World(node, deployed)
    await node.rpc.call("evm_revert", [snapshot])
