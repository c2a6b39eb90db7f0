"""Fetch every program the demo and the tests can use, and say where each is."""

import sys

import click

from demo.parts.catalogue import PROGRAMS
from demo.parts.errors import PartMissing


@click.command()
def prefetch() -> None:
    """Find or fetch every program; exit 1 when one is missing."""
    missing = 0
    for name, find in PROGRAMS.items():
        try:
            where = str(find())
        except PartMissing as exc:
            missing += 1
            where = f"MISSING  {exc}"
        click.echo(f"{name:<14} {where}")
    sys.exit(1 if missing else 0)


if __name__ == "__main__":
    prefetch()
