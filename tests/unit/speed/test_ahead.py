"""Ranges are fetched ahead, in order, as many as pay and no more than may wait."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from indexer import ahead
from indexer.ahead import IN_FLIGHT, MOST_IN_FLIGHT, UNREAD, WORTH_LOGS, fetching
from indexer.model import Cursor, Logs, Range
from indexer.planner import Plan
from indexer.step import Fetched
from tests.fakes.clock import Hands

WIDTH = 10


class FakeWorker:
    """Fetches ranges of some many logs, each when its gate is open."""

    def __init__(self, logs: int, *, closed: Callable[[int], bool] = lambda first: False) -> None:
        self.begun: list[int] = []
        self.hands = Hands()
        self.clock = self.hands.clock()
        self.gates: dict[int, asyncio.Event] = {}
        self._logs = logs
        self._closed = closed

    def span(self, streams: Any) -> int:
        return WIDTH

    async def fetch(self, plan: Plan, quick: Any) -> Fetched:
        first = plan.range.first
        self.begun.append(first)
        gate = self.gates.setdefault(first, asyncio.Event())
        if self._closed(first):
            await gate.wait()
        return Fetched(plan, Logs(plan.range, {}, [None] * self._logs), 0.0)  # type: ignore[list-item]


class FakeQuick:
    unread = 0


def plan() -> Plan:
    return Plan(("one",), Cursor(-1, None, None), Range(0, WIDTH - 1), linked=False)


async def settle() -> None:
    for _ in range(50):
        await asyncio.sleep(0)


async def test_a_commit_waits_for_as_many_logs_as_pay() -> None:
    """Ranges come in order, each once, and every batch but the last is worth its commit."""
    worker = FakeWorker(3_000)
    sizes, firsts = [], []
    async with fetching(worker, plan(), 40 * WIDTH - 1, None) as fetched:  # type: ignore[arg-type]
        while parts := await fetched.take():
            sizes.append(sum(part.logs.count for part in parts))
            firsts += [part.plan.range.first for part in parts]
    assert firsts == [at * WIDTH for at in range(40)]
    assert all(size >= WORTH_LOGS for size in sizes[:-1])


async def test_a_commit_does_not_wait_for_a_late_node(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is there is stored when nothing more comes for a while."""
    monkeypatch.setattr(ahead, "LONGEST_S", 0.0)
    worker = FakeWorker(10, closed=lambda first: first >= 2 * WIDTH)
    async with fetching(worker, plan(), 100 * WIDTH, None) as fetched:  # type: ignore[arg-type]
        taken: list[int] = []
        while len(taken) < 2:
            taken += [part.plan.range.first for part in await fetched.take()]
        assert taken == [0, WIDTH]
        assert len(worker.begun) > len(taken)


async def test_late_nodes_are_asked_for_more_at_once() -> None:
    """While it is the node that we wait for, more and more ranges are under way, up to a limit."""
    worker = FakeWorker(WORTH_LOGS, closed=lambda first: first > 0)
    async with fetching(worker, plan(), 1_000 * WIDTH, FakeQuick()) as fetched:  # type: ignore[arg-type]
        await fetched.take()
        await settle()
        assert len(fetched.tasks) == IN_FLIGHT
        for at in range(1, 2 * MOST_IN_FLIGHT):
            taking = asyncio.create_task(fetched.take())
            await settle()
            worker.gates[at * WIDTH].set()
            await taking
            await settle()
        assert len(fetched.tasks) == MOST_IN_FLIGHT


@pytest.mark.parametrize("unread", [0, 1])
async def test_what_is_waited_for_is_measured(unread: int) -> None:
    """The time until a range is there was lost to the node, or to the decoder where it had answers to read."""
    worker, quick = FakeWorker(WORTH_LOGS, closed=lambda first: True), FakeQuick()
    quick.unread = unread
    async with fetching(worker, plan(), WIDTH - 1, quick) as fetched:  # type: ignore[arg-type]
        taking = asyncio.create_task(fetched.take())
        await settle()
        worker.hands.at += 7
        worker.gates[0].set()
        (part,) = await taking
    assert (part.waited_s, part.decoder_s) == ((0, 7) if unread else (7, 0))


async def test_nothing_is_asked_for_while_answers_wait_to_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """A decoder that is behind stops the fetching, however fast the node is."""
    monkeypatch.setattr(ahead, "LONGEST_S", 0.0)
    quick = FakeQuick()
    worker = FakeWorker(10, closed=lambda first: first > 0)
    async with fetching(worker, plan(), 1_000 * WIDTH, quick) as fetched:  # type: ignore[arg-type]
        quick.unread = UNREAD + 1
        await settle()
        assert worker.begun == [0]
        quick.unread = 0
        await fetched.take()
        await settle()
        assert len(worker.begun) == 1 + IN_FLIGHT


@pytest.mark.parametrize("asked", [1, 4])
async def test_what_ends_the_fetching_is_raised(asked: int) -> None:
    """When no further range can be asked for, what was asked for is taken, and then the reason is raised."""
    worker, widths = FakeWorker(WORTH_LOGS), iter([WIDTH] * (asked - 1))
    worker.span = lambda streams: next(widths, 0) or int("not a width")  # type: ignore[method-assign]
    taken: list[int] = []

    async def take_all() -> None:
        async with fetching(worker, plan(), 40 * WIDTH - 1, None) as fetched:  # type: ignore[arg-type]
            while parts := await fetched.take():
                taken.extend(part.plan.range.first for part in parts)

    with pytest.raises(ValueError, match="not a width"):
        await take_all()
    assert taken == [at * WIDTH for at in range(asked)]
