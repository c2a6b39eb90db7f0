"""What may befall a worker, its database and its node. Every blow tells whether it struck."""

from __future__ import annotations

import asyncio
import os
import random
import signal
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import asyncpg

from tests.adversity.proxy import Proxy

if TYPE_CHECKING:
    from tests.adversity.crash import Game

MOMENT_S = 60.0  # a bound for the moment in which a blow strikes, not a measure
COMMIT_BYTES = 12_000
ANSWER_BYTES = 50_000


async def kill_worker(game: Game) -> bool:
    await asyncio.sleep(game.rng.uniform(0, 1.0))
    return await game.end(signal.SIGKILL)


async def kill_again_and_again(game: Game) -> bool:
    struck = [True]
    for _ in range(game.rng.randint(2, 6)):
        await asyncio.sleep(game.rng.uniform(0, 0.8))
        struck.append(await game.end(signal.SIGKILL))
    return all(struck)


async def kill_in_a_commit(game: Game) -> bool:
    """After a random number of bytes went to or from the database."""
    return await _carries_on(game) and await game.end(signal.SIGKILL)


async def stop_worker(game: Game) -> bool:
    await game.at_work()
    return await game.end(signal.SIGTERM)


async def postgres_immediate(game: Game) -> bool:
    """As if it had crashed, after a random number of bytes."""
    pid = game.place().postmaster()
    struck = pid is not None and await _carries_on(game)
    if pid is not None and struck:
        os.kill(pid, signal.SIGQUIT)
        while Path(f"/proc/{pid}").exists():
            await asyncio.sleep(0.01)
    await game.bring_postgres_back()
    return struck


async def backend_killed(game: Game) -> bool:
    """kill -9 of one of the worker's own backends: Postgres takes all others down and recovers."""
    await game.at_work()
    struck = False
    async with asyncio.timeout(MOMENT_S):
        while not struck:
            struck = await _kill_a_backend(game)
    await game.bring_postgres_back()
    return struck


async def _kill_a_backend(game: Game) -> bool:
    """False when none was there just then, as after a fall."""
    await game.tend()
    with suppress(OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
        cx = await game.connect()
        try:
            pids = await cx.fetch("select pid from pg_stat_activity where application_name like 'usdx%' order by 1")
            if pids:
                os.kill(game.rng.choice(pids)["pid"], signal.SIGKILL)
                return True
            await asyncio.sleep(0.01)
        finally:
            await cx.close(timeout=5)
    return False


async def cut_database(game: Game) -> bool:
    await game.at_work()
    return await _cut(game, game.to_database)


async def cut_node(game: Game) -> bool:
    return await _cut(game, game.to_node)


async def truncate_database(game: Game) -> bool:
    await game.at_work()
    return await _truncate(game, game.to_database, COMMIT_BYTES)


async def truncate_node(game: Game) -> bool:
    return await _truncate(game, game.to_node, ANSWER_BYTES)


async def database_refuses(game: Game) -> bool:
    """It cuts everybody off and lets nobody in, for a while and until somebody was turned away."""
    await game.at_work()
    before = game.to_database.refused
    game.to_database.refusing = True
    game.to_database.cut()
    await asyncio.sleep(game.rng.uniform(0.1, 1.5))
    struck = await game.until(lambda: game.to_database.refused > before)
    game.to_database.refusing = False
    return struck


async def slow_database(game: Game) -> bool:
    return await _slow(game, game.to_database, 0.02)


async def slow_node(game: Game) -> bool:
    return await _slow(game, game.to_node, 0.05)


async def _carries_on(game: Game) -> bool:
    """Until it works, and then until some bytes more went to or from the database."""
    await game.at_work()
    goal = game.to_database.carried + game.rng.randrange(1, COMMIT_BYTES)
    return await game.until(lambda: game.to_database.carried >= goal)


async def _cut(game: Game, line: Proxy) -> bool:
    await game.until(lambda: line.connections > 0)
    return line.cut() > 0


async def _truncate(game: Game, line: Proxy, most_bytes: int) -> bool:
    line.cut_after = game.rng.randrange(1, most_bytes)
    struck = await game.until(lambda: line.cut_after is None)
    line.cut_after = None
    return struck


async def _slow(game: Game, line: Proxy, delay_s: float) -> bool:
    before, line.delay_s = line.delayed, delay_s
    await asyncio.sleep(1)
    struck = await game.until(lambda: line.delayed > before)
    line.delay_s = 0.0
    return struck


@dataclass(frozen=True, slots=True)
class Blow:
    """How often it comes, beside the others, and what it does."""

    weight: int
    deal: Callable[[Game], Awaitable[bool]]


BLOWS = {
    "kill worker": Blow(8, kill_worker),
    "kill worker in a commit": Blow(16, kill_in_a_commit),
    "kill worker again and again": Blow(10, kill_again_and_again),
    "stop worker": Blow(1, stop_worker),
    "postgres immediate": Blow(2, postgres_immediate),
    "postgres backend killed": Blow(2, backend_killed),
    "cut database": Blow(3, cut_database),
    "truncate database": Blow(4, truncate_database),
    "database refuses": Blow(1, database_refuses),
    "slow database": Blow(1, slow_database),
    "cut node": Blow(2, cut_node),
    "truncate node": Blow(3, truncate_node),
    "slow node": Blow(1, slow_node),
}


def deck(rng: random.Random) -> list[str]:
    """Every kind once, in any order."""
    return rng.sample(list(BLOWS), len(BLOWS))


def one_more(rng: random.Random) -> str:
    """Any kind, by weight."""
    return rng.choices(list(BLOWS), [one.weight for one in BLOWS.values()])[0]
