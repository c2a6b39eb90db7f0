"""The command `usdx oracle`: run the worker, probe its sources, set a price by hand."""

from __future__ import annotations

from pathlib import Path

import click

from shared.cli import config_option, run_worker


@click.group(invoke_without_command=True)
@config_option
@click.pass_context
def oracle(context: click.Context, config: Path | None) -> None:
    """Form prices one can trust, until stopped. Without a subcommand the worker runs."""
    context.obj = config
    if context.invoked_subcommand is not None:
        return
    from oracle.wiring import run

    run_worker(run, config)
