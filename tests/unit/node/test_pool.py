"""Many endpoints behave as one."""

import asyncio

import pytest

from shared.endpoint import Endpoint
from shared.pool import PATIENCE_S, Pool
from shared.rpc_errors import (
    Contradiction,
    NoEndpoint,
    QuotaExhausted,
    RateLimited,
    Rejected,
    Reverted,
    TransportFailed,
    WrongChain,
)
from shared.rpc_types import Call
from tests.fakes import faults
from tests.fakes.chain import FakeChain
from tests.fakes.clock import Hands
from tests.fakes.families import NO_BATCH, SHORT_BATCH, TRON
from tests.fakes.node import FakeNode
from tests.unit.node.world import busy_chain, pool_of

CHAIN_ID = Call("eth_chainId")


@pytest.fixture
def chain() -> FakeChain:
    return busy_chain(40)


@pytest.fixture
def first(chain: FakeChain) -> FakeNode:
    return FakeNode(chain, "first")


@pytest.fixture
def second(chain: FakeChain) -> FakeNode:
    return FakeNode(chain, "second")


async def test_the_first_endpoint_answers(first: FakeNode, second: FakeNode) -> None:
    """While all are well the endpoint that the user named first is asked."""
    pool = pool_of(first, second)
    await pool.start()
    before = second.posts
    for _ in range(5):
        await pool.call("eth_blockNumber")
    assert second.posts == before
    assert pool.switches == 0


@pytest.mark.parametrize("name", faults.Faults().troubles)
async def test_another_endpoint_stands_in(name: str, first: FakeNode, second: FakeNode) -> None:
    """Whatever trouble one endpoint is in, the other answers."""
    pool = pool_of(first, second)
    await pool.start()
    first.fail(faults.Faults().troubles[name]().often(3))
    assert await pool.batch([CHAIN_ID, Call("eth_blockNumber")]) == [hex(1337), hex(40)]


@pytest.mark.parametrize("name", [name for name in faults.Faults().troubles if name != "billing"])
async def test_the_only_endpoint_is_tried_again(name: str, first: FakeNode) -> None:
    """One endpoint in trouble is asked again after a rest."""
    pool = pool_of(first)
    await pool.start()
    first.fail(faults.Faults().troubles[name]().often(2))
    assert await pool.batch([CHAIN_ID, Call("eth_blockNumber")]) == [hex(1337), hex(40)]


async def test_retry_after_is_obeyed(first: FakeNode) -> None:
    """An endpoint that names a pause is not asked before it is over."""
    hands = Hands()
    pool = pool_of(first, hands=hands)
    await pool.start()
    began = hands.at
    first.fail(faults.rate_limited("7"))
    await pool.call("eth_blockNumber")
    assert hands.at - began >= 7


async def test_patience_ends(first: FakeNode) -> None:
    """When no endpoint answers, the error of the only one comes back."""
    hands = Hands()
    pool = pool_of(first, hands=hands)
    await pool.start()
    first.fail(faults.dropped().often(1_000))
    with pytest.raises(TransportFailed, match="first: the connection broke"):
        await pool.call("eth_blockNumber")


async def test_all_errors_are_told(first: FakeNode, second: FakeNode) -> None:
    """When no endpoint answers, the error says what each of them said."""
    pool = pool_of(first, second)
    await pool.start()
    first.fail(faults.dropped().often(1_000))
    second.fail(faults.html().often(1_000))
    with pytest.raises(NoEndpoint, match=r"no endpoint of test.*first: the connection broke.*second: .*502"):
        await pool.call("eth_blockNumber")


async def test_a_long_pause_is_not_waited_for(first: FakeNode) -> None:
    """A pause longer than our patience is handed to the caller at once."""
    hands = Hands()
    pool = pool_of(first, hands=hands)
    await pool.start()
    began = hands.at
    first.fail(faults.rate_limited("600").often(2))
    with pytest.raises(RateLimited):
        await pool.call("eth_blockNumber")
    assert hands.at - began < 1


