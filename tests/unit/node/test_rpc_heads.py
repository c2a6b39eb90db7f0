"""The tip is agreed, and does not jump for one endpoint's sake."""

import pytest

from tests.fakes import faults
from tests.fakes.chain import FakeChain
from tests.fakes.clock import Hands
from tests.fakes.node import FakeNode
from tests.unit.node.world import busy_chain, pool_of


@pytest.fixture
def fake() -> FakeChain:
    return busy_chain(50)


async def test_the_tip_is_the_newest_block(fake: FakeChain) -> None:
    """The tip follows the chain."""
    pool = pool_of(FakeNode(fake))
    assert (await pool.head()).number == 50
    fake.mine()
    assert (await pool.head()).hash == fake.head.hash


async def test_a_stale_backend_does_not_pull_the_tip_back(fake: FakeChain) -> None:
    """Behind a load balancer a node that lags is not taken for a reorg."""
    node = FakeNode(fake)
    pool = pool_of(node)
    await pool.head()
    node.lag = 3
    assert (await pool.head()).number == 50
    node.lag = 0
    fake.mine()
    assert (await pool.head()).number == 51


async def test_a_shorter_chain_that_stays_is_believed(fake: FakeChain) -> None:
    """A chain that really got shorter becomes the tip after a while."""
    hands = Hands()
    node = FakeNode(fake)
    pool = pool_of(node, hands=hands)
    await pool.head()
    fake.blocks = fake.blocks[:-5]
    assert (await pool.head()).number == 50
    hands.at += 31
    assert (await pool.head()).number == 45


async def test_a_reorg_to_a_shorter_chain_shows_at_once(fake: FakeChain) -> None:
    """A lower head of another fork is the new tip."""
    node = FakeNode(fake)
    pool = pool_of(node)
    for _ in range(3):
        fake.mine()
        await pool.head()
    fake.reorg(3, length=2)
    assert (await pool.head()).hash == fake.head.hash


async def test_a_reorg_at_the_same_height_shows_at_once(fake: FakeChain) -> None:
    """Another block at the tip's height is the new tip."""
    pool = pool_of(FakeNode(fake))
    await pool.head()
    fake.reorg(1, length=1)
    assert (await pool.head()).hash == fake.head.hash


async def test_a_head_beyond_all_others_waits(fake: FakeChain) -> None:
    """One endpoint far ahead of its neighbours is not believed before another confirms it."""
    long = FakeChain(blocks=list(fake.blocks))
    long.mine_empty(500)
    ahead, other = FakeNode(long, "ahead"), FakeNode(fake, "other")
    pool = pool_of(ahead, other)
    assert (await pool.head()).number == 50
    assert pool.heads.doubted == 1
    other.chain = long
    assert (await pool.head()).number == 550


async def test_a_stuck_neighbour_has_no_veto(fake: FakeChain) -> None:
    """An endpoint whose head has not moved for long does not hold the tip back."""
    hands = Hands()
    long = FakeChain(blocks=list(fake.blocks))
    ahead, stuck = FakeNode(long, "ahead"), FakeNode(fake, "stuck")
    pool = pool_of(ahead, stuck, hands=hands)
    await pool.head()
    hands.at += 90
    long.mine_empty(500)
    assert (await pool.head()).number == 550


async def test_finality_never_goes_down(fake: FakeChain) -> None:
    """What was final stays final, whatever an endpoint says later."""
    hands = Hands()
    node = FakeNode(fake)
    pool = pool_of(node, hands=hands)
    await pool.head()
    assert pool.heads.finalized is not None
    assert pool.heads.finalized.number == 42
    node.finalized = 10
    hands.at += 5
    await pool.head()
    assert pool.heads.finalized.number == 42
    node.finalized = 48
    hands.at += 5
    await pool.head()
    assert pool.heads.finalized.number == 48


async def test_null_for_the_newest_block(fake: FakeChain) -> None:
    """A node that has no newest block for a moment is asked again."""
    node = FakeNode(fake)
    pool = pool_of(node)
    await pool.head()
    node.fail(faults.null_blocks().often(2))
    assert (await pool.head()).number == 50


async def test_the_pool_finds_who_has_the_block(fake: FakeChain) -> None:
    """A question about a block goes to an endpoint that has seen it."""
    late, good = FakeNode(fake, "late", lag=10), FakeNode(fake, "good")
    pool = pool_of(late, good)
    await pool.start()
    before = late.posts
    await pool.on(lambda endpoint: endpoint.block(hex(49)), block=49)
    assert late.posts == before
