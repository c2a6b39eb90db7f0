"""Logs are the chain's own, whatever the nodes do."""

from dataclasses import replace
from typing import Any

import pytest

from indexer.chain import Chain
from indexer.model import Filter, Range
from shared.errors import Inconsistent, Transient
from shared.rpc_errors import NoEndpoint, RpcError
from tests.fakes import faults
from tests.fakes.chain import FakeChain
from tests.fakes.clock import Hands
from tests.fakes.families import FAMILIES, GETH, GETH_LIMITED, NO_BATCH, TRON, Family, Refusal
from tests.fakes.faults import Fault
from tests.fakes.node import FakeNode
from tests.unit.node.world import CREATED, SOLD, VAULT, WANTED, busy_chain, chain_of, log, places, pool_of, truth

LIES = faults.Faults().lies
TROUBLES = faults.Faults().troubles


@pytest.fixture
def fake() -> FakeChain:
    return busy_chain(60)


@pytest.mark.parametrize("linked", [True, False])
async def test_logs_are_those_of_the_chain(fake: FakeChain, linked: bool) -> None:
    """Every matching log of the range comes once, in order, with the headers that were promised."""
    logs = await chain_of(FakeNode(fake)).logs(Range(5, 44), WANTED, linked=linked)
    assert places(logs) == truth(fake, 5, 44)
    assert (logs.first.hash, logs.last.hash) == (fake.blocks[5].hash, fake.blocks[44].hash)
    assert set(logs.headers) >= (set(range(5, 45)) if linked else {5, 44})
    assert all(header.hash == fake.blocks[number].hash for number, header in logs.headers.items())


@pytest.mark.parametrize("alone", [True, False])
async def test_a_thorough_watch_finds_what_is_missing_in_part(fake: FakeChain, alone: bool) -> None:
    """A block of which only some logs are told is settled, too: by receipts, or by another endpoint and receipts."""
    liar, honest = FakeNode(fake, "liar"), FakeNode(fake, "honest")
    liar.fail(faults.partial_logs().often(100_000))
    chain = chain_of(liar) if alone else chain_of(liar, honest)
    await chain.tip()
    chain.blooms.thorough = True
    if alone:
        with pytest.raises(Inconsistent, match="are missing"):
            await chain.logs(Range(1, 60), WANTED, linked=True)
    else:
        assert places(await chain.logs(Range(1, 60), WANTED, linked=True)) == truth(fake, 1, 60)
    assert chain.blooms.trusted


async def test_a_lying_second_opinion_does_not_hurt_the_honest(fake: FakeChain) -> None:
    """Where two endpoints differ the receipts decide, whoever was asked first."""
    honest, liar = FakeNode(fake, "honest"), FakeNode(fake, "liar")
    liar.fail(faults.partial_logs().often(100_000))
    chain = chain_of(honest, liar)
    await chain.tip()
    chain.blooms.thorough = True
    assert places(await chain.logs(Range(1, 60), WANTED, linked=True)) == truth(fake, 1, 60)
    lies = {one.name: sum(one.lies.values()) for one in chain._pool.endpoints}
    assert lies["honest"] == 0
    assert lies["liar"] > 0


async def test_times_are_known(fake: FakeChain) -> None:
    """Where logs do not tell their time, the headers of their blocks come along."""
    node = FakeNode(fake, family=TRON)
    logs = await chain_of(node).logs(Range(1, 60), WANTED)
    assert {int(one.block_number, 16) for one in logs.logs} <= set(logs.headers)


@pytest.mark.parametrize("name", [*LIES, *TROUBLES])
async def test_what_passes_is_waited_out(name: str, fake: FakeChain) -> None:
    """A single endpoint that fails for a moment is asked again, and the logs are right."""
    node = FakeNode(fake)
    chain = chain_of(node)
    await chain.tip()
    node.fail((LIES | TROUBLES)[name]().often(2))
    if name == "billing":
        with pytest.raises(RpcError):
            await chain.logs(Range(1, 60), WANTED, linked=True)
        return
    assert places(await chain.logs(Range(1, 60), WANTED, linked=True)) == truth(fake, 1, 60)


