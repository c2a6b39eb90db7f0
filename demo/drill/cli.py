"""The command `usdx drill`."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click

from demo.drill.outcome import Outcome, line
from shared.cli import border
from shared.errors import ConfigError, Permanent


class DrillFailed(Permanent):
    """An alert did not fire, reach its channels or resolve, or one fired that should not have."""

    reason = "drill_failed"
    advice = "The table says which; its runbook says what the alert needs."


@click.command()
@click.argument("names", metavar="[ALERT]...", nargs=-1)
@click.option("--list", "list_only", is_flag=True, help="Print the alerts and how each is raised, and stop.")
@click.option(
    "--how",
    type=click.Choice(["history", "fault", "both"]),
    default="both",
    show_default=True,
    help="Replay histories at once, or break a running demo and wait out the rules' own patience.",
)
@click.option("--quick", is_flag=True, help="Leave out faults that take more than two minutes.")
@click.option("--only", metavar="TEXT", help="Only the faults whose name holds this text.")
@click.option("--lanes", default=3, show_default=True, help="How many histories to replay side by side.")
@click.option("--data-dir", type=click.Path(path_type=Path, file_okay=False), help="Default: .usdx/drill.")
@click.option("--report", type=click.Path(dir_okay=False, path_type=Path), help="Write the table here, as Markdown.")
@click.option("--alertmanager", metavar="URL", help="Drill a stack of your own: send it one harmless test alert.")
@click.option(
    "--channel",
    "channels",
    type=click.Choice(["webhook", "slack", "email", "pagerduty"]),
    multiple=True,
    help="With --alertmanager: the channels that must have delivered it. Default: whichever exist.",
)
def drill(
    names: tuple[str, ...],
    list_only: bool,
    how: str,
    quick: bool,
    only: str | None,
    lanes: int,
    data_dir: Path | None,
    report: Path | None,
    alertmanager: str | None,
    channels: tuple[str, ...],
) -> None:
    """Make each alert fire and resolve for real, and see that it reaches every channel of its severity."""
    from demo.drill import probe, run
    from demo.home import home

    with border():
        if alertmanager is not None:
            click.echo("\n".join(asyncio.run(probe.sent(alertmanager, channels))))
            return
        if channels:
            raise ConfigError("--channel goes with --alertmanager: a drill of the demo reaches every channel")
        plan = run.planned(names, history=how != "fault", faults=how != "history", slow=not quick, only=only)
        if list_only:
            click.echo("\n".join(run.listed(plan)))
            return
        outcomes = asyncio.run(run.drilled(plan, run.emptied(data_dir or home() / "drill"), lanes, _tell))
        if report is not None:
            report.write_text(run.reported(outcomes))
        failed = [outcome.alert for outcome in outcomes if not outcome.ok]
        click.echo(f"{len(outcomes) - len(failed)} of {len(outcomes)} drills passed.")
        if failed:
            raise DrillFailed(f"{len(failed)} drills failed: {', '.join(failed)}")


def _tell(outcome: Outcome) -> None:
    click.echo(line(outcome))
