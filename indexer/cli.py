"""The commands `usdx indexer` and `usdx backfill`."""

from __future__ import annotations

from pathlib import Path

import click

from shared.cli import config_option, run_worker


@click.command()
@config_option
def indexer(config: Path | None) -> None:
    """Follow the configured chains and keep every event of the configured protocols in Postgres."""
    from indexer import wiring

    run_worker(wiring.run, config)


@click.command()
@config_option
def backfill(config: Path | None) -> None:
    """Catch up with the tip of every chain, with a progress bar, then exit."""
    from indexer import catch_up

    run_worker(catch_up.run, config)
