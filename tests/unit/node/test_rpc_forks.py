"""Endpoints on dead forks are left out, by name, until they come back."""

from __future__ import annotations

import asyncio

import pytest

from shared.pool import Pool
from shared.rpc_forks import Vote, on_dead_forks
from tests.fakes import faults
from tests.fakes.chain import FakeChain
from tests.fakes.families import GETH, TRON
from tests.fakes.node import FakeNode
from tests.unit.node.world import busy_chain, chain_of, pool_of

FINALITY = 8


def votes(agree: int, deny: int, split: int = 0, silent: int = 0) -> tuple[Pool, list[Vote]]:
    pool = pool_of(*(FakeNode(FakeChain(), f"n{number}") for number in range(agree + deny + split + silent)))
    says = [(True, False)] * agree + [(False, False)] * deny + [(False, True)] * split + [(None, False)] * silent
    return pool, [Vote(one, *said) for one, said in zip(pool.endpoints, says, strict=True)]


@pytest.mark.parametrize(
    ("agree", "deny", "split", "silent", "out"),
    [(1, 1, 0, 0, 1), (2, 1, 0, 3, 1), (1, 2, 0, 0, 0), (2, 2, 0, 0, 2), (1, 0, 1, 0, 0), (1, 0, 0, 2, 0)],
    ids=["one to one", "a minority", "a majority", "half", "two finalities", "nobody denies"],
)
def test_who_denies_what_is_final_is_left_out(agree: int, deny: int, split: int, silent: int, out: int) -> None:
    """What is final has the casting vote; a majority against it, or another finality, is for a person to judge."""
    assert len(on_dead_forks(votes(agree, deny, split, silent)[1])) == out


async def left_behind(first: FakeNode, fake: FakeChain) -> None:
    """The first endpoint stays on a block that is no longer the chain's, until others' blocks are final."""
    first.freeze()
    fake.reorg(2)
    fake.mine_empty(3 * FINALITY)


@pytest.mark.usefixtures("unhurried")
@pytest.mark.parametrize("finality", ["finalized", FINALITY])
async def test_an_endpoint_left_on_a_dead_fork_is_left_out_and_comes_back(finality: str | int) -> None:
    """Its chain is compared where it ends; nobody asks it any more; when it has caught up it is asked again."""
    fake = busy_chain(40)
    family = GETH if finality == "finalized" else TRON
    first, second = FakeNode(fake, "first", family), FakeNode(fake, "second", family)
    chain = chain_of(first, second, finality=finality)
    pool = chain._pool
    await chain.tip()
    await chain.finalized()
    await left_behind(first, fake)
    for endpoint in pool.endpoints:
        await endpoint.look()
        endpoint.health.finalized_at = float("-inf")
        await endpoint.look()
    await chain.tip()
    await chain.finalized()
    astray = pool.endpoints[0]
    assert astray.health.astray is not None
    assert not astray.health.up()
    assert astray.lies["finality"] == 1
    asked = first.posts
    headers = await chain.headers([40])
    assert headers[40] is not None
    assert headers[40].hash == fake.blocks[40].hash
    assert first.posts == asked
    assert not await chain.examine(), "it is left out already"
    first.thaw()
    await chain.examine()
    assert astray.health.astray is None
    assert astray.health.up()


async def test_an_endpoint_that_only_lags_is_not_left_out() -> None:
    """Behind on the same chain is no other fork."""
    fake = busy_chain(60)
    lagging = FakeNode(fake, "lagging", lag=30)
    chain = chain_of(lagging, FakeNode(fake, "second"))
    await chain.tip()
    await chain.finalized()
    assert not await chain.examine()
    assert all(one.health.astray is None for one in chain._pool.endpoints)


async def test_an_endpoint_that_hangs_delays_nobody() -> None:
    """While one endpoint does not answer, the last final block stands; the new one counts when all were asked."""
    fake = busy_chain(40)
    first, slow = FakeNode(fake, "first"), FakeNode(fake, "slow")
    chain = chain_of(first, slow)
    forks = chain._pool.forks
    await chain.tip()
    before = await chain.finalized()
    assert before is not None
    slow.fail(faults.slow(1.0))
    fake.mine_empty(5)
    new = await chain._pool.endpoints[0].block(hex(before.number + 5))
    assert new is not None
    assert await forks.settle(new) is not new
    assert forks._asking is not None
    await asyncio.wait({forks._asking})
    assert await forks.settle(new) is new
    slow.fail(faults.slow(30.0))
    fake.mine_empty(5)
    newest = await chain._pool.endpoints[0].block(hex(before.number + 10))
    assert newest is not None
    assert await forks.settle(newest) is new
    await chain._pool.close()


async def test_who_looks_at_once_learns_the_same() -> None:
    """Followers and backfills share a watch: looks that wait for one examination all hear what it settled."""
    fake = busy_chain(40)
    pool = pool_of(FakeNode(fake, "first"), FakeNode(fake, "second"))
    await pool.start()
    final = await pool.endpoints[0].block(hex(30))
    assert final is not None
    assert await asyncio.gather(*(pool.forks.settle(final) for _ in range(3))) == [final] * 3
