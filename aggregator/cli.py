"""The command `usdx aggregator`."""

from pathlib import Path

import click

from shared.cli import config_option, run_worker


@click.command()
@config_option
def aggregator(config: Path | None) -> None:
    """Serve the business figures, all workers' metrics, the REST API and the status page."""
    from aggregator.wiring import main

    run_worker(main, config)
