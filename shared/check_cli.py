"""`usdx check`: validate the configuration and everything it points at."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import click

from shared.cli import border, config_option, load_settings


@click.command()
@config_option
def check(config: Path | None) -> None:
    """Validate config, protocols, database, endpoints and sources; say what to mend."""
    from shared.check import look
    from shared.clock import system_clock
    from shared.errors import ConfigError
    from shared.mask import mask

    with border():
        findings = asyncio.run(look(load_settings(config), system_clock()))
    for finding in findings:
        mark = "ok  " if finding.error is None else "FAIL"
        click.echo(mask(f"{mark}  {finding.subject}: {finding.error or finding.detail}"))
        if finding.error is not None:
            click.echo(f"      {finding.error.advice}")
    errors = [finding.error for finding in findings if finding.error is not None]
    if errors:
        sys.exit(2 if any(isinstance(error, ConfigError) for error in errors) else 1)
