"""Blooms are believed as far as they deserve it."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.chain import Chain
from indexer.chain_bloom import FilterBloom, bloom_of
from indexer.model import Filter, Range
from shared.errors import Inconsistent
from tests.fakes import chain as fakes
from tests.fakes import faults
from tests.fakes.chain import FakeChain, FakeLog
from tests.fakes.families import ARBITRUM, BSC
from tests.fakes.node import FakeNode
from tests.unit.node.world import (
    CREATED,
    MARKET,
    SOLD,
    STRANGER,
    VAULT,
    WANTED,
    busy_chain,
    chain_of,
    log,
    places,
    pool_of,
    truth,
)

items = st.lists(st.binary(min_size=20, max_size=20), max_size=20)


@given(logs=items, wanted=st.lists(st.binary(min_size=20, max_size=20), min_size=1, max_size=5))
def test_a_bloom_never_denies_what_is_there(logs: list[bytes], wanted: list[bytes]) -> None:
    """A bloom that holds an address says so."""
    bloom = bloom_of([*logs, wanted[0]])
    assert FilterBloom(Filter(tuple(wanted))).may_match(bloom)


def test_the_bloom_is_ethereums() -> None:
    """Both makers of blooms, this and the fake chain's, agree bit by bit."""
    logs = [FakeLog(VAULT, (CREATED, SOLD)), FakeLog(MARKET, (SOLD,))]
    assert bloom_of([VAULT, CREATED, SOLD, MARKET]) == fakes.bloom_of(logs)


def test_an_empty_bloom_has_nothing() -> None:
    """A block without logs matches no filter, not even the empty one."""
    assert not FilterBloom(Filter()).may_match(bytes(256))
    assert FilterBloom(Filter()).may_match(bloom_of([VAULT]))


def test_chance_is_told() -> None:
    """The chance of a false yes is about how often it happens."""
    rng = random.Random(7)
    bloom = bloom_of([rng.randbytes(20) for _ in range(400)])
    chance = FilterBloom(Filter((VAULT,))).chance(bloom)
    hits = sum(FilterBloom(Filter((rng.randbytes(20),))).may_match(bloom) for _ in range(2_000))
    assert hits / 2_000 == pytest.approx(chance, abs=0.04)
    assert FilterBloom(Filter()).chance(bloom) == 0


async def test_blooms_left_empty_are_not_believed() -> None:
    """A chain that leaves blooms empty though there are logs is indexed without them from then on."""
    fake = FakeChain(blooms=False)
    for number in range(20):
        fake.mine(log(number))
    chain = chain_of(FakeNode(fake))
    assert places(await chain.logs(Range(1, 20), WANTED, linked=True)) == truth(fake, 1, 20)
    assert not chain.blooms.trusted


async def test_invented_logs() -> None:
    """Logs that the header's bloom excludes are refused when receipts do not have them."""
    fake = busy_chain(5)
    block = fake.mine(FakeLog(STRANGER, (CREATED,)))
    node = FakeNode(fake)
    chain = chain_of(node)
    await chain.tip()
    invented = block.logs_json[0] | {"address": "0x" + VAULT.hex()}
    node.fail(faults.Fault(faults.LOGS, 100, change=lambda logs: [invented]))
    with pytest.raises(Inconsistent, match="its bloom excludes"):
        await chain.logs(Range(block.number, block.number), WANTED, linked=True)
    assert chain.blooms.trusted


def crowded_chain(blocks: int) -> FakeChain:
    """A chain whose blooms often say yes by chance."""
    rng = random.Random(3)
    fake = FakeChain()
    for _ in range(blocks):
        fake.mine(*(FakeLog(rng.randbytes(20), (CREATED,)) for _ in range(160)))
    return fake


async def test_chance_is_settled_by_another_endpoint() -> None:
    """When a bloom says yes by chance, a second endpoint confirms that there is nothing."""
    fake = crowded_chain(40)
    chain = chain_of(FakeNode(fake, "one"), FakeNode(fake, "two"))
    assert (await chain.logs(Range(1, 40), Filter((VAULT,), (CREATED,)), linked=True)).logs == []
    assert chain.blooms.verdicts["chance"] > 0
    assert chain.blooms.trusted


