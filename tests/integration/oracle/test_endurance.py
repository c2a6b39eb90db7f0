"""Nothing grows with the number of rounds."""

from __future__ import annotations

import asyncio
import gc
import sys
from decimal import Decimal

from oracle.aggregate import Feed, Memory
from oracle.board import Board
from oracle.derivation import derivation
from oracle.desk import Answered
from oracle.diary import Diary
from oracle.limits import FeedLimits
from oracle.metrics import RoundMetrics
from oracle.model import Pair, Refused, Ticker
from oracle.plan import Ask, AskVenue, FeedPlan, Plan
from oracle.reasons import Reason
from oracle.round import Rounds
from shared.clock import Clock
from shared.metrics import Registry
from tests.unit.oracle.feeds import terms

ROUNDS = 100_000
WARM_UP = 10_000


class World:
    """Three venues that wander, fail, freeze and jump, on a clock that runs five seconds a round."""

    def __init__(self) -> None:
        self.now_s = 1_800_000_000.0
        self.count = 0
        self.clock = Clock(now=lambda: self.now_s, monotonic=lambda: self.now_s, sleep=asyncio.sleep)

    def ask(self, ask: Ask) -> asyncio.Future[Answered]:
        assert isinstance(ask, AskVenue)
        future: asyncio.Future[Answered] = asyncio.get_running_loop().create_future()
        future.set_result(Answered(self.outcome(ask.venue), self.now_s, self.now_s))
        return future

    def outcome(self, venue: str) -> Ticker | Refused:
        i = self.count
        price = Decimal(2000 + i * 7919 % 97) + Decimal(hash(venue) % 7) / 10
        if venue == "a" and i % 11 == 0:
            return Refused(Reason.TIMEOUT, f"round {i}")
        if venue == "b" and i % 1000 > 970:
            price = Decimal(2000)
        if i % 5000 > 4990:
            price *= 1000
        return Ticker(price, time_s=self.now_s - 1, sequence=str(i))


async def test_a_hundred_thousand_rounds_leave_nothing_behind() -> None:
    """The process holds as many objects after a hundred thousand eventful rounds as after ten thousand."""
    pair, world, registry = Pair("ETH", "USD"), World(), Registry()
    feed = Feed(pair, FeedLimits(), {name: terms(name) for name in "abc"})
    plan = FeedPlan(feed, {name: AskVenue(name, "X") for name in "abc"}, 5, 2, 60, True)
    board, diary, seen = Board(), Diary(), RoundMetrics(registry, Plan((plan,), {}))
    rounds = Rounds(plan, world.ask, board, {}, world.clock, Memory())
    silenced(diary)
    held: list[int] = []
    results: set[str] = set()
    for i in range(ROUNDS):
        world.count, world.now_s = i, world.now_s + 5
        one = await rounds.take()
        seen.observe(one)
        diary.tell(one)
        if i % 100 == 0:
            derivation(one.observation, feed.limits)
            results.add(str(one.observation.reason))
        if i in (WARM_UP, ROUNDS - 1):
            gc.collect()
            held.append(sys.getallocatedblocks())
    assert abs(held[1] - held[0]) < 2_000, held
    assert registry.value("usdx_oracle_rounds_total", asset="ETH", result="fresh") > ROUNDS / 2  # type: ignore[operator]


def silenced(diary: Diary) -> None:
    """Ten thousand lines of log prove nothing."""

    class Nothing:
        def info(self, *args: object, **more: object) -> None: ...

        warning = info

    diary._log = Nothing()
