"""With `cross_check` nothing is believed that nobody confirms, whatever becomes of the endpoints."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from indexer.chain import Chain
from indexer.errors import Unconfirmed
from indexer.model import Range
from shared.errors import Inconsistent
from shared.rpc_errors import NoEndpoint, RpcError
from tests.fakes import faults
from tests.fakes.chain import FakeChain
from tests.fakes.clock import Hands
from tests.fakes.families import GETH, GETH_LIMITED, NO_RECEIPTS, Family
from tests.fakes.faults import BLOCKS, Fault
from tests.fakes.node import FakeNode
from tests.unit.node.world import WANTED, busy_chain, log, places, pool_of, truth

SILENT = replace(GETH, lacks=NO_RECEIPTS | {"eth_getTransactionReceipt"})
UNTIMED = replace(GETH, timestamps=False)


@pytest.fixture
def fake() -> FakeChain:
    return busy_chain(60)


def checked(*nodes: FakeNode, hands: Hands | None = None) -> Chain:
    return Chain(pool_of(*nodes, hands=hands), cross_check=True)


def lies(chain: Chain) -> dict[str, int]:
    return {one.name: sum(one.lies.values()) for one in chain._pool.endpoints}


@pytest.mark.parametrize("linked", [True, False])
@pytest.mark.parametrize("family", [GETH, GETH_LIMITED, UNTIMED], ids=["alike", "narrower", "untimed"])
async def test_honest_endpoints_cost_twice_the_questions(linked: bool, family: Family, fake: FakeChain) -> None:
    """A second endpoint confirms every page, within its own limits; receipts are not asked for."""
    family = replace(family, max_blocks=7) if family is GETH_LIMITED else family
    one, two = FakeNode(fake, "one"), FakeNode(fake, "two", family=family)
    chain = checked(one, two)
    await chain.tip()
    asked, receipts = one.asked["eth_getLogs"], [node.asked["eth_getBlockReceipts"] for node in (one, two)]
    assert places(await chain.logs(Range(1, 60), WANTED, linked=linked)) == truth(fake, 1, 60)
    assert one.asked["eth_getLogs"] == asked + 1
    assert two.asked["eth_getLogs"] >= asked + (9 if family.max_blocks == 7 else 1)
    assert [node.asked["eth_getBlockReceipts"] for node in (one, two)] == receipts
    assert lies(chain) == {"one": 0, "two": 0}


@pytest.mark.parametrize("linked", [True, False])
async def test_receipts_stand_in_for_a_second_endpoint(linked: bool, fake: FakeChain) -> None:
    """Where nobody else answers, the page's own receipts prove it, and what they deny is not believed."""
    one, two = FakeNode(fake, "one"), FakeNode(fake, "two")
    chain = checked(one, two)
    await chain.tip()
    two.fail(faults.html().often(10_000))
    assert places(await chain.logs(Range(1, 60), WANTED, linked=linked)) == truth(fake, 1, 60)
    one.fail(faults.shifted_log_index().often(10_000))
    with pytest.raises(NoEndpoint, match=r"one: logs of block \d+ are missing, or are not its own"):
        await chain.logs(Range(1, 60), WANTED, linked=linked)


@pytest.mark.parametrize("linked", [True, False])
@pytest.mark.parametrize("blooms", [True, False])
async def test_what_nobody_confirms_is_waited_for(linked: bool, blooms: bool) -> None:
    """Without a second endpoint, receipts or blooms there are no logs until another endpoint answers."""
    fake = FakeChain(blooms=blooms)
    for number in range(20):
        fake.mine(log(number))
    one, two = FakeNode(fake, "one", family=SILENT if blooms else GETH), FakeNode(fake, "two")
    hands = Hands()
    chain = checked(one, two, hands=hands)
    await chain.tip()
    two.fail(faults.html().often(10_000))
    with pytest.raises(NoEndpoint, match=r"one: nobody confirms blocks 1\.\.\d+: no other endpoint answers"):
        await chain.logs(Range(1, 20), WANTED, linked=linked)
    two.faults.clear()
    hands.at += 60
    assert places(await chain.logs(Range(1, 20), WANTED, linked=linked)) == truth(fake, 1, 20)


async def test_empty_blooms_confirm_nothing() -> None:
    """A block whose bloom is empty is not taken for empty: its receipts say that it is not."""
    fake = FakeChain(blooms=False)
    for number in range(20):
        fake.mine(log(number))
    node = FakeNode(fake, "one")
    chain = checked(node)
    await chain.tip()
    node.fail(faults.empty_logs().often(10_000))
    with pytest.raises(Inconsistent, match="are missing"):
        await chain.logs(Range(1, 20), WANTED)


