"""Let an alert fire on its history, at once, by the rules as they are shipped.

The history becomes the past of a real Prometheus. Whoever waits out a `for` has waited already: the alert's labels are
learned while it is pending, and a second start is told since when it has been (ALERTS_FOR_STATE). A third start, on the
quiet history, ends it: Alertmanager resolves what nobody repeats.
"""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from demo import parts
from demo.drill.history import label_text, openmetrics, samples, seconds
from demo.drill.outcome import Outcome
from demo.drill.servers import running_prometheus
from demo.drill.sinks import Sinks
from monitoring import alerts, slo
from monitoring.channels import Channels
from monitoring.histories import CASES, Case
from monitoring.model import Alert
from monitoring.routes import RECEIVERS, heard
from monitoring.slo_histories import SLO_CASES

_PATIENCE_S = 45.0
_SINCE_S = 60  # how long before the start an alert's `for` was over


@dataclass(frozen=True, slots=True)
class Play:
    """A rule, the history that raises it and one that does not."""

    alert: Alert
    loud: Case
    quiet: Case | None

    @property
    def marks(self) -> tuple[str, ...]:
        """The words that tell this alert's notifications from all others."""
        return (self.alert.name, self.alert.service) if self.alert.service else (self.alert.name,)


def plays() -> list[Play]:
    """One for every rule, in the rules' order."""
    loud: dict[str, list[Case]] = {}
    quiet: dict[str, list[Case]] = {}
    for case in (*CASES, *SLO_CASES):
        (loud if case.fires else quiet).setdefault(case.alert, []).append(case)
    return [
        Play(alert, loud[alert.name].pop(0), next(iter(quiet.get(alert.name, ())), None))
        for alert in (*alerts.ALERTS, *slo.ALERTS)
    ]


@dataclass(frozen=True, slots=True)
class Stage:
    """Where plays are staged: a folder, an Alertmanager with its channels, and the sinks behind them."""

    folder: Path
    alertmanager_url: str
    channels: Channels
    sinks: Sinks
    patience_s: float = _PATIENCE_S

    async def perform(self, number: int, play: Play) -> Outcome:
        """Raise the alert, see who hears of it, and end it."""
        folder = self.folder / f"{number:02}_{play.alert.name}"
        cluster = {"cluster": folder.name}
        active_since = await self._learned(folder / "pending", play) if play.alert.hold != "0m" else None
        past = _past(play.loud, time.time()) if active_since is None else active_since
        expected = self._expected(play.alert)
        await _written(past, folder / "loud")
        began = time.monotonic()
        async with running_prometheus(folder / "loud", self.alertmanager_url, external_labels=cluster):
            told = await self._until(lambda: set(expected) <= self._heard("firing", play))
            fired_s = time.monotonic() - began if told else None
            reached = tuple(name for name in expected if name in self._heard("firing", play))
        if play.alert.name == "Watchdog":
            return Outcome(play.alert.name, "history", fired_s, expected, reached, None, resolves=False)
        quiet = play.quiet
        await _written(_past(quiet, time.time()) if quiet else [], folder / "quiet")
        began = time.monotonic()
        async with running_prometheus(folder / "quiet", self.alertmanager_url, external_labels=cluster):
            over = await self._until(lambda: set(expected) <= self._heard("resolved", play))
        resolved_s = time.monotonic() - began if over else None
        return Outcome(play.alert.name, "history", fired_s, expected, reached, resolved_s)

    def _heard(self, status: Any, play: Play) -> set[str]:
        return self.sinks.receivers(status, *play.marks)

    def _expected(self, alert: Alert) -> tuple[str, ...]:
        if alert.severity not in RECEIVERS:
            return ("webhook",)
        second = ("pagerduty-secondary",) if alert.labels.get("escalation") == "2" else ()
        return (*heard(self.channels, alert.severity), *second)

    async def _until(self, true: Callable[[], bool]) -> bool:
        deadline = time.monotonic() + self.patience_s
        while not true() and time.monotonic() < deadline:
            self.sinks.changed.clear()
            try:
                await asyncio.wait_for(self.sinks.changed.wait(), 1.0)
            except TimeoutError:
                continue
        return true()

    async def _learned(self, folder: Path, play: Play) -> list[tuple[str, float, float]]:
        """The history, and since when the alert has been active in it."""
        now_s = time.time()
        past = _past(play.loud, now_s)
        await _written(past, folder)
        nobody = "http://127.0.0.1:9"  # whom a pending alert is not sent to
        async with running_prometheus(folder, nobody) as url:
            pending = await _asked(url, f'ALERTS{{alertname="{play.alert.name}"}}')
        since_s = now_s - seconds(play.alert.hold) - _SINCE_S
        for labels in pending:
            plain = {name: value for name, value in labels.items() if name not in ("__name__", "alertstate")}
            past += [(f"ALERTS_FOR_STATE{{{label_text(plain)}}}", at_s, since_s) for at_s in (now_s - 60, now_s - 1)]
        return past


def _past(case: Case, now_s: float) -> list[tuple[str, float, float]]:
    return list(samples(case, now_s))


async def _written(past: list[tuple[str, float, float]], folder: Path) -> None:
    """Make the samples the past of the Prometheus of this folder."""
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "data").mkdir(parents=True)
    if not past:
        return
    text = folder / "history.om"
    text.write_text(openmetrics(past))
    process = await asyncio.create_subprocess_exec(
        str(await asyncio.to_thread(parts.promtool)),
        *("tsdb", "create-blocks-from", "openmetrics", "--max-block-duration=24h", "-q"),
        *(str(text), str(folder / "data")),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    _, said = await process.communicate()
    if process.returncode:
        raise parts.PartFailed("promtool", said.decode().strip())


async def _asked(url: str, expr: str) -> list[dict[str, str]]:
    """The label sets of an instant query, as soon as there are any."""
    async with aiohttp.ClientSession() as session:
        deadline = time.monotonic() + _PATIENCE_S
        while time.monotonic() < deadline:
            async with session.get(f"{url}/api/v1/query", params={"query": expr}) as answer:
                found = (await answer.json())["data"]["result"]
            if found:
                return [one["metric"] for one in found]
            await asyncio.sleep(0.3)
    return []


async def performed(stage: Stage, chosen: Sequence[Play], told: Callable[[Outcome], None], lanes: int) -> list[Outcome]:
    """Perform plays side by side; each has a Prometheus of its own. Outcomes in the order of the plays."""
    free = asyncio.Semaphore(lanes)

    async def one(number: int, play: Play) -> Outcome:
        async with free:
            outcome = await stage.perform(number, play)
            told(outcome)
            return outcome

    waiting: list[Awaitable[Outcome]] = [one(number, play) for number, play in enumerate(chosen)]
    return list(await asyncio.gather(*waiting))
