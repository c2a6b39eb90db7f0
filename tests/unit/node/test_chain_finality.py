"""Finality comes from the chain's tag, or from depth where there is none."""

import asyncio

import pytest

from tests.fakes import faults
from tests.fakes.families import TRON
from tests.fakes.node import FakeNode
from tests.unit.node.world import busy_chain, chain_of


async def test_by_tag() -> None:
    """Where the node knows the tag, finality is what it says."""
    chain = chain_of(FakeNode(busy_chain(100)))
    await chain.tip()
    final = await chain.finalized()
    assert final is not None
    assert final.number == 92
    assert chain.finality.by_tag


@pytest.mark.parametrize(("wanted", "final"), [("finalized", 36), (10, 90), (0, 100)])
async def test_by_depth(wanted: str | int, final: int) -> None:
    """Where no node knows the tag, or a depth is configured, finality is that many blocks below the tip."""
    chain = chain_of(FakeNode(busy_chain(100), family=TRON), finality=wanted)
    await chain.tip()
    found = await chain.finalized()
    assert found is not None
    assert found.number == final
    assert not chain.finality.by_tag


async def test_a_young_chain_has_none() -> None:
    """A chain younger than its finality depth has no final block."""
    chain = chain_of(FakeNode(busy_chain(20), family=TRON))
    assert await chain.finalized() is None


async def test_any_endpoint_with_the_tag_will_do() -> None:
    """One endpoint that knows the tag is enough for all."""
    fake = busy_chain(100)
    chain = chain_of(FakeNode(fake, "tron", TRON), FakeNode(fake, "geth"))
    await chain.tip()
    final = await chain.finalized()
    assert chain.finality.by_tag
    assert final is not None
    assert final.number == 92


async def test_depth_follows_the_tip() -> None:
    """Finality by depth moves on with the tip, in strides, and never back."""
    fake = busy_chain(100)
    node = FakeNode(fake, family=TRON)
    chain = chain_of(node, finality=16)
    numbers = []
    for _ in range(12):
        await chain.tip()
        found = await chain.finalized()
        numbers.append(found.number if found else -1)
        fake.mine()
    assert numbers == sorted(numbers)
    assert numbers[0] == 84
    assert numbers[-1] >= 93


async def test_looks_at_once_never_set_it_back() -> None:
    """Of two questions by depth under way together, the older block's answer may come last: the newer one stands."""
    fake = busy_chain(100)
    node = FakeNode(fake, family=TRON)
    chain = chain_of(node, finality=16)
    await chain.tip()
    node.fail(faults.slow(0.05))
    older = asyncio.create_task(chain.finalized())
    await asyncio.sleep(0)
    fake.mine_empty(20)
    await chain.tip()
    newer = await chain.finalized()
    assert newer is not None
    assert newer.number == 104
    assert await older == newer
