"""Break a running system for real, by the rules and their own patience, and see who hears of it."""

from __future__ import annotations

import asyncio
import json
import re
import sys
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

from demo import leash, parts
from demo.drill.faults import Fault, World
from demo.drill.outcome import Outcome
from demo.drill.servers import NoAnswer, channels, running_alertmanager, running_prometheus
from demo.drill.sinks import Sinks
from demo.program import environment
from monitoring import alerts, slo
from monitoring.channels import Channels
from monitoring.routes import heard

_READY_WITHIN_S = 300.0
_QUIET_S = 30.0
_WORKERS = ("indexer", "oracle", "aggregator")
_BURNS = frozenset(alert.name for alert in slo.ALERTS)  # a young system has a short past: any long fault burns budgets
_SEVERITY = {alert.name: alert.severity for alert in (*alerts.ALERTS, *slo.ALERTS)}


@asynccontextmanager
async def world(folder: Path) -> AsyncIterator[World]:
    """A demo of its own on free ports, ready; ended with the context."""
    await asyncio.to_thread(folder.mkdir, parents=True)
    argv = (sys.executable, "-P", "-m", "demo", "--free-ports", "--data-dir", str(folder / "run"))
    process = await leash.start(argv, log=folder / "demo.log", env=environment())
    try:
        async with aiohttp.ClientSession() as session:
            state = await _ready(process, folder / "run/demo.json", folder / "demo.log")
            yield World(folder / "run", state["pids"], state["urls"], session)
    finally:
        await leash.stop(process, grace_s=60)


async def _ready(process: asyncio.subprocess.Process, state: Path, log: Path) -> Any:
    deadline = time.monotonic() + _READY_WITHIN_S
    while time.monotonic() < deadline and process.returncode is None:
        found = await asyncio.to_thread(_read, state)
        if found and all(str(found["status"].get(name)).startswith("READY") for name in (*_WORKERS, "traffic")):
            return found
        await asyncio.sleep(0.5)
    raise NoAnswer(f"the demo did not become ready (log: {log})")


def _read(state: Path) -> Any:
    return json.loads(state.read_text()) if state.exists() else None


@asynccontextmanager
async def watched(folder: Path, broken: World, sinks: Sinks) -> AsyncIterator[Channels]:
    """Prometheus, with the shipped rules, and Alertmanager, with every channel, on the demo's workers."""
    async with running_alertmanager(folder / "alertmanager", sinks) as url:
        jobs = [
            {
                "job_name": f"usdx-{worker}",
                "scrape_timeout": "900ms",
                "static_configs": [
                    {"targets": [broken.urls[worker].removeprefix("http://")], "labels": {"service": worker}}
                ],
            }
            for worker in _WORKERS
        ]
        async with running_prometheus(folder / "prometheus", url, scrape_configs=jobs):
            yield channels(folder / "alertmanager", sinks)


async def quiet(sinks: Sinks, seconds: float = _QUIET_S) -> Outcome:
    """Let the healthy system run: nothing but the watchdog may be heard."""
    began = len(sinks.arrivals)
    await asyncio.sleep(seconds)
    strangers = sorted({_name(one.text) for one in sinks.arrivals[began:]} - {"Watchdog"})
    return Outcome(
        "(none)", f"no fault for {seconds:.0f} s", 0.0, (), (), None, resolves=False, unexpected=tuple(strangers)
    )


def _name(text: str) -> str:
    return next((name for name in _SEVERITY if re.search(rf"\b{name}\b", text)), text[:60])


async def suffered(fault: Fault, broken: World, on: Channels, sinks: Sinks) -> list[Outcome]:
    """Inject the fault, wait for its alerts, heal it, wait for their end."""
    began = time.monotonic()
    first = len(sinks.arrivals)
    await fault.inject(broken)
    try:
        fired = await asyncio.gather(*(_when(sinks, "firing", one, on, fault, began) for one in fault.raises))
    finally:
        await fault.heal(broken)
    healed = time.monotonic()
    over = await asyncio.gather(*(_when(sinks, "resolved", one, on, fault, healed) for one in fault.raises))
    names = {name for name, _ in fault.raises}
    allowed = names | fault.beside | _BURNS | {"Watchdog"}
    strangers = sorted({_name(one.text) for one in sinks.arrivals[first:]} - allowed)
    return [
        Outcome(
            f"{name} ({service})",
            fault.name,
            fired_s,
            heard(on, _SEVERITY[name]),
            tuple(sorted(sinks.receivers("firing", name, service))),
            over_s,
            unexpected=tuple(strangers),
        )
        for (name, service), fired_s, over_s in zip(fault.raises, fired, over, strict=True)
    ]


async def _when(
    sinks: Sinks, status: Any, raised: tuple[str, str], on: Channels, fault: Fault, began: float
) -> float | None:
    """Seconds until everyone who should has heard of it, None when that takes too long."""
    expected = set(heard(on, _SEVERITY[raised[0]]))
    deadline = began + fault.patience_s
    while time.monotonic() < deadline:
        if expected <= sinks.receivers(status, *raised):
            return time.monotonic() - began
        await asyncio.sleep(0.2)
    return None


async def broken_one_by_one(
    faults: Sequence[Fault], folder: Path, sinks: Sinks, told: Callable[[Outcome], None]
) -> list[Outcome]:
    """A quiet time first, then every fault after the other on one demo."""
    await asyncio.to_thread(parts.prometheus)
    async with world(folder / "demo") as broken, watched(folder, broken, sinks) as on:
        await asyncio.sleep(10)  # Prometheus finds its targets and its Alertmanager
        outcomes = [await quiet(sinks)]
        told(outcomes[0])
        for fault in faults:
            found = await suffered(fault, broken, on, sinks)
            for outcome in found:
                told(outcome)
            outcomes += found
            sinks.arrivals.clear()
        return outcomes