async def test_an_empty_account_is_left_alone(first: FakeNode, second: FakeNode) -> None:
    """An endpoint whose quota is used up is down, and is asked again only much later."""
    hands = Hands()
    pool = pool_of(first, second, hands=hands)
    await pool.start()
    first.fail(faults.billing())
    await pool.call("eth_blockNumber")
    assert isinstance(pool.endpoints[0].health.last_error, QuotaExhausted)
    assert not pool.endpoints[0].health.up()
    asked = first.posts
    for _ in range(10):
        await pool.call("eth_blockNumber")
        hands.at += 5
    assert first.posts == asked
    assert pool.first.name == "second"
    assert pool.switches == 1


async def test_what_the_contract_refuses_is_final(first: FakeNode, second: FakeNode) -> None:
    """A revert is the contract's answer; nobody else is asked."""
    pool = pool_of(first, second)
    await pool.start()
    first.fail(faults.says(3, "execution reverted: paused"))
    before = second.posts
    with pytest.raises(Reverted, match="paused"):
        await pool.call("eth_call", [{}, "latest"])
    assert second.posts == before


async def test_a_missing_method_is_asked_of_another(first: FakeNode, chain: FakeChain) -> None:
    """What one endpoint does not offer another may."""
    tron = FakeNode(chain, "tron", TRON)
    pool = pool_of(tron, first)
    assert await pool.call("eth_getBlockReceipts", ["0x1"]) is not None


async def test_a_missing_method_ends_at_once(chain: FakeChain) -> None:
    """What nobody offers is refused without waiting."""
    hands = Hands()
    pool = pool_of(FakeNode(chain, "tron", TRON), hands=hands)
    await pool.start()
    began = hands.at
    with pytest.raises(Rejected):
        await pool.call("eth_getBlockReceipts", ["0x1"])
    assert hands.at == began


async def test_a_stranger_is_refused_by_name(first: FakeNode, second: FakeNode, chain: FakeChain) -> None:
    """An endpoint of another chain is never asked; the error names it and both chains."""
    third = FakeNode(chain, "third", chain_id=5)
    pool = pool_of(third, first, second)
    await pool.start()
    assert pool.chain_id == 1337
    assert str(pool.endpoints[0].health.refused) == "third serves chain 5, but test is chain 1337"
    before = third.posts
    await pool.call("eth_blockNumber")
    assert third.posts == before


async def test_only_strangers(chain: FakeChain) -> None:
    """When every endpoint serves another chain than expected, the pool says so and keeps saying so."""
    hands = Hands()
    clock = hands.clock()
    pool = Pool("test", [Endpoint("only", FakeNode(chain, "only"), clock)], clock, chain_id=1)
    for _ in range(2):
        with pytest.raises(WrongChain, match="only serves chain 1337, but test is chain 1"):
            await pool.call("eth_blockNumber")


async def test_a_dead_endpoint_comes_back(first: FakeNode, second: FakeNode) -> None:
    """An endpoint that was dead at the start is met later, aside."""
    hands = Hands()
    first.fail(faults.dropped().often(2))
    pool = pool_of(first, second, hands=hands)
    await pool.head()
    assert pool.endpoints[0].abilities.chain_id is None
    hands.at += 60
    first.faults.clear()
    await pool.head()
    await asyncio.sleep(0.05)
    assert pool.endpoints[0].abilities.chain_id == 1337
    await pool.close()


async def test_abilities_are_learned(chain: FakeChain, first: FakeNode) -> None:
    """The start finds out what an endpoint can do."""
    chain.mine_empty(2_000)
    tron = FakeNode(chain, "tron", TRON, keeps=1_500)
    pool = pool_of(first, tron)
    await pool.start()
    good, poor = (endpoint.abilities for endpoint in pool.endpoints)
    assert (good.finalized_tag, good.block_receipts, good.archive, good.history) == (True, True, True, True)
    assert (poor.finalized_tag, poor.block_receipts, poor.archive, poor.history) == (False, False, False, False)
    assert (good.state_blocks, poor.state_blocks) == (2_040, 1_000)
    assert good.client == "fake/geth"


