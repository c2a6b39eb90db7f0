"""Blocks of any size, in bounded memory and with bounded files."""

from __future__ import annotations

import asyncio
import os
import signal
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from shared import embedded
from tests.adversity.cluster import ask, value
from tests.adversity.crash import PATIENCE_S, stage
from tests.adversity.proxy import proxied
from tests.adversity.scene import scene, socket_of
from tests.adversity.shop import transfer
from tests.adversity.test_time import tcp
from tests.conftest import TEMPLATE

LOGS = int(os.environ.get("USDX_BLOCK_LOGS", "20000"))
BLOCKS, EACH = int(os.environ.get("USDX_SLOW_BLOCKS", "120")), 300
SLOW_S = 0.02  # for every 64 KiB, and there and back for every statement
MORE_BYTES = 12_000_000  # half of what would pile up
MOST_BYTES = 100_000_000 + 3_000 * LOGS
"""A hundred thousand logs took 309 MB, their JSON of 70 MB included, and twenty thousand 117 MB."""


@pytest.mark.timeout(900)
async def test_a_block_of_very_many_logs() -> None:
    """It is stored whole, within a bound of memory; a second one needs no more, and no more files stay open."""
    with tempfile.TemporaryDirectory(prefix="usdx-big-") as folder:
        async with stage(Path(folder), 17) as game:
            game.paused = True
            await game.tend()
            assert game.process is not None
            await game.settle()
            game.paused = True
            peaks, files = [], []
            for _ in range(2):
                game.life.chain.mine(*(transfer(number) for number in range(LOGS)))
                game.life._note()
                await stored(game.servers[0].url, game.life.chain.head.number)
                peaks.append(peak_bytes(game.process.pid))
                files.append(len(list(Path(f"/proc/{game.process.pid}/fd").iterdir())))
            print(f"peak {peaks}, files {files}")
            assert peaks[-1] < MOST_BYTES
            assert peaks[1] < peaks[0] * 1.35
            assert files[1] <= files[0] + 4
            game.process.send_signal(signal.SIGTERM)
            assert await asyncio.wait_for(game.process.wait(), 10) == 0


@pytest.mark.timeout(900)
async def test_a_slow_database(database_url: str, second_url: str, postgres_root: Path, tmp_path: Path) -> None:
    """However slowly the database takes what a quick node gives, no more of it is held, and all of it is stored."""
    quick = await backfilled(tmp_path / "quick", database_url, postgres_root, 0.0)
    slow = await backfilled(tmp_path / "slow", second_url, postgres_root, SLOW_S)
    print(f"peak {quick} quick, {slow} slow")
    assert slow < quick + MORE_BYTES


@pytest.fixture
async def second_url(postgres: embedded.Handle) -> AsyncIterator[str]:
    """Another migrated and empty database."""
    name = f"second_{os.environ.get('PYTEST_XDIST_WORKER', 'main')}"
    await ask(postgres.url_of("postgres"), f"create database {name} template {TEMPLATE}")
    yield postgres.url_of(name)
    await ask(postgres.url_of("postgres"), f"drop database {name} with (force)")


async def backfilled(folder: Path, url: str, root: Path, delay_s: float) -> int:
    """The most memory that a worker had who filled an empty database through a line that is this slow."""
    folder.mkdir()
    async with proxied(socket_of(root)) as line, scene(folder, url, tcp(url, line.port), blocks=1) as one:
        line.delay_s = delay_s
        for block in range(BLOCKS):
            one.life.chain.mine(*(transfer(block * EACH + number) for number in range(EACH)))
        one.life._note(BLOCKS)
        await one.start()
        head = one.life.chain.head.number
        async with asyncio.timeout(600):
            while await value(url, "select min(block_number) from usdx.cursors") != head:
                assert one.process is not None
                assert one.process.returncode is None, one.said()[-3000:]
                await asyncio.sleep(0.2)
        count, total = BLOCKS * EACH, BLOCKS * EACH * (BLOCKS * EACH - 1) // 2
        rows = "select count(*) = {} and count(distinct value) = {} and sum(value) = {} from shop.token_transfer"
        assert await value(url, rows.format(count, count, total) + " where value < 1e9 and block_number > 1")
        assert one.process is not None
        peak = peak_bytes(one.process.pid)
        assert await one.end() == 0
        return peak


async def stored(url: str, number: int) -> None:
    """Wait until the cursor is there and the block's rows are all of it."""
    import asyncpg

    cx = await asyncpg.connect(url)
    deadline = asyncio.get_running_loop().time() + PATIENCE_S
    while await cx.fetchval("select min(block_number) from usdx.cursors") != number:
        assert asyncio.get_running_loop().time() < deadline
        await asyncio.sleep(0.2)
    assert await cx.fetchval("select count(*) from shop.token_transfer where block_number = $1", number) == LOGS
    await cx.close()


def peak_bytes(pid: int) -> int:
    """The most memory that a process ever had."""
    line = next(one for one in Path(f"/proc/{pid}/status").read_text().splitlines() if one.startswith("VmHWM"))
    return int(line.split()[1]) * 1024
