"""The command `usdx drill`."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

import click

from demo.drill.outcome import Outcome, line
from shared.cli import border
from shared.errors import Permanent


class DrillFailed(Permanent):
    """An alert did not fire, reach its channels or resolve, or one fired that should not have."""

    reason = "drill_failed"
    advice = "The table says which; its runbook says what the alert needs."


@click.command()
@click.argument("names", metavar="[ALERT]...", nargs=-1)
@click.option("--list", "list_only", is_flag=True, help="Print the alerts that can be drilled and how, and stop.")
@click.option("--lanes", default=3, show_default=True, help="How many histories to replay side by side.")
@click.option("--report", type=click.Path(dir_okay=False, path_type=Path), help="Write the table here, as Markdown.")
def drill(names: tuple[str, ...], list_only: bool, lanes: int, report: Path | None) -> None:
    """Make each alert fire and resolve for real, and see that it reaches every channel of its severity."""
    from demo.drill import run

    with border():
        chosen = run.chosen(names)
        if list_only:
            click.echo("\n".join(run.listed(chosen)))
            return
        with tempfile.TemporaryDirectory(prefix="usdx-drill-") as folder:
            outcomes = asyncio.run(run.drilled(chosen, Path(folder), lanes, _tell))
        if report is not None:
            report.write_text(run.reported(outcomes))
        failed = [outcome.alert for outcome in outcomes if not outcome.ok]
        click.echo(
            f"{len(outcomes) - len(failed)} of {len(outcomes)} alerts fired, reached their channels and resolved."
        )
        if failed:
            raise DrillFailed(f"{len(failed)} drills failed: {', '.join(failed)}")


def _tell(outcome: Outcome) -> None:
    click.echo(line(outcome))
