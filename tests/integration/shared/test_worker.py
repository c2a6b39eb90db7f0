"""Laws of a worker's process, seen from outside."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from socket import socket

import pytest

from shared.db import Database
from shared.errors import DatabaseConflict
from shared.settings import Settings
from shared.worker import open_worker

ROOT = Path(__file__).parents[3]
PROGRAM = """
import asyncio, sys, time
from shared.cli import run_worker
from shared.worker import open_worker

BODY = {body!r}

async def main(settings):
    async with open_worker("indexer", settings) as worker:
        async def follow(stop):
            while not stop.is_set():
                worker.health.beat("follow")
                worker.health.status_line = "READY block 17"
                exec(BODY, globals())
                await step()
                await stop.wait(0.02)
            print("step ended", flush=True)
        await worker.run(settings.indexer, {{"follow": follow}})

async def step(): pass
run_worker(main, None)
"""


def _free_port() -> int:
    with closing(socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def _worker(url: str, folder: Path, body: str = "", **env: str) -> Iterator[tuple[subprocess.Popen[str], int]]:
    port = _free_port()
    given = {"USDX_DATABASE__URL": url, "USDX_INDEXER__PORT": str(port), "PYTHONPATH": str(ROOT)} | env
    process = subprocess.Popen(
        [sys.executable, "-W", "error", "-c", PROGRAM.format(body=body)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | given,
        cwd=folder,
    )
    try:
        yield process, int(given["USDX_INDEXER__PORT"])
    finally:
        process.kill()
        process.communicate()


def _wait_ready(port: int) -> dict[str, object]:
    for _ in range(3000):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5) as answer:
                return dict(json.load(answer))
        except OSError:
            time.sleep(0.05)
    raise AssertionError("the worker did not become ready")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_with_0(database_url: str, tmp_path: Path, number: int) -> None:
    """SIGTERM and SIGINT let the step end, and the exit code is 0 within ten seconds; nothing is said on stderr."""
    with _worker(database_url, tmp_path) as (process, port):
        assert _wait_ready(port)["status"] == "READY block 17"
        process.send_signal(number)
        out, err = process.communicate(timeout=150)
        assert (process.returncode, err) == (0, "")
        assert "step ended" in out


def test_a_dead_task_ends_it_with_1(database_url: str, tmp_path: Path) -> None:
    """A bug ends the process: traceback first, then one clear last line."""
    with _worker(database_url, tmp_path, "raise ValueError('oops')") as (process, _):
        _, err = process.communicate(timeout=150)
        assert process.returncode == 1
        assert "Traceback" in err
        assert err.splitlines()[-1].startswith("usdx: task follow died: ValueError: oops.")


def test_a_foreseen_death_needs_no_traceback(database_url: str, tmp_path: Path) -> None:
    """An error of our tree is one line, exit code 1."""
    body = "from shared.errors import LeaseLost\nraise LeaseLost('the lease of x is lost')"
    with _worker(database_url, tmp_path, body) as (process, _):
        _, err = process.communicate(timeout=150)
        assert process.returncode == 1
        assert err.splitlines() == [
            "usdx: the lease of x is lost. The worker stops what it does and asks for the lease again by itself."
        ]


def test_a_task_that_cannot_be_cancelled_does_not_hold_the_process(database_url: str, tmp_path: Path) -> None:
    """Even a task that hangs in a thread is over within ten seconds; that is no clean end."""
    body = "async def step(): await asyncio.to_thread(time.sleep, 3600)"
    with _worker(database_url, tmp_path, body) as (process, port):
        _wait_ready(port)
        process.terminate()
        _, err = process.communicate(timeout=150)
        assert process.returncode == 1
        assert "did not end in time" in err


def test_a_taken_port_is_one_message(database_url: str, tmp_path: Path) -> None:
    """The second worker on a port says so in one line and ends with 1."""
    with _worker(database_url, tmp_path) as (_, port):
        _wait_ready(port)
        with _worker(database_url, tmp_path, USDX_INDEXER__PORT=str(port)) as (second, _):
            _, err = second.communicate(timeout=150)
            assert second.returncode == 1
            assert len(err.splitlines()) == 1
            assert f"port {port} on 127.0.0.1 is taken" in err


def test_a_refused_database_is_one_message(tmp_path: Path) -> None:
    """Nobody listens there: one line with host and port but without the password, exit code 1."""
    url = f"postgresql://usdx:hunter2@127.0.0.1:{_free_port()}/usdx"
    with _worker(url, tmp_path) as (process, _):
        _, err = process.communicate(timeout=150)
        assert process.returncode == 1
        assert len(err.splitlines()) == 1
        assert "usdx: database 127.0.0.1:" in err
        assert "hunter2" not in err


def test_a_bad_config_is_exit_code_2(tmp_path: Path) -> None:
    """What the user wrote wrongly is code 2, without a traceback."""
    with _worker("postgresql://x", tmp_path, USDX_INDEXER__PROT="1") as (process, _):
        _, err = process.communicate(timeout=150)
        assert process.returncode == 2
        assert 'indexer.prot = "1": is not a known key, did you mean "port"?' in err
        assert "Traceback" not in err


def test_what_every_worker_exposes(database_url: str, tmp_path: Path) -> None:
    """Build, process, heartbeat, dependency, pool and log families are there from the start."""
    with _worker(database_url, tmp_path) as (_, port):
        _wait_ready(port)
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
            text = answer.read().decode()
    for sample in (
        'usdx_build_info{python="',
        "process_resident_memory_bytes ",
        'usdx_worker_heartbeat_timestamp_seconds{loop="follow"} ',
        'usdx_worker_task_restarts_total{task="follow"} 0.0',
        'usdx_dependency_up{dependency="postgres"} 1.0',
        'usdx_db_pool_connections{state="used"} ',
        "usdx_db_pool_max_connections 8.0",
        'usdx_log_messages_total{level="error"} 0.0',
        "usdx_event_loop_lag_seconds_count ",
        'usdx_metrics_label_overflow_total{label="route"} 0.0',
    ):
        assert f"\n{sample}" in text
    assert "://" not in text


async def test_a_migration_that_meets_a_worker_runs_again(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers of the last version may hold what the new one's migration changes: the start does not fail of it."""
    migrate, tried = Database.migrate, 0

    async def met(db: Database) -> tuple[str, ...]:
        nonlocal tried
        tried += 1
        if tried == 1:
            raise DatabaseConflict("deadlock detected")
        return await migrate(db)

    monkeypatch.setattr(Database, "migrate", met)
    monkeypatch.setattr("shared.worker.log.configure", lambda *_: None)
    async with open_worker("indexer", settings):
        assert tried == 2
