"""`usdx channels`: say which alert channels are on, and write Alertmanager's configuration for them."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from monitoring.channels import ChannelsRefused, read
from monitoring.render import alertmanager
from monitoring.routes import RECEIVERS, TEMPLATES, heard


@click.command()
@click.option(
    "--secrets",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    default=Path("docker/alertmanager/secrets"),
    show_default=True,
    help="The folder with channels.toml and one file per secret.",
)
@click.option("--seen-as", type=click.Path(path_type=Path), help="That folder's path for Alertmanager, if different.")
@click.option("--templates", default=TEMPLATES, show_default=True, help="Alertmanager's path of the templates.")
@click.option(
    "--write", "target", type=click.Path(dir_okay=False, path_type=Path), help="Write the configuration here."
)
def channels(secrets: Path, seen_as: Path | None, templates: str, target: Path | None) -> None:
    """Check the alert channels; a half-configured one is refused by its name."""
    try:
        found = read(secrets, seen_as)
        text = alertmanager(found, templates=templates)
    except ChannelsRefused as exc:
        for problem in exc.problems:
            click.echo(f"usdx channels: {problem}", err=True)
        sys.exit(2)
    for severity in RECEIVERS:
        click.echo(f"{severity:9} {', '.join(heard(found, severity))}")
    if target is not None:
        target.write_text(text)
        click.echo(f"wrote {target}")
