"""`usdx metrics`: print the catalogue of all metrics."""

from __future__ import annotations

from pathlib import Path

import click

from shared.cli import border, config_option, load_settings


@click.command()
@config_option
@click.option("--names", is_flag=True, help="Only the names, one a line.")
def metrics(config: Path | None, names: bool) -> None:
    """Print every metric: name, type, labels, unit, buckets, help; those of the configured protocols included."""
    from shared.catalogue import page, shelves

    with border():
        settings = load_settings(config)
        found = shelves(tuple(dict.fromkeys(one.path for one in settings.protocols.values())))
    if names:
        click.echo("\n".join(sorted(family.name for shelf in found for family in shelf.families)))
    else:
        click.echo(page(found), nl=False)
