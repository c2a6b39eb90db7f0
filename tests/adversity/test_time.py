"""Clocks that jump, an event loop that hangs, signals at any moment, connections without number, days on end."""

from __future__ import annotations

import asyncio
import errno
import os
import signal
import time
from pathlib import Path

import pytest

from tests.adversity.proxy import proxied
from tests.adversity.scene import PATIENCE_S, living, scene, socket_of
from tests.adversity.soak import HOUR_BLOCKS, soak
from tests.adversity.test_database import HALTED

HEAD_SEEN = 'usdx_indexer_chain_head_fetched_timestamp_seconds{chain="fake"}'
LAG = "usdx_event_loop_lag_seconds"
HOURS = int(os.environ.get("USDX_SOAK_HOURS", "1"))
RECONNECTS = int(os.environ.get("USDX_RECONNECTS", "6"))


def tcp(database_url: str, port: int) -> str:
    """The same database through a proxy."""
    return (
        f"postgresql://usdx@127.0.0.1:{port}{database_url[len('postgresql://usdx@') :].split('?')[0]}?sslmode=disable"
    )


async def test_clocks_that_step_and_a_loop_that_hangs(database_url: str, tmp_path: Path) -> None:
    """An hour forth, two back, three seconds of nothing: every block comes, nothing is negative, nobody looks dead."""
    async with scene(tmp_path, database_url) as one:
        one.clock = tmp_path / "clock"
        one.clock.write_text("0")
        await one.start()
        await one.settle()
        for ahead_s in (3600, -3600, 0):
            set_clock(one.clock, str(ahead_s))
            one.life.fork(3, 5)
            one.life.grow(2)
            await one.settle()
            async with asyncio.timeout(PATIENCE_S):  # until it is this clock that it looks at
                while abs((await one.scrape())[HEAD_SEEN] - time.time() - ahead_s) > 900:
                    await asyncio.sleep(0.05)
            assert await one.probe("/healthz") == 200
            assert {name: value for name, value in (await one.scrape()).items() if value < 0} == {}
        before = await one.scrape()
        async with living(one):
            set_clock(one.clock, "0 3")
            await one.until(lambda: one.clock is not None and one.clock.read_text() != "0 3")
            await asyncio.sleep(3.2)
        await one.settle()
        after = await one.scrape()
        assert after[f"{LAG}_sum"] - before[f"{LAG}_sum"] > 1.5, "it was noticed"
        assert after[HALTED] == 0
        assert await one.probe("/healthz") == 200
        assert await one.end() == 0


def set_clock(file: Path, text: str) -> None:
    """All at once, since it is being read all the time."""
    (new := file.with_suffix(".new")).write_text(text)
    new.rename(file)


async def test_reconnecting_leaves_no_file_open(database_url: str, postgres_root: Path, tmp_path: Path) -> None:
    """However often the database is cut off, the worker has as many open files as at first."""
    async with (
        proxied(socket_of(postgres_root)) as line,
        scene(tmp_path, database_url, tcp(database_url, line.port)) as one,
    ):
        await one.start()
        await one.settle()
        seen = []
        for _ in range(RECONNECTS):
            one.life.live()
            line.cut()
            await one.settle()
            seen.append(one.open_files())
        print(f"open files {seen}")
        assert max(seen[-3:]) <= max(seen[:3]) + 2
        assert await one.end() == 0


@pytest.mark.parametrize("service", ["indexer", "oracle", "aggregator"])
async def test_sigterm_while_it_starts(service: str, database_url: str, tmp_path: Path) -> None:
    """From when a worker asks for its configuration on, it ends with 0 and without a word whenever it is asked to."""
    async with scene(tmp_path, database_url, more=FEEDS) as one:
        config = one.config.rename(tmp_path / "written.toml").read_bytes()
        os.mkfifo(one.config)
        for pause_s in (None, 0.0, 0.05, 0.1, 0.3, 0.8):
            log = tmp_path / f"{service}-{pause_s}.log"
            process = await one.nursery.fork(one.config, log, service)
            pipe = await asyncio.wait_for(asked_for(one.config), PATIENCE_S)
            if pause_s is not None:
                os.write(pipe, config)
                os.close(pipe)
                await asyncio.sleep(pause_s)
            process.send_signal(signal.SIGTERM)
            if pause_s is None:
                os.close(pipe)  # a signal just before a read of nothing is heard only when that ends
            assert await asyncio.wait_for(process.wait(), 10) == 0, f"after {pause_s}: {log.read_text()}"
            assert "Traceback" not in log.read_text()
            assert "usdx: " not in log.read_text()


async def asked_for(fifo: Path) -> int:
    """The end of a pipe to write to, once somebody reads the other."""
    while True:
        try:
            return os.open(fifo, os.O_WRONLY | os.O_NONBLOCK)
        except OSError as exc:
            if exc.errno != errno.ENXIO:
                raise
            await asyncio.sleep(0.001)


FEEDS = """
[oracle]
port = 0
[aggregator]
port = 0
[feeds."ETH/USD"]
sources = ["coinbase"]
min_sources = 1
[venues.coinbase]
base_url = "http://127.0.0.1:1"
"""


@pytest.mark.timeout(3600)
async def test_days_on_end(database_url: str, tmp_path: Path) -> None:
    """Memory after a day of blocks is what it was after the first hour of them."""
    grown = await soak(tmp_path, database_url, hours=HOURS)
    print(grown)
    assert grown.last_bytes < grown.warm_bytes * 1.05 + 4_000_000
    assert grown.blocks >= HOURS * HOUR_BLOCKS
