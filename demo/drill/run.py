"""Run a drill: choose, set the stage, perform, report."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from demo.drill import sinks
from demo.drill.outcome import Outcome, markdown
from demo.drill.replay import Play, Stage, performed, plays
from demo.drill.servers import channels, running_alertmanager
from shared.errors import ConfigError


def chosen(names: Sequence[str]) -> list[Play]:
    """The plays of the named alerts, of all without a name. Raises ConfigError for a name that is none."""
    known = plays()
    strangers = sorted(set(names) - {play.alert.name for play in known})
    if strangers:
        raise ConfigError(f"no alert is called {', '.join(strangers)}; usdx drill --list prints them all")
    return [play for play in known if not names or play.alert.name in names]


def listed(found: Sequence[Play]) -> list[str]:
    """Each alert with its severity and the history that raises it."""
    return [f"{play.alert.name:<38} {play.alert.severity:<9} {play.loud.law}" for play in found]


async def drilled(found: Sequence[Play], folder: Path, lanes: int, told: Callable[[Outcome], None]) -> list[Outcome]:
    """Replay the histories against a real Prometheus each and one Alertmanager with every channel."""
    async with sinks.opened() as open_sinks, running_alertmanager(folder / "alertmanager", open_sinks) as url:
        stage = Stage(folder, url, channels(folder / "alertmanager", open_sinks), open_sinks)
        return await performed(stage, list(found), told, lanes)


def reported(outcomes: Sequence[Outcome]) -> str:
    """The report: when, how many, and the table."""
    good = sum(outcome.ok for outcome in outcomes)
    when = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    return f"{good} of {len(outcomes)} drills passed, {when}.\n\n{markdown(outcomes)}"
