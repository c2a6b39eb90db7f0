"""Pauses, budgets, ticks and updates: when something happens."""

from __future__ import annotations

import asyncio
from decimal import Decimal

import pytest

from oracle import backoff, budget
from oracle.backoff import Backoff, Pace
from oracle.budget import Bucket
from oracle.crew import Crew
from oracle.model import Observation
from oracle.publish import Update, due
from oracle.schedule import follow, next_due_s
from oracle.venue import Budget
from oracle.web import retry_after_s
from shared.clock import Clock
from shared.runtime import Stop
from tests.unit.oracle.feeds import ETH_USD

D = Decimal
PACE = Pace(free=2, first_s=1, most_s=30, stable_s=60)


def pauses(count: int, random: float = 1.0) -> list[float]:
    state, out = Backoff(), []
    for _ in range(count):
        state = backoff.failed(state, PACE, 100.0, lambda: random)
        out.append(state.until_s - 100.0)
    return out


def test_the_first_failures_are_free_then_pauses_double() -> None:
    """Two failures cost nothing, then 1, 2, 4 … up to 30 s; jitter takes at most half."""
    assert pauses(9) == [0, 0, 1, 2, 4, 8, 16, 30, 30]
    assert pauses(4, random=0.0) == [0, 0, 0.5, 1]
    assert pauses(1000)[-1] == 30


def test_a_retry_after_is_obeyed_at_once() -> None:
    """What the venue asks for counts from the first failure on."""
    assert backoff.failed(Backoff(), PACE, 100.0, lambda: 0.0, least_s=7).until_s == 107


def test_forgiven_only_after_a_stable_period() -> None:
    """A single success ends the pause but not the count; a minute of them does."""
    state = Backoff()
    for _ in range(5):
        state = backoff.failed(state, PACE, 0.0, lambda: 1.0)
    well = backoff.worked(state, PACE, 10.0)
    assert (well.failures, well.until_s) == (5, 0)
    assert backoff.failed(backoff.worked(well, PACE, 69.0), PACE, 69.5, lambda: 1.0).failures == 6
    assert backoff.worked(well, PACE, 70.0) == Backoff()
    assert backoff.worked(Backoff(), PACE, 0.0) == Backoff()


def test_a_budget_is_spent_waited_for_and_refused() -> None:
    """Two requests a second: two at once, the next wait their turn, and beyond patience there is none."""
    allowed, bucket = Budget(2, 1.0), Bucket(2, 0.0)
    waits = []
    for _ in range(5):
        bucket, wait_s = budget.take(bucket, allowed, 0.0, patience_s=1.0)
        waits.append(wait_s)
    assert waits == [0, 0, 0.5, 1.0, None]
    assert budget.take(bucket, allowed, 10.0, 1.0)[1] == 0
    assert budget.take(bucket, allowed, 10.0, 1.0)[0].left == 1


def test_ticks_that_are_missed_are_counted() -> None:
    """The next tick is always ahead, on the same beat."""
    assert next_due_s(10.0, 5.0, 12.0) == (15.0, 0)
    assert next_due_s(10.0, 5.0, 27.0) == (30.0, 3)
    assert next_due_s(10.0, 5.0, 15.0) == (20.0, 1)


async def test_never_two_rounds_at_once() -> None:
    """A step that lasts longer than its period is followed by one step, told what it missed."""
    now, stop, seen, running = 0.0, Stop(), [], 0

    async def step(missed: int) -> None:
        nonlocal now, running
        running += 1
        assert running == 1
        seen.append(missed)
        now += 12.0
        await asyncio.sleep(0)
        running -= 1
        if len(seen) == 3:
            stop.set()

    class NoWait(Stop):
        async def wait(self, timeout_s: float | None = None) -> bool:
            nonlocal now
            now += timeout_s or 0
            return stop.is_set()

        def is_set(self) -> bool:
            return stop.is_set()

    clock = Clock(now=lambda: now, monotonic=lambda: now, sleep=asyncio.sleep)
    await follow(step, 5.0, NoWait(), clock)
    assert seen == [0, 2, 2]


def observation(price: object, at_s: float, result: str = "fresh") -> Observation:
    return Observation(ETH_USD, result, at_s, D(str(price)))  # type: ignore[arg-type]


def test_updates() -> None:
    """The first fresh price, one that moved enough, or one after the heartbeat is published; cached never."""
    assert due(None, observation(1, 0), D(50), 60)
    assert not due(None, observation(1, 0, "cached"), D(50), 60)
    assert not due(None, observation(1, 0, "refused"), D(50), 60)
    last = Update(D(100), 0)
    assert not due(last, observation("100.49", 30), D(50), 60)
    assert due(last, observation("100.5", 30), D(50), 60)
    assert due(last, observation("100", 60), D(50), 60)
    assert due(last, observation("100", 1), D(0), 60)


def test_an_updates_time_never_goes_backwards() -> None:
    """An older observation is no update, whatever it says."""
    assert not due(Update(D(100), 50), observation(200, 50), D(0), 60)
    assert not due(Update(D(100), 50), observation(200, 49), D(0), 60)


AFTER = [
    ("7", 7),
    ("999999999999", 3600),
    ("", None),
    ("soon", None),
    ("-5", None),
    ("Wed, 21 Oct 2015 07:28:30 GMT", 30),
    ("Wed, 21 Oct 2015 07:27:00 GMT", 0),
]


@pytest.mark.parametrize(("value", "seconds"), AFTER)
def test_retry_after(value: str, seconds: float | None) -> None:
    """Seconds or a date, never negative, never for ever (RFC 9110)."""
    assert retry_after_s({"Retry-After": value}, 1445412480.0) == seconds


async def test_what_is_under_way_at_the_stop_may_end() -> None:
    """Requests of a round in hand are not cut by the stop, only by the end of the process."""
    crew, stop, ended, go = Crew(), Stop(), [], asyncio.Event()

    async def work() -> None:
        await go.wait()
        ended.append(True)

    crew.start(work())
    stop.set()
    await crew.watch(stop)
    go.set()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert ended == [True]
    hung = crew.start(asyncio.sleep(3600))
    await crew.close()
    assert hung.cancelled()


async def test_a_task_that_dies_is_noticed() -> None:
    """A bug in a background task ends the process with its own error."""

    async def bug() -> None:
        raise LookupError("oops")

    crew = Crew()
    crew.start(bug())
    with pytest.raises(LookupError, match="oops"):
        await crew.watch(Stop())