async def test_an_empty_answer_alone_is_settled_by_receipts(fake: FakeChain) -> None:
    """A single endpoint that leaves out all logs is convicted by its own receipts."""
    node = FakeNode(fake)
    chain = chain_of(node)
    await chain.tip()
    node.fail(faults.empty_logs().often(10_000))
    with pytest.raises(Inconsistent, match="are missing"):
        await chain.logs(Range(1, 60), WANTED, linked=True)
    assert chain.blooms.verdicts["lie"] > 0


async def test_a_lagging_backend_is_not_believed(fake: FakeChain) -> None:
    """A node that has not seen the range yet does not answer it with nothing."""
    late, good = FakeNode(fake, "late"), FakeNode(fake, "good")
    chain = chain_of(late, good)
    await chain.tip()
    late.lag = 30
    assert places(await chain.logs(Range(20, 60), WANTED)) == truth(fake, 20, 60)


async def test_a_lagging_backend_alone_is_waited_for(fake: FakeChain) -> None:
    """A range that the only endpoint has not seen yet is an error that passes, never an empty answer."""
    late = FakeNode(fake, "late")
    chain = chain_of(late)
    await chain.tip()
    late.lag = 30
    with pytest.raises(Transient, match="beyond current head"):
        await chain.logs(Range(20, 60), WANTED)


async def test_logs_of_a_fork_are_refused(fake: FakeChain) -> None:
    """Pages of two forks are not joined."""
    node = FakeNode(fake, family=GETH_LIMITED)
    chain = chain_of(node)
    busy = busy_chain(3_000, seed=5)
    node.chain = busy
    await chain.tip()
    original = node.post
    posts = 0

    async def post(body: bytes) -> object:
        nonlocal posts
        posts += 1
        if posts == 3:
            busy.reorg(2_500)
        return await original(body)

    node.post = post  # type: ignore[method-assign,assignment]
    with pytest.raises(Inconsistent, match="does not follow"):
        await chain.logs(Range(1, 2_900), WANTED)


