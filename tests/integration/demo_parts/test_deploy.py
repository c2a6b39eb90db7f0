"""The set-up is the same everywhere and does no harm twice."""

import asyncio
import json
import sys
from pathlib import Path

import pytest

from demo import deploy as setup
from demo.deploy import CONTRACTS, POOLS, PURSE_USD, RESERVE_USD, SETUP_NONCES, Deployment, deploy, deployment
from demo.node import Node, Reverted, connect
from demo.parts import Anvil
from tests.integration.demo_parts.world import ANN, MONTH_S, World

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_everything_stands_after_it(world: World) -> None:
    """Pools, money, allowances and the market's place are there; addresses are those known before."""
    pools = [await world.ask(world.vault, "pools", number + 1) for number in range(len(POOLS))]
    assert [(pool[0], pool[1]) for pool in pools] == list(POOLS)
    assert await world.ask(world.vault, "market") == world.market.address
    assert await world.ask(world.vault, "reserve") == RESERVE_USD
    assert await world.ask(world.vault, "monthSeconds") == MONTH_S
    assert await world.balance(ANN) == PURSE_USD
    assert await world.ask(world.usdt, "decimals") == 6
    assert world.deployed.addresses() == deployment().addresses()
    assert list(world.deployed.addresses()) == list(CONTRACTS)


async def test_again_changes_nothing(chain: tuple[Node, Deployment], world: World) -> None:
    """Running it on a finished chain sends no transaction."""
    node, _ = chain
    before = await node.rpc.call("eth_blockNumber")
    await deploy(node, month_s=MONTH_S, count=4)
    assert await node.rpc.call("eth_blockNumber") == before
    assert await node.nonces([ANN]) == [SETUP_NONCES]


async def test_it_continues_where_it_was_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever number of its transactions got through, the next run sends the rest."""
    async with Anvil.start() as anvil, connect(anvil.url) as node:
        whole = setup.plan
        for length in (0, 1, 5, 11, 20):
            monkeypatch.setattr(setup, "plan", lambda *args, length=length: whole(*args)[:length])
            if length < len(CONTRACTS):
                with pytest.raises(Reverted, match="pool_weth_usdt"):
                    await deploy(node, month_s=MONTH_S, count=2)
            else:
                await deploy(node, month_s=MONTH_S, count=2)
        monkeypatch.setattr(setup, "plan", whole)
        deployed = await deploy(node, month_s=MONTH_S, count=2)
        assert await node.ask(deployed["vault"], "poolCount") == len(POOLS)
        assert await node.ask(deployed["usdt"], "balanceOf", setup.users(2)[1]) == PURSE_USD


async def test_the_command_writes_the_addresses(tmp_path: Path) -> None:
    """`python -m demo.deploy` prints checksummed addresses and writes them where it is told."""
    out = tmp_path / "addresses.json"
    async with Anvil.start(block_time_s=1) as anvil:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "demo.deploy", "--rpc", anvil.url, "--out", str(out), stdout=asyncio.subprocess.PIPE
        )
        printed, _ = await process.communicate()
    assert process.returncode == 0
    assert json.loads(printed) == json.loads(out.read_text()) == deployment().addresses()


async def test_no_node_is_one_clear_line() -> None:
    """Without a node the command says so and exits 1, no traceback."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "demo.deploy", "--rpc", "http://127.0.0.1:1", stderr=asyncio.subprocess.PIPE
    )
    _, said = await process.communicate()
    assert process.returncode == 1
    assert b"cannot connect" in said
    assert b"Traceback" not in said