@pytest.mark.parametrize("third", [True, False])
async def test_two_words_without_receipts_need_a_third(third: bool, fake: FakeChain) -> None:
    """Where two differ and there are no receipts, most endpoints decide; without a third there are no logs."""
    nodes = [FakeNode(fake, name, family=SILENT) for name in ("one", "two", "three")]
    chain = checked(*(nodes if third else nodes[:2]))
    await chain.tip()
    nodes[0].fail(faults.replaced_data().often(10_000))
    if third:
        assert places(await chain.logs(Range(1, 60), WANTED)) == truth(fake, 1, 60)
        assert lies(chain)["one"] > 0 == lies(chain)["two"] == lies(chain)["three"]
    else:
        with pytest.raises(NoEndpoint, match=r"one: block \d+ is told otherwise by two, .*two: block \d+ is told"):
            await chain.logs(Range(1, 60), WANTED)


@pytest.mark.parametrize("linked", [True, False])
@pytest.mark.parametrize(
    "change",
    [
        lambda block: block | {"hash": "0x" + "ee" * 32},
        lambda block: block | {"parentHash": "0x" + "ee" * 32},
        lambda block: block | {"timestamp": hex(int(block["timestamp"], 16) + 1)},
    ],
    ids=["hash", "parent", "time"],
)
async def test_false_headers_are_not_believed(linked: bool, change: Callable[[Any], Any], fake: FakeChain) -> None:
    """Headers are compared, too; two that differ are nobody's to settle, and nothing is stored until they agree."""
    liar, honest = FakeNode(fake, "liar"), FakeNode(fake, "honest")
    chain = checked(liar, honest)
    await chain.tip()
    liar.fail(Fault(BLOCKS, 10_000, change=change))
    try:
        logs = await chain.logs(Range(1, 60), WANTED, linked=linked)
    except RpcError:
        return
    assert places(logs) == truth(fake, 1, 60)
    assert {number: (one.hash, one.time) for number, one in logs.headers.items()} == {
        number: (fake.blocks[number].hash, fake.blocks[number].time) for number in logs.headers
    }


async def test_a_third_endpoint_outdoes_false_headers(fake: FakeChain) -> None:
    """Where two endpoints differ in a header, a third that agrees with the page confirms it, and nobody is blamed."""
    nodes = [FakeNode(fake, name) for name in ("honest", "liar", "third")]
    chain = checked(*nodes)
    await chain.tip()
    nodes[1].fail(Fault(BLOCKS, 10_000, change=lambda block: block | {"parentHash": "0x" + "ee" * 32}))
    assert places(await chain.logs(Range(1, 60), WANTED)) == truth(fake, 1, 60)
    assert lies(chain) == {"honest": 0, "liar": 0, "third": 0}


@pytest.mark.parametrize("linked", [True, False])
async def test_two_forks_are_waited_out(linked: bool, fake: FakeChain) -> None:
    """While a second endpoint stands on another block there are no logs, and nobody is blamed."""
    one, two = FakeNode(fake, "one"), FakeNode(fake, "two")
    chain = checked(one, two)
    await chain.tip()
    two.freeze()
    fake.reorg(3, [log(1)], length=3)
    with pytest.raises(NoEndpoint, match=r"nobody confirms blocks 50\.\.60: two has another block 60"):
        await chain.logs(Range(50, 60), WANTED, linked=linked)
    assert lies(chain) == {"one": 0, "two": 0}
    two.thaw()
    assert places(await chain.logs(Range(50, 60), WANTED, linked=linked)) == truth(fake, 50, 60)


async def test_a_second_endpoint_that_is_a_little_late_is_waited_for(fake: FakeChain) -> None:
    """A block that the second endpoint does not have yet is confirmed as soon as it has."""
    one, two = FakeNode(fake, "one", family=SILENT), FakeNode(fake, "two", lag=1)
    chain = checked(one, two)
    await chain.tip()
    asked = two.posts

    class Late(Hands):
        async def sleep(self, seconds: float) -> None:
            await super().sleep(seconds)
            if two.posts > asked + 2:
                two.lag = 0

    late = Late()
    chain = checked(one, two, hands=late)
    began = late.at
    assert places(await chain.logs(Range(55, 60), WANTED, linked=True)) == truth(fake, 55, 60)
    assert late.at - began < 5


async def test_nobody_else_and_nothing_proved_is_unconfirmed(fake: FakeChain) -> None:
    """With one endpoint that has no receipts the error says so, and passes as soon as there is another."""
    with pytest.raises(Unconfirmed, match=r"nobody confirms blocks 1\.\.60: no other endpoint answers, and receipts"):
        await checked(FakeNode(fake, "one", family=SILENT)).logs(Range(1, 60), WANTED)


async def test_an_audit_looks_for_itself(fake: FakeChain) -> None:
    """An audit of a chain with `cross_check` counts what is not proved, so that it can go on to compare endpoints."""
    chain = checked(FakeNode(fake, "one", family=SILENT))
    chain.blooms.thorough = True
    assert places(await chain.logs(Range(1, 60), WANTED, linked=True)) == truth(fake, 1, 60)
    assert chain.blooms.verdicts["unproved"] > 0
