"""Blocks of any size, in bounded memory and with bounded files."""

from __future__ import annotations

import asyncio
import os
import signal
import tempfile
from pathlib import Path

import pytest

from tests.adversity.crash import PATIENCE_S, stage
from tests.adversity.shop import transfer

LOGS = int(os.environ.get("USDX_BLOCK_LOGS", "20000"))
MOST_BYTES = 700_000_000
"""A hundred thousand logs took 309 MB, their JSON of 70 MB included."""


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