async def test_chance_is_settled_by_receipts() -> None:
    """Without a second endpoint the receipts prove by the bloom itself that nothing is missing."""
    fake = crowded_chain(40)
    node = FakeNode(fake, family=ARBITRUM)
    chain = chain_of(node)
    assert (await chain.logs(Range(1, 40), Filter((VAULT,), (CREATED,)), linked=True)).logs == []
    assert chain.blooms.verdicts["chance"] > 0
    assert node.asked["eth_getBlockReceipts"] < 30


async def test_what_cannot_be_settled_is_counted() -> None:
    """With one endpoint and no receipts at all, a doubt is counted and the answer taken."""
    fake = crowded_chain(30)
    node = FakeNode(fake, family=BSC)
    node.answers["eth_getTransactionReceipt"] = lambda params: None
    chain = chain_of(node)
    assert (await chain.logs(Range(1, 30), Filter((VAULT,), (CREATED,)), linked=True)).logs == []
    assert chain.blooms.verdicts["unproved"] > 0


async def test_a_fork_under_our_hands_proves_nothing() -> None:
    """Receipts that became none by a fork do not prove that blooms lie, nor that the older block was empty."""
    fake = busy_chain(5)
    block = fake.mine(log(0))
    node = FakeNode(fake)
    chain = chain_of(node)
    await chain.tip()

    def fork(logs: object) -> object:
        fake.reorg(1, [])
        return []

    node.fail(faults.Fault(faults.LOGS, change=fork))
    found = await chain.logs(Range(block.number, block.number), WANTED, linked=True)
    assert [header.hash for header in found.headers.values()] == [fake.blocks[block.number].hash] != [block.hash]
    assert chain.blooms.trusted


async def test_receipts_that_are_not_all_there_prove_nothing() -> None:
    """A block whose receipts are only partly given is not held against its bloom."""
    fake = busy_chain(5)
    block = fake.mine(*(log(number) for number in range(4)))
    node = FakeNode(fake)
    chain = chain_of(node)
    await chain.tip()
    node.fail(faults.empty_logs().often(1))
    node.fail(faults.Fault(frozenset({"eth_getBlockReceipts"}), change=lambda receipts: []))
    await chain.logs(Range(block.number, block.number), WANTED, linked=True)
    assert chain.blooms.trusted
    assert chain.blooms.verdicts["unproved"] == 1


async def test_two_liars_need_a_third() -> None:
    """An endpoint that agrees on another fork is no witness."""
    fake = busy_chain(30)
    liar, stale = FakeNode(fake, "liar"), FakeNode(fake, "stale")
    chain = chain_of(liar, stale)
    await chain.tip()
    stale.freeze()
    fake.reorg(10, *[[log(number)] for number in range(11)])
    await chain.tip()
    liar.fail(faults.empty_logs().often(1))
    logs = await chain.logs(Range(21, 31), WANTED, linked=True)
    assert places(logs) == truth(fake, 21, 31)


async def test_logs_that_blooms_leave_out_everywhere() -> None:
    """When two endpoints agree on logs that the bloom excludes, as Polygon's state syncs, the bloom is at fault."""
    fake = busy_chain(5)
    block = fake.mine(FakeLog(STRANGER, (CREATED,)))
    nodes = [FakeNode(fake, name) for name in ("one", "two")]
    chain = chain_of(*nodes)
    await chain.tip()
    synced = block.logs_json[0] | {"address": "0x" + VAULT.hex()}
    for node in nodes:
        node.fail(faults.Fault(faults.LOGS, 100, change=lambda logs: [synced]))
    assert len((await chain.logs(Range(block.number, block.number), WANTED, linked=True)).logs) == 1
    assert not chain.blooms.trusted


async def test_blooms_may_be_left_alone() -> None:
    """Whoever does not want blooms consulted says so."""
    fake = crowded_chain(20)
    node = FakeNode(fake)
    chain = Chain(pool_of(node), blooms=False)
    await chain.logs(Range(1, 20), Filter((VAULT,), (CREATED,)), linked=True)
    assert node.asked["eth_getBlockReceipts"] == 1  # the question at the start