@pytest.mark.parametrize(("family", "most"), [(NO_BATCH, 1), (SHORT_BATCH, 10)])
async def test_batches_are_cut_to_size(family: object, most: int, chain: FakeChain) -> None:
    """A batch that is too long, or not welcome at all, is sent in parts, and the length remembered."""
    node = FakeNode(chain, family=family)  # type: ignore[arg-type]
    pool = pool_of(node)
    calls = [Call("eth_getBlockByNumber", (hex(number), False)) for number in range(25)]
    for _ in range(2):
        assert [block["number"] for block in await pool.batch(calls)] == [hex(number) for number in range(25)]
    assert pool.first.abilities.max_batch <= most
    posts = node.posts
    await pool.batch(calls)
    assert node.posts - posts == -(-25 // pool.first.abilities.max_batch)


async def test_batches_that_come_back_short(first: FakeNode) -> None:
    """Calls that an answer leaves out are asked again; after some times the length is taken for a habit."""
    pool = pool_of(first)
    await pool.start()
    first.fail(faults.batch_short().often(100))
    calls = [Call("eth_getBlockByNumber", (hex(number), False)) for number in range(6)]
    for _ in range(3):
        assert [block["number"] for block in await pool.batch(calls)] == [hex(number) for number in range(6)]
    assert pool.first.abilities.max_batch == 5


async def test_the_budget_is_kept(chain: FakeChain) -> None:
    """An endpoint is asked no faster than its configuration allows."""
    hands = Hands()
    node = FakeNode(chain)
    pool = pool_of(node, hands=hands, per_second=10)
    await pool.start()
    began = hands.at
    for _ in range(100):
        await pool.call("eth_blockNumber")
    assert 9 <= hands.at - began <= 11


async def test_work_spills_over(first: FakeNode, second: FakeNode) -> None:
    """What an endpoint's budget delays too long goes to another one."""
    hands = Hands()
    pool = pool_of(first, second, hands=hands, per_second=10)
    await pool.start()
    posts = second.posts
    pool.first.budget.reserve(hands.at, 30)
    await pool.call("eth_blockNumber")
    assert second.posts == posts + 1
    assert pool.first.name == "first"


async def test_a_faster_endpoint_takes_over(first: FakeNode, second: FakeNode) -> None:
    """The first choice moves to an endpoint that is much faster, and stays there."""
    pool = pool_of(first, second)
    await pool.start()
    slow, fast = (endpoint.health for endpoint in pool.endpoints)
    slow.latency_s, fast.latency_s = 0.5, 0.3
    await pool.call("eth_blockNumber")
    assert pool.first.name == "first"
    slow.latency_s, fast.latency_s = 0.5, 0.1
    await pool.call("eth_blockNumber")
    assert pool.first.name == "second"
    assert pool.switches == 1


async def test_a_short_trouble_is_no_failover(first: FakeNode, second: FakeNode) -> None:
    """While the first choice rests for a moment others stand in, and it stays the first choice."""
    hands = Hands()
    pool = pool_of(first, second, hands=hands)
    await pool.start()
    first.fail(faults.dropped())
    await pool.call("eth_blockNumber")
    hands.at += 5
    posts = first.posts
    await pool.call("eth_blockNumber")
    assert first.posts == posts + 1
    assert pool.switches == 0


async def test_the_users_first_comes_back(first: FakeNode, second: FakeNode) -> None:
    """The endpoint that the user named first is asked first again once it is well."""
    hands = Hands()
    pool = pool_of(first, second, hands=hands)
    await pool.start()
    first.fail(faults.dropped().often(8))
    for _ in range(8):
        await pool.call("eth_blockNumber")
        hands.at += 31
    assert pool.first.name == "second"
    first.faults.clear()
    for _ in range(4):
        hands.at += 31
        await pool.head()
        await asyncio.sleep(0.01)
    await pool.call("eth_blockNumber")
    assert pool.first.name == "first"
    assert pool.switches == 2
    await pool.close()


async def test_errors_and_messages_hold_no_urls(first: FakeNode) -> None:
    """A provider's links, which may carry keys, are not repeated."""
    pool = pool_of(first)
    await pool.start()
    first.fail(faults.says(-32600, "see https://node.example/v2/SECRET for more").often(50))
    with pytest.raises(Rejected) as caught:
        await pool.call("eth_blockNumber")
    assert "SECRET" not in str(caught.value)
    assert "://" not in str(caught.value)


@pytest.mark.parametrize(
    "told", [None, 1, "0x", "0xzz", "zz", "-0x1", "0x1_0", hex(1 << 63), "0x" + "f" * 5_000, [1], {}]
)
async def test_a_chain_id_that_is_none(told: object, first: FakeNode, second: FakeNode) -> None:
    """An endpoint that tells its chain in no number is caught by name, and nobody waits for it."""
    first.answers["eth_chainId"] = lambda params: told
    pool = pool_of(first, second)
    assert await pool.call("eth_blockNumber") == hex(40)
    assert second.posts
    assert pool.endpoints[0].lies["shape"] == 1
    with pytest.raises(Contradiction, match="first: a chain id that is no such 0x-hex number"):
        await pool_of(first).start()


@pytest.mark.parametrize("number", [None, 1, "0x", "zz", {}, hex(1 << 63)])
async def test_a_head_that_is_none(number: object, first: FakeNode, second: FakeNode) -> None:
    """So it is with a head that has no number."""
    first.answers["eth_getBlockByNumber"] = lambda params: {"number": number}
    pool = pool_of(first, second)
    assert await pool.call("eth_blockNumber") == hex(40)
    assert pool.endpoints[0].lies["shape"] == 1
    with pytest.raises(Contradiction, match="first: "):
        await pool_of(first).start()


async def test_the_start_is_patient(first: FakeNode) -> None:
    """The first questions are tried again like all others, and a pause that is asked for is kept."""
    hands = Hands()
    began = hands.at
    first.fail(faults.rate_limited("3").often(2), faults.html().often(2))
    assert await pool_of(first, hands=hands).call("eth_blockNumber") == hex(40)
    assert hands.at - began >= 6


async def test_the_start_has_an_end(first: FakeNode, second: FakeNode) -> None:
    """Nobody there: it says so of each one as soon as the patience is over."""
    hands = Hands()
    began = hands.at
    for node in (first, second):
        node.fail(faults.dropped().often(1_000))
    with pytest.raises(NoEndpoint, match=r"first: the connection broke.*second: the connection broke"):
        await pool_of(first, second, hands=hands).start()
    assert hands.at - began <= PATIENCE_S


async def test_a_start_that_waiting_cannot_mend(first: FakeNode) -> None:
    """What will never be answered ends the start at once."""
    hands = Hands()
    began = hands.at
    first.fail(faults.says(-32000, "invalid api key", 401).often(1_000))
    with pytest.raises(Rejected):
        await pool_of(first, hands=hands).start()
    assert hands.at == began


async def test_who_was_away_at_the_start_is_met_first(first: FakeNode, second: FakeNode) -> None:
    """An endpoint that was silent at the start answers nothing before it has told its chain."""
    second.chain_id = 7
    second.fail(faults.dropped())
    pool = pool_of(first, second)
    await pool.start()
    await pool.clock.sleep(1.0)
    first.fail(faults.dropped().often(3))
    assert await pool.call("eth_chainId") == hex(1337)
    assert "eth_blockNumber" not in second.asked
    assert isinstance(pool.endpoints[1].health.refused, WrongChain)