@pytest.fixture(scope="module")
def long() -> FakeChain:
    """6,000 blocks, some stretches dense."""
    chain = FakeChain()
    for number in range(6_000):
        chain.mine(*([log(number), log(number, topic=SOLD)] if number % 7 == 0 or 3_000 <= number < 3_200 else []))
    return chain


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
async def test_every_family_is_indexed(family: Family, long: FakeChain) -> None:
    """Whatever limits a provider has and however it words them, all logs come, for few more requests than needed."""
    node = FakeNode(long, family=family)
    hands = Hands()
    chain = chain_of(node, hands=hands)
    tip = await chain.tip()
    began, posts = hands.at, node.posts
    logs = await chain.logs(Range(0, tip.number), WANTED)
    assert places(logs) == truth(long)
    fewest = max(-(-6_001 // (family.max_blocks or 10**9)), -(-len(logs.logs) // (family.max_results or 10**9)))
    headers = 0 if family.timestamps else len(logs.headers) // 100 + len(logs.logs) // 200
    batch = 1 if family.max_batch is None or family.max_batch > 3 else 3
    assert node.posts - posts <= (1.6 * fewest + 10) * batch + headers
    assert hands.at - began < 10


async def test_one_block_that_is_too_full(fake: FakeChain) -> None:
    """A single block that the endpoint refuses is read from its receipts."""
    full = fake.mine(*(log(number) for number in range(400)))
    fake.mine()
    refusal = faults.says(-32005, "query returned more than 300 results").often(10_000)
    refusal.methods = faults.LOGS
    node = FakeNode(fake)
    chain = chain_of(node)
    await chain.tip()
    node.fail(refusal)
    logs = await chain.logs(Range(full.number, full.number), WANTED)
    assert places(logs) == truth(fake, full.number, full.number)
    assert len(logs.logs) == 400


async def test_receipts_one_by_one(fake: FakeChain) -> None:
    """Where there are no receipts by block, each transaction's is asked for."""
    full = fake.mine(transactions=[[log(number)] for number in range(30)])
    node = FakeNode(fake, family=TRON)
    chain = chain_of(node)
    await chain.tip()
    refusal = faults.says(-32005, "query returned more than 10 results").often(10_000)
    refusal.methods = faults.LOGS
    node.fail(refusal)
    assert places(await chain.logs(Range(full.number, full.number), WANTED)) == truth(fake, full.number, full.number)


async def test_wrong_log_indices_everywhere_are_mended(fake: FakeChain) -> None:
    """Where every endpoint numbers logs wrongly, the receipts' order numbers them."""
    node = FakeNode(fake)
    chain = chain_of(node)
    await chain.tip()
    node.fail(faults.duplicate_log_index().often(100_000))
    number = next(block.number for block in fake.blocks if len(truth(fake, block.number, block.number)) > 1)
    logs = await chain.logs(Range(number, number), WANTED)
    assert places(logs) == truth(fake, number, number)


async def test_filters_are_split(fake: FakeChain) -> None:
    """A filter that names too many addresses is asked in pieces, and no log is lost or doubled."""
    many = tuple(number.to_bytes(20, "big") for number in range(1, 2_500))
    wanted = Filter((*many, *WANTED.addresses), WANTED.topic0s)
    for family in (GETH_LIMITED, replace(GETH_LIMITED, too_long=lambda count: Refusal(-32602, "too many addresses"))):
        node = FakeNode(fake, family=family)
        chain = chain_of(node)
        await chain.tip()
        assert places(await chain.logs(Range(1, 60), wanted)) == truth(fake, 1, 60)
        asked = node.asked["eth_getLogs"]
        await chain.logs(Range(1, 60), wanted)
        assert node.asked["eth_getLogs"] - asked <= 5


async def test_unknown_refusals_are_narrowed(fake: FakeChain) -> None:
    """A refusal that nobody understands is asked of others first, then more narrowly, without waiting."""

    def refuse(asked: tuple[int, int]) -> Exception:
        return Refusal(-32602, "flurb exceeds the wibble")

    odd = replace(GETH, max_blocks=10, too_wide=refuse)
    hands = Hands()
    chain = chain_of(FakeNode(fake, family=odd), hands=hands)
    await chain.tip()
    began = hands.at
    assert places(await chain.logs(Range(1, 60), WANTED)) == truth(fake, 1, 60)
    assert hands.at - began < 5


async def test_an_unexplained_width_is_remembered(long: FakeChain) -> None:
    """Where nobody says how wide is too wide, it is found out once, and not again for every page."""

    def refuse(asked: tuple[int, int]) -> Exception:
        return Refusal(-32602, "flurb exceeds the wibble")

    node = FakeNode(long, family=replace(GETH, max_blocks=100, too_wide=refuse))
    chain = chain_of(node)
    tip = await chain.tip()
    posts = node.posts
    assert places(await chain.logs(Range(0, tip.number), WANTED)) == truth(long)
    assert node.posts - posts <= 60 + 20


async def test_an_outage_teaches_no_width(long: FakeChain) -> None:
    """When no width helped, the widths are those of before."""
    node = FakeNode(long)
    chain = chain_of(node)
    tip = await chain.tip()
    await chain.logs(Range(0, 2_999), WANTED)
    wide = chain.span(WANTED)
    node.fail(faults.html(502).often(1_000))
    with pytest.raises(RpcError):
        await chain.logs(Range(3_000, tip.number), WANTED)
    assert chain.span(WANTED) == wide


async def test_a_body_that_is_too_large(fake: FakeChain) -> None:
    """A request whose own length is refused asks for fewer addresses; one that has few of them for fewer blocks."""
    many = Filter(tuple(sorted([*WANTED.addresses, *(bytes([1, n]) * 10 for n in range(60))])), WANTED.topic0s)
    family = replace(GETH, max_filters=20, too_long=lambda count: Refusal(0, "413 Request Entity Too Large", 413))
    node = FakeNode(fake, family=family)
    chain = chain_of(node)
    await chain.tip()
    assert places(await chain.logs(Range(1, 60), many)) == truth(fake, 1, 60)
    large = faults.says(0, "413 Request Entity Too Large", 413).often(3)
    large.methods = faults.LOGS
    node.fail(large)
    assert places(await chain.logs(Range(1, 60), WANTED)) == truth(fake, 1, 60)


async def test_slow_ranges_are_narrowed(fake: FakeChain) -> None:
    """A range over which the connection breaks or answers are cut is tried more narrowly."""
    node = FakeNode(fake)
    chain = chain_of(node)
    await chain.tip()
    cut = faults.truncated().often(3)
    cut.methods = faults.LOGS
    node.fail(cut)
    assert places(await chain.logs(Range(1, 60), WANTED)) == truth(fake, 1, 60)


async def test_without_batches_all_checks_stay(fake: FakeChain) -> None:
    """A node that takes no batches is asked one by one, and its lies are noticed all the same."""
    node = FakeNode(fake, family=NO_BATCH)
    chain = chain_of(node)
    await chain.tip()
    assert places(await chain.logs(Range(1, 60), WANTED, linked=True)) == truth(fake, 1, 60)
    node.fail(faults.wrong_block_hash().often(10_000))
    with pytest.raises(Inconsistent):
        await chain.logs(Range(1, 60), WANTED, linked=True)


async def test_headers(fake: FakeChain) -> None:
    """Headers come by number; None says that the chain ends below."""
    found = await chain_of(FakeNode(fake)).headers([0, 7, 60, 61])
    assert {number: header and header.hash for number, header in found.items()} == {
        0: fake.blocks[0].hash,
        7: fake.blocks[7].hash,
        60: fake.blocks[60].hash,
        61: None,
    }


async def test_everybody_lies(fake: FakeChain) -> None:
    """When no endpoint tells the truth, the error names each with its lie."""
    nodes = [FakeNode(fake, name) for name in ("one", "two")]
    chain = chain_of(*nodes)
    await chain.tip()
    for node in nodes:
        node.fail(faults.wrong_block_hash().often(10_000))
    with pytest.raises(NoEndpoint, match=r"one: logs of another block .*two: logs of another block"):
        await chain.logs(Range(1, 60), WANTED, linked=True)


async def test_an_empty_filter_asks_for_everything(fake: FakeChain) -> None:
    """A filter without addresses and events matches every log."""
    logs = await chain_of(FakeNode(fake)).logs(Range(0, 60), Filter())
    assert len(logs.logs) == len(fake.logs(0, 60))


async def test_a_filter_by_address_alone(fake: FakeChain) -> None:
    """A filter without events matches every log of its contracts."""
    logs = await chain_of(FakeNode(fake)).logs(Range(0, 60), Filter((VAULT,)), linked=True)
    assert {one.address for one in logs.logs} == {"0x" + VAULT.hex()}


async def test_spans_follow_the_endpoint(fake: FakeChain) -> None:
    """The width to plan with is what the endpoint takes."""
    busy = busy_chain(4_000, seed=3)
    chain = chain_of(FakeNode(busy, family=GETH_LIMITED))
    await chain.tip()
    await chain.logs(Range(0, 3_900), Filter((b"\x01" * 20,), (CREATED,)))
    assert chain.span(Filter((b"\x01" * 20,), (CREATED,))) == 1_001


@pytest.mark.parametrize("linked", [True, False])
async def test_hex_of_any_case(linked: bool) -> None:
    """Nodes may write hex as they like, topics too: what was asked for is known again, and told apart from the rest."""

    def shout(logs: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [log | {"topics": [_shouted(one) for one in log["topics"]]} for log in logs]

    topic, fake = b"\xab" * 32, FakeChain()
    for number in range(40):
        fake.mine(log(number, topic=topic))
    wanted = Filter((VAULT,), (topic,))
    loud, plain = FakeNode(fake, "loud"), FakeNode(fake, "plain")
    pool = pool_of(loud, plain)
    chain = Chain(pool)
    chain.blooms.thorough = True
    await chain.tip()
    loud.fail(Fault(faults.LOGS, 1_000, change=shout))
    assert places(await chain.logs(Range(0, 40), wanted, linked=linked)) == truth(fake)
    assert not any(pool.endpoints[0].lies.values())
    loud.fail(faults.foreign_topic().often(1_000))
    assert places(await chain.logs(Range(0, 40), wanted, linked=linked)) == truth(fake)
    assert pool.endpoints[0].lies["filter"]


def _shouted(word: str) -> str:
    return "0x" + word[2:].upper()
