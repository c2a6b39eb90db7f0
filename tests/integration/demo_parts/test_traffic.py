"""The same seed plays the same on every chain, and nothing stops the play."""

import asyncio
from typing import Any

import pytest

from demo.deploy import Deployment, deploy, deployment, users
from demo.node import Node, connect
from demo.parts import Anvil
from demo.survey import survey
from demo.traffic import OutOfStep, Play, Stage, perform
from shared.runtime import Stop
from tests.integration.demo_parts.conftest import fresh_chain
from tests.integration.demo_parts.running import PATIENCE_S, running
from tests.integration.demo_parts.world import World

START_S = 2_000_000_000
PLAYERS = users(5)
MONTH_S = 2  # wexels live for 24 to 72 seconds

Event = tuple[str, dict[str, Any]]


async def events(node: Node, where: Deployment) -> list[Event]:
    """Everything that users made the contracts say, in the order of the chain."""
    addresses = [where["vault"].address, where["marketplace"].address]
    logs = await node.rpc.call("eth_getLogs", [{"fromBlock": "0x0", "toBlock": "latest", "address": addresses}])
    world = World(node, where)
    found = [event for log in logs if (event := world.read(log)) is not None]
    return [event for event in found if event[0] != "PoolCreated"]


class Stepped:
    """A play on a chain whose blocks the test mines, one a second from START_S on."""

    def __init__(self, node: Node, where: Deployment, play: Play) -> None:
        self.world = World(node, where)
        self.stage = Stage(node, where, play)
        self.now_s = START_S

    async def begin(self) -> None:
        await self.world.node.rpc.call("evm_setAutomine", [False])
        await self.world.at(self.now_s)
        await self.stage.enter()

    async def blocks(self, count: int) -> None:
        for _ in range(count):
            await self.stage.tick(self.now_s)
            self.now_s += 1
            await self.world.at(self.now_s)


async def played(seed: str, blocks: int) -> list[Event]:
    """The events of a play on a chain of its own."""
    async with fresh_chain(month_s=MONTH_S, count=len(PLAYERS)) as (node, where):
        stepped = Stepped(node, where, Play(seed, 8, PLAYERS))
        await stepped.begin()
        await stepped.blocks(blocks)
        return await events(node, where)


async def test_two_chains_one_seed_the_same_events() -> None:
    """On fresh chains with the same block times every event is the same, to the last amount; other seeds differ."""
    first, second, other = await asyncio.gather(played("a", 90), played("a", 90), played("b", 90))
    assert first == second
    assert first != other
    assert {name for name, _ in first} == {
        *("Transfer", "WexelCreated", "BoostApplied", "Accrued", "Claimed", "Collateralized", "LoanRepaid"),
        *("Redeemed", "Listed", "Sold", "ListingCancelled"),
    }


async def test_a_restart_goes_on_where_it_was() -> None:
    """What a new process reads off the chain is what the old one knew."""
    async with fresh_chain(month_s=MONTH_S, count=len(PLAYERS)) as (node, where):
        stepped = Stepped(node, where, Play("a", 8, PLAYERS))
        await stepped.begin()
        await stepped.blocks(60)
        known, number = stepped.stage.book, stepped.stage.number
        again = Stage(node, where, Play("a", 8, PLAYERS))
        await again.enter()
        assert again.number == number
        read = await survey(node, where, 60 * 1000)
        assert list(read.notes) == list(known.notes)
        for mine, theirs in zip(known, read, strict=True):
            assert (mine.owner, mine.principal_usd, mine.boost_bp, mine.loan_usd, mine.listing) == (
                *(theirs.owner, theirs.principal_usd, theirs.boost_bp, theirs.loan_usd, theirs.listing),
            )
            assert 0 <= theirs.matures_ms - mine.matures_ms <= 2_000
            assert 0 <= theirs.created_ms - mine.created_ms <= 2_000
        assert (read.last_wexel, read.last_listing) == (known.last_wexel, known.last_listing)


async def test_refused_actions_do_not_stop_it() -> None:
    """A user who withdrew their allowance is refused again and again; all the others go on."""
    async with fresh_chain(block_time_s=0.2, month_s=MONTH_S, count=len(PLAYERS)) as (node, where):
        world = World(node, where)
        await node.settle([await node.tell(PLAYERS[0], where["usdt"], "approve", world.vault.address, 0)])
        stage, stop = Stage(node, where, Play("a", 10, PLAYERS)), Stop()
        performing = asyncio.create_task(perform(stage, node, stop))
        async with asyncio.timeout(PATIENCE_S):
            while await world.ask(world.vault, "totalDeposits") < 12 or not await refused(node):
                await asyncio.sleep(0.1)
        stop.set()
        await performing
        owners = {given["owner"] for name, given in await events(node, where) if name == "WexelCreated"}
        assert PLAYERS[0] not in owners
        assert len(owners) == len(PLAYERS) - 1


async def refused(node: Node) -> bool:
    """Whether any transaction of the chain failed."""
    last = int(await node.rpc.call("eth_blockNumber"), 16)
    for number in range(last + 1):
        receipts = await node.rpc.call("eth_getBlockReceipts", [hex(number)])
        if any(receipt["status"] != "0x1" for receipt in receipts):
            return True
    return False


async def test_it_waits_for_the_contracts() -> None:
    """On an empty chain the play says what it waits for, and begins when that is there."""
    async with Anvil.start(block_time_s=0.2) as anvil, connect(anvil.url) as node:
        stage, stop = Stage(node, deployment(), Play("a", 50, PLAYERS, length=5)), Stop()
        await node.rpc.call("evm_mine")
        with pytest.raises(OutOfStep, match="not deployed"):
            await stage.enter()
        performing = asyncio.create_task(perform(stage, node, stop))
        await deploy(node, month_s=MONTH_S, count=len(PLAYERS))
        await asyncio.wait_for(performing, PATIENCE_S)
        assert stage.number == 5


def untimed(found: list[Event]) -> list[Event]:
    """Without what follows from the time of a block."""
    timed = {"maturesAt": None}, {"amountUsd": None}
    return [
        (name, given | (timed[0] if name == "WexelCreated" else timed[1] if name in ("Accrued", "Claimed") else {}))
        for name, given in found
    ]


async def test_the_process_plays_the_same_on_live_chains() -> None:
    """`python -m demo.traffic` on two chains with their own clocks: the same events up to block times, exit code 0."""

    async def live() -> list[Event]:
        async with fresh_chain(block_time_s=1, month_s=MONTH_S, count=len(PLAYERS)) as (node, where):
            options = ("--rpc", node.url, "--rate", "25", "--seed", "live", "--users", str(len(PLAYERS)))
            async with running("demo.traffic", *options, "--actions", "200") as traffic:
                assert await asyncio.wait_for(traffic.process.wait(), PATIENCE_S) == 0
            return await events(node, where)

    first, second = await asyncio.gather(live(), live())
    assert len(first) > 200
    assert untimed(first) == untimed(second)


async def test_the_process_ends_on_sigterm() -> None:
    """In the middle of the play, and while there is no node: exit code 0."""
    async with fresh_chain(block_time_s=0.2, count=len(PLAYERS)) as (node, _):
        url = node.url
        async with running("demo.traffic", "--rpc", url, "--users", str(len(PLAYERS)), "--rate", "20") as traffic:
            await traffic.line("playing")
            assert await traffic.terminate() == 0
    async with running("demo.traffic", "--rpc", url) as traffic:
        await traffic.line("out of step")
        assert await traffic.terminate() == 0
