"""`usdx demo` from the outside."""

import asyncio
import json
import os
import signal
import subprocess
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from shared import embedded
from tests.acceptance.demo.driving import DemoRun, assert_nothing_is_left, lives, until

pytestmark = pytest.mark.timeout(600)
WORKERS = ("indexer", "oracle", "aggregator")
GRANDFATHERED = ("usdx_active_wexels_count", "usdx_collateralized_wexels_count", "usdx_total_users_count")

Demo = Callable[..., DemoRun]


def read(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=30) as response:
        body: bytes = response.read()
        return body


def test_killed_workers_heal_and_the_check_holds(demo: Demo) -> None:
    """kill -9 of every worker in the middle of work changes nothing of what is stored, counted and published."""
    run = demo("--for", "20s", "--check", "--rate", "20")
    state = run.wait_ready()
    for program in (*WORKERS, "traffic"):
        victim = run.pid(program)
        os.kill(victim, signal.SIGKILL)
        until(lambda program=program, victim=victim: run.state()["pids"][program] not in (None, victim), program, run)
    assert run.wait() == 0, run.output
    for program in (*WORKERS, "traffic"):
        assert f"{program} ended (killed by signal 9); starting it again" in run.output
    assert "comparisons agree" in run.output
    assert_nothing_is_left(run, state)


def test_check_finds_what_was_tampered_with(demo: Demo) -> None:
    """A single changed value in Postgres makes the check fail, name it, and exit 1."""
    run = demo("--for", "3s", "--check", "--rate", "20")
    run.wait_ready()

    async def tamper() -> None:
        with embedded.start(run.folder / "postgres") as server:
            cx = await asyncpg.connect(server.url)
            changed = await cx.execute(
                "update wexel.vault_wexel_created set principal_usd = principal_usd + 1"
                " where id = (select min(id) from wexel.vault_wexel_created)"
            )
            await cx.close()
        assert changed == "UPDATE 1"

    asyncio.run(tamper())
    assert run.wait() == 1
    assert "DIFFERENT  vault, digest of all values" in run.output
    assert "DIFFERENT  usdx_total_value_locked" in run.output
    assert "Traceback" not in run.output


def test_interrupt_leaves_nothing(demo: Demo, promtool: Path) -> None:
    """While it runs, everything is scraped and well-formed; Ctrl-C ends it all, without process or port."""
    run = demo()
    state = run.wait_ready()
    for worker in WORKERS:
        check_exposition(promtool, read(f"{state['urls'][worker]}/metrics"))
    if "prometheus" in state["pids"]:
        until(lambda: set(targets(state).values()) == {"up"}, "Prometheus reaches everybody", run)
    assert run.interrupt() == 0, run.output
    assert_nothing_is_left(run, state)
    assert not lives(state["supervisor"])


def check_exposition(promtool: Path, exposition: bytes) -> None:
    checked = subprocess.run([promtool, "check", "metrics"], input=exposition, capture_output=True)
    complaints = (checked.stdout + checked.stderr).decode().splitlines()
    assert [line for line in complaints if not line.startswith(GRANDFATHERED)] == []


def targets(state: dict[str, Any]) -> dict[str, str]:
    found = json.loads(read(f"{state['urls']['prometheus']}/api/v1/targets"))["data"]["activeTargets"]
    return {target["labels"]["job"]: target["health"] for target in found}


def test_killed_supervisor_leaves_nothing(demo: Demo) -> None:
    """kill -9 of the supervisor ends everything it started, and the same folder serves the next run."""
    run = demo()
    state = run.wait_ready()
    run.process.kill()
    run.process.wait()
    assert_nothing_is_left(run, state)
    again = demo("--for", "1s")
    assert again.wait() == 0, again.output


def test_kept_run_continues(demo: Demo) -> None:
    """With --keep the second run has the chain and the rows of the first, and the check holds over both."""
    first = demo("--for", "3s")
    assert first.wait() == 0, first.output
    second = demo("--for", "3s", "--check", "--keep")
    state = second.wait_ready()
    blocks = int(state["status"]["node"].split()[2])
    assert blocks > 6
    assert second.wait() == 0, second.output


def test_killed_node_ends_the_demo(demo: Demo) -> None:
    """A chain cannot be started again with its blocks: its end is the demo's, in one clear message."""
    run = demo()
    until((run.folder / "demo.json").exists, "programs run", run)
    state = run.state()
    os.kill(run.pid("node"), signal.SIGKILL)
    assert run.wait() == 1
    assert "usdx: node ended (killed by signal 9)" in run.output
    assert "Traceback" not in run.output
    assert_nothing_is_left(run, state)
