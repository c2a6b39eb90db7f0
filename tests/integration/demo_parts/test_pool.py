"""The pool answers as Uniswap V3 does, compared with what the test computes from the pool's history by itself."""

import random
from bisect import bisect_right
from dataclasses import dataclass, field
from decimal import Decimal

import pytest

from demo.contract import Contract, interface
from demo.deploy import deployment
from demo.node import connect
from demo.parts import Anvil
from tests.integration.demo_parts.world import ANN, KEEPER, World

pytestmark = pytest.mark.asyncio(loop_scope="module")

# From v3-core's TickMath tests: the ends of the range.
MIN_SQRT_RATIO, MAX_SQRT_RATIO = 4295128739, 1461446703485210103287273052203988822378723970342


@dataclass
class History:
    """What happened to a pool, second by second: the truth that `observe` summarises."""

    moves: list[tuple[int, int, int]] = field(default_factory=list)  # (from this second on, tick, liquidity)

    def tick_seconds(self, until: int) -> int:
        """Sum of the tick over every second before `until`."""
        return sum(tick * seconds for tick, _, seconds in self._spans(until))

    def seconds_per_liquidity_x128(self, until: int) -> int:
        return sum((seconds << 128) // max(liquidity, 1) for _, liquidity, seconds in self._spans(until))

    def _spans(self, until: int) -> list[tuple[int, int, int]]:
        ends = [start for start, _, _ in self.moves[1:]] + [until]
        return [
            (tick, liquidity, max(0, min(end, until) - start))
            for (start, tick, liquidity), end in zip(self.moves, ends, strict=True)
        ]

    def written(self, moment: int) -> bool:
        """Whether an observation was written exactly then."""
        return any(start == moment for start, _, _ in self.moves)

    def interpolated(self, moment: int) -> tuple[int, int]:
        """Both accumulators as V3 interpolates them between observations: by whole ticks, toward zero."""
        starts = [start for start, _, _ in self.moves]
        at = bisect_right(starts, moment) - 1
        if at == len(starts) - 1 or self.written(moment):
            return self.tick_seconds(moment), self.seconds_per_liquidity_x128(moment)
        before, after = starts[at], starts[at + 1]
        ticks = self.tick_seconds(after) - self.tick_seconds(before)
        each = abs(ticks) // (after - before) * (1 if ticks >= 0 else -1)
        shares = self.seconds_per_liquidity_x128(after) - self.seconds_per_liquidity_x128(before)
        return (
            self.tick_seconds(before) + each * (moment - before),
            self.seconds_per_liquidity_x128(before) + shares * (moment - before) // (after - before),
        )


async def create(world: World, tick: int = 0, liquidity: int = 10**18, memory: int = 1) -> tuple[Contract, History]:
    """A pool of this test's own, born at the newest block."""
    kind = interface("Pool")
    low, high = sorted([world.deployed["usdt"].address, world.deployed["weth"].address])
    hash_ = await world.node.send(KEEPER, None, kind.creation(low, high, 500, tick, liquidity, KEEPER))
    await world.node.settle([hash_])
    (receipt,) = await world.node.receipts([hash_])
    pool = Contract(kind, receipt["contractAddress"])
    born = await world.node.time()
    if memory > 1:
        await world.act(ANN, pool, "increaseObservationCardinalityNext", memory)
    return pool, History([(born, tick, liquidity)])


async def move(world: World, pool: Contract, history: History, moment: int, tick: int, liquidity: int = 10**18) -> None:
    """Move the pool in a block with that timestamp."""
    await world.node.rpc.call("evm_setNextBlockTimestamp", [moment])
    await world.act(KEEPER, pool, "move", tick, liquidity)
    history.moves.append((moment, tick, liquidity))


async def test_observe_sums_tick_and_liquidity_over_time(world: World) -> None:
    """At any second of its memory, also between observations and after the last, observe equals the sums from birth."""
    pool, history = await create(world, tick=-5, memory=500)
    rng = random.Random(11)
    moment = history.moves[0][0] + 20
    for _ in range(40):
        moment += rng.randint(1, 90)
        await move(
            world, pool, history, moment, rng.randint(-200_000, 200_000), rng.choice([0, 1, 10**9, 9 * 10**16, 2**127])
        )
    now = moment + 45
    await world.at(now)
    asked = [0, now - history.moves[0][0], *(rng.randint(0, now - history.moves[0][0]) for _ in range(150))]
    ticks, shares = await world.ask(pool, "observe", asked)
    expected = [history.interpolated(now - ago) for ago in asked]
    assert list(ticks) == [tick for tick, _ in expected]
    assert list(shares) == [share % 2**160 for _, share in expected]


async def test_the_twap_is_the_mean_tick(world: World) -> None:
    """A reader that divides the difference of two cumulatives by the window gets the time-weighted mean of the tick."""
    pool, history = await create(world, tick=100, memory=10)
    born = history.moves[0][0]
    await move(world, pool, history, born + 60, 400)
    await world.at(born + 180)
    (older, newer), _ = await world.ask(pool, "observe", [180, 0])
    assert (newer - older) // 180 == (60 * 100 + 120 * 400) // 180 == 300


async def test_a_window_beyond_memory_is_old(world: World) -> None:
    """Asking for more than the oldest observation reverts with OLD, as readers of V3 expect."""
    pool, history = await create(world, memory=3)
    born = history.moves[0][0]
    for at in range(1, 6):
        await move(world, pool, history, born + 100 * at, at)
    oldest = born + 300  # the ring holds three: 300, 400, 500
    slot = await world.ask(pool, "slot0")
    assert slot[2:5] == (2, 3, 3)
    assert await world.node.refusal(ANN, pool, "observe", [born + 500 - oldest]) is None
    assert await world.refused(ANN, pool, "observe", [born + 500 - oldest + 1]) == "OLD"
    assert (await world.ask(pool, "observe", [200]))[0] == (history.tick_seconds(oldest),)


async def test_a_new_pool_remembers_one_observation(world: World) -> None:
    """Cardinality starts at 1 and grows only when the ring comes round, as in V3."""
    pool, history = await create(world)
    born = history.moves[0][0]
    assert (await world.ask(pool, "slot0"))[2:5] == (0, 1, 1)
    await move(world, pool, history, born + 10, 7)
    assert (await world.ask(pool, "slot0"))[2:5] == (0, 1, 1)
    assert await world.refused(ANN, pool, "observe", [1]) == "OLD"
    await world.act(ANN, pool, "increaseObservationCardinalityNext", 4)
    assert (await world.ask(pool, "slot0"))[2:5] == (0, 1, 4)
    now = await world.node.time()
    await move(world, pool, history, now + 10, 8)
    assert (await world.ask(pool, "slot0"))[2:5] == (1, 4, 4)
    observed = await world.ask(pool, "observations", 1)
    assert observed == (now + 10, history.tick_seconds(now + 10), history.seconds_per_liquidity_x128(now + 10), True)


async def test_one_observation_a_block(world: World) -> None:
    """Several moves in one block write one observation; the last one's tick counts from then on."""
    pool, history = await create(world, memory=10)
    await world.node.rpc.call("evm_setAutomine", [False])
    hashes = [await world.node.tell(KEEPER, pool, "move", tick, 10**18) for tick in (50, 60)]
    await world.at(history.moves[0][0] + 30)
    await world.node.rpc.call("evm_setAutomine", [True])
    await world.node.settle(hashes)
    slot = await world.ask(pool, "slot0")
    assert (slot[1], slot[2]) == (60, 1)


@pytest.mark.parametrize(("tick", "sqrt_price_x96"), [(-887272, MIN_SQRT_RATIO), (887272, MAX_SQRT_RATIO), (0, 2**96)])
async def test_sqrt_price_at_the_ends(world: World, tick: int, sqrt_price_x96: int) -> None:
    """The price of a tick is v3-core's, bit for bit, at the ends of the range."""
    pool, _ = await create(world, tick=tick)
    assert (await world.ask(pool, "slot0"))[:2] == (sqrt_price_x96, tick)


async def test_sqrt_price_in_between(world: World) -> None:
    """Everywhere else it is sqrt(1.0001 ** tick) to twelve digits."""
    pool, history = await create(world)
    moment = history.moves[0][0]
    for tick in (1, -1, 2, 500, -500, 75_000, -196_000, 276_324, -400_000, 2**19, -(2**19)):
        moment += 1
        await move(world, pool, history, moment, tick)
        expected = (Decimal("1.0001") ** tick).sqrt() * 2**96
        assert abs((await world.ask(pool, "slot0"))[0] / expected - 1) < Decimal("1e-12")


async def test_ticks_out_of_range_and_strangers_are_refused(world: World) -> None:
    """Only the keeper moves the pool, within V3's range; anybody may pay for a longer memory."""
    pool, _ = await create(world)
    assert await world.refused(ANN, pool, "move", 1, 1) == "not the keeper"
    assert await world.refused(KEEPER, pool, "move", 887_273, 1) == "T"
    assert await world.refused(KEEPER, pool, "move", -887_273, 1) == "T"


async def test_slot0_and_liquidity_have_v3s_shape(world: World) -> None:
    """A reader that knows V3's ABI can decode every answer."""
    pool, _ = await create(world, tick=123, liquidity=77)
    functions = pool.interface.functions
    assert functions["slot0", 0].outputs == ("uint160", "int24", "uint16", "uint16", "uint16", "uint8", "bool")
    assert functions["observe", 1].inputs == ("uint32[]",)
    assert functions["observe", 1].outputs == ("int56[]", "uint160[]")
    assert functions["observations", 1].outputs == ("uint32", "int56", "uint160", "bool")
    assert await world.ask(pool, "liquidity") == 77
    assert await world.ask(pool, "token0") < await world.ask(pool, "token1")


async def test_time_wraps_like_uint32() -> None:
    """A pool that lives across 2**32 seconds goes on summing: V3 keeps times modulo 2**32."""
    before = 2**32 - 100
    async with Anvil.start(options=("--timestamp", str(before))) as anvil, connect(anvil.url) as node:
        await node.open_doors()
        await node.enrich([KEEPER, ANN])
        world = World(node, deployment())
        pool, history = await create(world, tick=1_000, memory=10)
        await move(world, pool, history, before + 90, -3_000)
        await move(world, pool, history, before + 150, 20)
        await world.at(before + 200)
        ticks, _ = await world.ask(pool, "observe", [0, 50, 75, 110, 180])
        assert list(ticks) == [history.interpolated(before + 200 - ago)[0] for ago in (0, 50, 75, 110, 180)]
