"""Laws of running tasks together."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable

import pytest

from shared.errors import DatabaseUnavailable, TaskDied
from shared.health import Health
from shared.metrics import Registry
from shared.runtime import Stop, foreseen, repeat, run, watch_event_loop
from tests.fakes.clock import Hands


class _Task:
    """A loop that notes how it ended."""

    def __init__(self, rest_s: float = 0.0) -> None:
        self.ended = ""
        self._rest_s = rest_s

    async def __call__(self, stop: Stop) -> None:
        try:
            await stop.wait()
            await asyncio.sleep(self._rest_s)
            self.ended = "by itself"
        except asyncio.CancelledError:
            self.ended = "cancelled"
            raise


def _later(act: Callable[[], object]) -> Callable[[Stop], Awaitable[None]]:
    async def task(stop: Stop) -> None:
        await asyncio.sleep(0.01)
        act()

    return task


def _raise(error: Exception) -> Callable[[], object]:
    def act() -> None:
        raise error

    return act


def _signal(number: int) -> Callable[[], object]:
    return lambda: os.kill(os.getpid(), number)


async def test_what_nobody_foresaw_is_named() -> None:
    """Work gives what it gives, and raises what it may; anything else is raised as a bug in it, with its cause."""

    async def work(error: BaseException | None) -> int:
        if error is not None:
            raise error
        return 1

    assert await foreseen("work", work(None), KeyError) == 1
    with pytest.raises(KeyError):
        await foreseen("work", work(KeyError("x")), KeyError)
    with pytest.raises(asyncio.CancelledError):
        await foreseen("work", work(asyncio.CancelledError()), KeyError)
    with pytest.raises(TaskDied, match="work died: ValueError: x") as died:
        await foreseen("work", work(ValueError("x")), KeyError)
    assert isinstance(died.value.__cause__, ValueError)


async def test_it_ends_when_every_task_has_ended() -> None:
    """No task left, nothing to wait for."""
    await asyncio.wait_for(run({"a": _later(bool), "b": _later(bool)}), 60)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_ends_the_step_in_hand(number: int) -> None:
    """On SIGTERM and SIGINT every task finishes what it does; then run returns."""
    loop = _Task(0.05)
    await asyncio.wait_for(run({"loop": loop, "signal": _later(_signal(number))}), 60)
    assert loop.ended == "by itself"


async def test_a_task_that_does_not_end_is_cancelled() -> None:
    """After the grace time nobody is waited for."""
    loop = _Task(3600)
    await asyncio.wait_for(run({"loop": loop, "signal": _later(_signal(signal.SIGTERM))}, grace_s=0.05), 60)
    assert loop.ended == "cancelled"


async def test_a_second_signal_cancels_at_once() -> None:
    """Who asks twice does not want to wait."""
    loop = _Task(3600)
    again = _Task(0.05)

    async def twice(stop: Stop) -> None:
        await again(stop)
        os.kill(os.getpid(), signal.SIGTERM)

    tasks = {"loop": loop, "twice": twice, "signal": _later(_signal(signal.SIGTERM))}
    await asyncio.wait_for(run(tasks, grace_s=3600), 60)
    assert loop.ended == "cancelled"


async def test_a_dead_task_stops_the_others() -> None:
    """The first foreseen error ends all tasks in order and is raised as it is."""
    loop = _Task()
    error = DatabaseUnavailable("gone")
    with pytest.raises(DatabaseUnavailable) as caught:
        await run({"loop": loop, "dead": _later(_raise(error))})
    assert caught.value is error
    assert loop.ended == "by itself"


async def test_a_bug_names_its_task() -> None:
    """An error that nobody foresaw says which task died of it, and keeps its traceback."""
    with pytest.raises(TaskDied, match="task dead died: ZeroDivisionError: oops") as caught:
        await run({"loop": _Task(), "dead": _later(_raise(ZeroDivisionError("oops")))})
    assert isinstance(caught.value.__cause__, ZeroDivisionError)


async def test_a_task_that_is_cancelled_by_nobody_has_died() -> None:
    """A cancellation that nobody asked for is no end like any other: the process must not leave with 0."""
    with pytest.raises(TaskDied, match="task lost died: RuntimeError: it was cancelled, and nobody had asked for that"):
        await run({"loop": _Task(), "lost": _later(_raise(asyncio.CancelledError()))})


async def test_a_task_that_dies_while_stopping_is_reported() -> None:
    """A step that fails on the way out is not lost."""

    async def bad_ending(stop: Stop) -> None:
        await stop.wait()
        raise DatabaseUnavailable("at the end")

    with pytest.raises(DatabaseUnavailable, match="at the end"):
        await run({"bad": bad_ending, "signal": _later(_signal(signal.SIGTERM))})


async def test_a_dead_task_wins_over_what_it_caused() -> None:
    """When one death brings down the others, the first one is told."""

    async def follower(stop: Stop) -> None:
        await stop.wait()
        raise DatabaseUnavailable("because of the other")

    with pytest.raises(TaskDied, match="first"):
        await run({"follower": follower, "dead": _later(_raise(ValueError("first")))})


async def test_cancelling_run_ends_its_tasks() -> None:
    """No task outlives its supervisor."""
    loop = _Task(3600)
    running = asyncio.create_task(run({"loop": loop}, grace_s=0.01))
    await asyncio.sleep(0.01)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert loop.ended == "cancelled"


async def test_stop_can_be_asked_for_from_inside() -> None:
    """A backfill that is done ends the process."""
    stop, loop = Stop(), _Task()
    await asyncio.wait_for(run({"loop": loop, "done": _later(stop.set)}, stop=stop), 60)
    assert loop.ended == "by itself"


async def test_signal_handlers_are_given_back() -> None:
    """After run the signals mean what they meant before."""
    await run({"a": _later(bool)})
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


async def test_waiting_on_stop() -> None:
    """`wait` sleeps, and says whether it is time to end."""
    stop = Stop()
    assert not await stop.wait(0.001)
    stop.set()
    assert await stop.wait(3600)
    assert stop.is_set()


async def test_repeat_beats_and_survives_the_transient(registry: Registry) -> None:
    """A transient error is counted and tried again; the loop's heart beats on."""
    hands, stop, steps = Hands(), Stop(), list[int]()
    health = Health(registry, hands.clock())

    async def step() -> None:
        steps.append(1)
        if len(steps) == 2:
            raise DatabaseUnavailable("away")
        if len(steps) == 3:
            stop.set()

    await repeat("follow", step, period_s=0.001, stop=stop, health=health, clock=hands.clock())
    assert len(steps) == 3
    assert registry.value("usdx_worker_loop_errors_total", loop="follow") == 1
    assert registry.value("usdx_worker_heartbeat_timestamp_seconds", loop="follow") == hands.at


