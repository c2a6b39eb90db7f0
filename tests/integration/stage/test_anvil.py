"""The node."""

from pathlib import Path
from typing import Any

import aiohttp
import pytest

from demo.parts import Anvil, PartFailed


async def ask(url: str, method: str) -> Any:
    question = {"jsonrpc": "2.0", "id": 1, "method": method, "params": []}
    async with aiohttp.ClientSession() as session, session.post(url, json=question) as answer:
        return (await answer.json())["result"]


async def test_node_answers_and_ends(anvil: Path) -> None:
    """A node answers while its block is open; afterwards its port is free."""
    async with Anvil.start(chain_id=4242) as node:
        assert await ask(node.url, "eth_chainId") == hex(4242)
    with pytest.raises(aiohttp.ClientConnectorError):
        await ask(node.url, "eth_chainId")


async def test_taken_port_is_named(anvil: Path) -> None:
    """A node whose port is taken says so."""
    async with Anvil.start() as node:
        with pytest.raises(PartFailed, match="in use"):
            async with Anvil.start(port=int(node.url.rpartition(":")[2])):
                pass


async def test_two_chains_at_once(anvil: Path) -> None:
    """Nodes with free ports do not meet."""
    async with Anvil.start() as one, Anvil.start() as two:
        assert one.url != two.url
        await ask(one.url, "evm_mine")
        assert await ask(one.url, "eth_blockNumber") == "0x1"
        assert await ask(two.url, "eth_blockNumber") == "0x0"
