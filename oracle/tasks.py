"""What the oracle does all the time: rounds, journal, and the chores beside them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from math import ceil

import structlog

from oracle.board import Board
from oracle.diary import Diary
from oracle.journal import Journal
from oracle.manual_desk import ManualDesk
from oracle.metrics import RoundMetrics
from oracle.model import Pair
from oracle.plan import FeedPlan, Plan
from oracle.pulse import status_line, word
from oracle.round import Rounds
from oracle.schedule import follow
from oracle.store import Store
from shared.errors import DatabaseUnavailable, LeaseLost
from shared.lease import lease
from shared.runtime import Stop, Task, repeat
from shared.worker import Worker

LOOP = "rounds"
FEEDS = "feeds"
SILENCE_S = 30.0
DAY_S = 86400
MANUAL_EVERY_S = 2.0
UPKEEP_EVERY_S = 600.0
AGAIN_S = 1.0


@dataclass(frozen=True, slots=True)
class Parts:
    """What the tasks share."""

    worker: Worker
    plan: Plan
    store: Store
    journal: Journal
    board: Board
    rounds: Mapping[Pair, Rounds]
    seen: RoundMetrics
    diary: Diary
    manual: ManualDesk
    others: Mapping[str, Task]


def tasks(parts: Parts) -> dict[str, Task]:
    """The process's tasks by name; each ends at the stop."""
    health, clock = parts.worker.health, parts.worker.clock

    async def feeds(stop: Stop) -> None:
        try:
            while not stop.is_set():
                await _lead(parts, stop)
                health.beat(LOOP)
        finally:
            parts.journal.close()

    async def pulse(stop: Stop) -> None:
        slowest_s = max(3 * one.every_s + one.timeout_s for one in parts.plan.feeds)
        health.max_age(LOOP, max(slowest_s, SILENCE_S))
        while not stop.is_set():
            _pulse(parts)
            await stop.wait(1.0)

    async def manual(stop: Stop) -> None:
        async def look() -> None:
            parts.manual.entries = await parts.store.manual_entries()

        await repeat("manual", look, period_s=MANUAL_EVERY_S, stop=stop, health=health, clock=clock)

    async def upkeep(stop: Stop) -> None:
        health.max_age("upkeep", 3 * UPKEEP_EVERY_S)

        async def step() -> None:
            await keep_up(parts.store, parts.worker)

        await repeat("upkeep", step, period_s=UPKEEP_EVERY_S, stop=stop, health=health, clock=clock)

    named = {FEEDS: feeds, "pulse": pulse, "journal": parts.journal.run, "manual": manual, "upkeep": upkeep}
    return {**named, **parts.others}


async def _lead(parts: Parts, stop: Stop) -> None:
    """Follow the feeds as long as the lease holds. Without the database nobody knows who leads: wait for it."""
    worker = parts.worker
    waiting = partial(worker.health.beat, LOOP)  # a second oracle that waits for its turn is alive
    try:
        async with (
            lease(worker.db, "oracle", clock=worker.clock, waiting=waiting, stop=stop),
            asyncio.TaskGroup() as group,
        ):
            worker.health.took_up(FEEDS)
            for one in parts.plan.feeds:
                group.create_task(_follow(parts, one, stop))
    except (LeaseLost, DatabaseUnavailable) as exc:
        worker.health.failed(LOOP)
        structlog.get_logger(LOOP).warning("no price is formed", reason=exc.reason, error=str(exc))
        await stop.wait(AGAIN_S)


async def keep_up(store: Store, worker: Worker) -> int:
    """Make the partitions to come and drop those beyond retention; returns how many went."""
    today = datetime.fromtimestamp(worker.clock.now(), UTC).date()
    return await store.keep_up(today, ceil(worker.settings.oracle.retention / DAY_S))


async def _follow(parts: Parts, one: FeedPlan, stop: Stop) -> None:
    rounds, health = parts.rounds[one.pair], parts.worker.health

    async def step(missed: int) -> None:
        done = await rounds.take(missed)
        parts.journal.put(done)
        parts.seen.observe(done)
        parts.diary.tell(done)
        health.beat(LOOP)

    await follow(step, one.every_s, stop, parts.worker.clock)


def _pulse(parts: Parts) -> None:
    """Bring the checks and the status line up to date."""
    now_s = parts.worker.clock.now()
    observations, words = {}, []
    for one in reversed(parts.plan.feeds):  # those that others convert through come last
        seen, update = parts.board.get(one.pair), parts.rounds[one.pair].update
        said = word(one, seen, update.at_s if update else None, now_s)
        words.append(said)
        parts.worker.health.set_check(f"feed {one.pair}", said.speaks or not said.required, said.detail)
        if seen is not None:
            observations[one.pair] = seen
    parts.worker.health.status_line = status_line(words, observations, now_s)
