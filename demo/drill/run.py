"""Run a drill: choose, set the stage, perform, report."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from demo.drill import live, replay, sinks
from demo.drill.faults import FAULTS, Fault
from demo.drill.outcome import Outcome, markdown
from demo.drill.replay import Play
from demo.drill.servers import channels, running_alertmanager
from shared.errors import ConfigError

Told = Callable[[Outcome], None]


@dataclass(frozen=True, slots=True)
class Plan:
    """What a drill does: histories to replay, then faults to inject."""

    plays: tuple[Play, ...]
    faults: tuple[Fault, ...]


def planned(
    names: Sequence[str],
    *,
    history: bool = True,
    faults: bool = True,
    slow: bool = True,
    only: str | None = None,
) -> Plan:
    """The plan for the named alerts, for all without a name; `only` those faults whose name holds it.

    Raises ConfigError for a name that is none.
    """
    known = replay.plays()
    strangers = sorted(set(names) - {play.alert.name for play in known})
    if strangers:
        raise ConfigError(f"no alert is called {', '.join(strangers)}; usdx drill --list prints them all")
    plays = tuple(play for play in known if not names or play.alert.name in names) if history else ()
    raised = (fault for fault in FAULTS if not names or {name for name, _ in fault.raises} & set(names))
    wanted = (fault for fault in raised if (slow or not fault.slow) and (only or "") in fault.name)
    return Plan(plays, tuple(wanted) if faults else ())


def emptied(folder: Path) -> Path:
    """The drill's folder without what an earlier drill left: logs stay there until the next one.

    Raises ConfigError for a folder that no drill made.
    """
    mark = folder / "drill"
    if folder.is_dir() and any(folder.iterdir()) and not mark.exists():
        raise ConfigError(f"{folder} is not empty and no drill made it; nothing in it was touched")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    mark.touch()
    return folder.absolute()


def listed(plan: Plan) -> list[str]:
    """Each alert with its severity and how it is raised."""
    histories = [f"{play.alert.name:<38} {play.alert.severity:<9} history: {play.loud.law}" for play in plan.plays]
    return histories + [
        f"{name:<38} {service:<9} fault: {fault.name}" for fault in plan.faults for name, service in fault.raises
    ]


async def drilled(plan: Plan, folder: Path, lanes: int, told: Told) -> list[Outcome]:
    """Replay the histories, then break a demo by every fault."""
    outcomes: list[Outcome] = []
    if plan.plays:
        async with sinks.opened() as heard, running_alertmanager(folder / "alertmanager", heard) as url:
            stage = replay.Stage(folder, url, channels(folder / "alertmanager", heard), heard)
            outcomes += await replay.performed(stage, plan.plays, told, lanes)
    if plan.faults:
        async with sinks.opened() as heard:
            outcomes += await live.broken_one_by_one(plan.faults, folder / "live", heard, told)
    return outcomes


def reported(outcomes: Sequence[Outcome]) -> str:
    """The report: when, how many, and the table."""
    good = sum(outcome.ok for outcome in outcomes)
    when = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    return f"{good} of {len(outcomes)} drills passed, {when}.\n\n{markdown(outcomes)}"
