"""`usdx backfill` with its second process, against the replay node and a real Postgres."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import asyncpg
import msgspec
import pytest

from benchmarks.chain import ABI, CHAIN_ID, FIRST_BLOCK, PROFILES, TOKEN, Chain
from benchmarks.stage import NodePlan, configure, replay
from indexer.abi import parse
from indexer.model import Log, Logs, Range
from indexer.rows import Batch, RowWriter
from indexer.streams import stream

USDX = Path(sys.executable).with_name("usdx")
BLOCKS = 12_000
DEPTH = 64


def expected(blocks: int) -> dict[str, list[tuple[object, ...]]]:
    """The rows of the chain by the general decoder."""
    one = stream("bench/token", "replay", "bench", parse(json.dumps(ABI)), [TOKEN], FIRST_BLOCK)
    writer, batch, chain = RowWriter(CHAIN_ID, [one]), Batch(), Chain(PROFILES["dense"])
    for number in range(blocks // 1000):
        logs = msgspec.json.decode(b"[" + bytes(chain.chunk(number).logs) + b"]", type=list[Log])
        writer.write(Logs(Range(0, 1 << 40), {}, logs), batch)
    return {name: rows.records for name, rows in batch.rows.items()}


async def stored(database: str) -> dict[str, list[tuple[object, ...]]]:
    cx = await asyncpg.connect(database)
    try:
        tables = await cx.fetch("select tablename from pg_tables where schemaname = 'bench'")
        out = {}
        for row in tables:
            name = f"bench.{row['tablename']}"
            rows = await cx.fetch(f"select * from {name} order by chain_id, block_number, log_index")
            out[name] = [tuple(one) for one in rows]
        return out
    finally:
        await cx.close()


async def cursor(database: str) -> int:
    cx = await asyncpg.connect(database)
    try:
        return int(await cx.fetchval("select block_number from usdx.cursors") or -1)
    except asyncpg.UndefinedTableError:
        return -1
    finally:
        await cx.close()


def start(config: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen([USDX, "backfill", "--config", config], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def finish(process: subprocess.Popen[bytes]) -> None:
    out, _ = process.communicate(timeout=200)
    assert process.returncode == 0, out.decode()[-3000:]


@pytest.mark.parametrize("bare", [False, True], ids=["timestamps", "headers"])
async def test_every_event_is_stored_once(bare: bool, database_url: str, tmp_path: Path) -> None:
    """Whether the node tells times or headers do: the tables hold what the general decoder makes of the chain."""
    with replay(NodePlan("dense", BLOCKS, bare=bare)) as node:
        process = start(configure(tmp_path, database_url, [node]))
        await asyncio.to_thread(finish, process)
    assert await stored(database_url) == expected(BLOCKS)


@pytest.mark.parametrize("death", [signal.SIGKILL, signal.SIGTERM])
async def test_an_end_in_the_middle_loses_and_repeats_nothing(
    death: signal.Signals, database_url: str, tmp_path: Path
) -> None:
    """Killed between commits again and again, the cursor never runs ahead of the rows and the rest comes later."""
    with replay(NodePlan("dense", BLOCKS, latency_ms=150)) as node:
        config = configure(tmp_path, database_url, [node])
        for share in (0.0, 0.5):
            process = start(config)
            reached = FIRST_BLOCK + int(BLOCKS * share)
            while process.poll() is None and await cursor(database_url) < reached:
                await asyncio.sleep(0.01)
            process.send_signal(death)
            await asyncio.to_thread(process.communicate)
            at = await cursor(database_url)
            rows = await stored(database_url)
            newest = max((row[1] for table in rows.values() for row in table), default=-1)
            assert isinstance(newest, int)
            assert newest <= at
        await asyncio.to_thread(finish, start(config))
    assert await stored(database_url) == expected(BLOCKS)


async def test_the_second_process_ends_with_the_first(database_url: str, tmp_path: Path) -> None:
    """A `kill -9` leaves no decoder behind."""
    with replay(NodePlan("dense", BLOCKS, latency_ms=300)) as node:
        process = start(configure(tmp_path, database_url, [node]))
        child = await asyncio.to_thread(_decoder_of, process.pid)
        process.kill()
        process.communicate()
        deadline = time.monotonic() + 20
        while Path(f"/proc/{child}").exists() and _alive(child):
            assert time.monotonic() < deadline, "the decoder process outlived its parent"
            await asyncio.sleep(0.05)


def _decoder_of(parent: int) -> int:
    """The pid of the decoder process, once there is one."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        for entry in Path(f"/proc/{parent}/task").glob("*/children"):
            for child in entry.read_text().split():
                if b"decode_worker" in Path(f"/proc/{child}/cmdline").read_bytes():
                    return int(child)
        time.sleep(0.02)
    raise AssertionError("no decoder process was started")


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