async def test_repeat_dies_of_the_permanent(registry: Registry) -> None:
    """What cannot get better is not repeated."""

    async def step() -> None:
        raise ValueError("bug")

    with pytest.raises(ValueError, match="bug"):
        await repeat("x", step, period_s=0.001, stop=Stop(), health=Health(registry, Hands().clock()))


async def test_the_event_loop_is_watched(registry: Registry) -> None:
    """A loop that is blocked shows in the histogram."""
    watching = asyncio.create_task(watch_event_loop(registry, period_s=0.01))
    await asyncio.sleep(0.05)
    watching.cancel()
    count = registry.value("usdx_event_loop_lag_seconds_count")
    assert count is not None
    assert count >= 1


ENDING = """
import asyncio, os, signal
from shared.runtime import run, run_process

async def nothing(stop):
    pass

async def main():
    await run({"nothing": nothing})
    os.kill(os.getpid(), signal.SIGTERM)
    await asyncio.sleep(60)

run_process(main)
"""


def test_a_signal_while_things_are_closed_is_no_violent_end() -> None:
    """SIGTERM after the tasks have ended cuts the closing short, and the process ends well."""
    done = subprocess.run([sys.executable, "-c", ENDING], capture_output=True, text=True, timeout=30, check=False)
    assert (done.returncode, done.stderr) == (0, "")
