"""The command `usdx demo`."""

import asyncio
from pathlib import Path

import click

from shared.cli import border
from shared.settings import parse_seconds


def _seconds(context: click.Context, option: click.Parameter, value: str | None) -> float | None:
    """A duration on the command line, in seconds."""
    if value is None:
        return None
    try:
        return parse_seconds(value)
    except ValueError as exc:
        raise click.BadParameter(f"{value!r} is not {exc}") from exc


@click.command()
@click.option(
    "--for",
    "run_s",
    callback=_seconds,
    metavar="TIME",
    help="Run for a time from ready on, such as 60s. Default: until Ctrl-C.",
)
@click.option("--check", is_flag=True, help="At the end compare everything with the chain; exit 1 on a difference.")
@click.option("--seed", default="usdx", show_default=True, help="Seed of the users and of the prices.")
@click.option("--rate", "rate_per_s", type=float, default=5.0, show_default=True, help="Transactions a second.")
@click.option("--free-ports", is_flag=True, help="Listen on free ports instead of the usual ones.")
@click.option("--data-dir", type=click.Path(path_type=Path, file_okay=False), help="Default: .usdx/demo.")
@click.option("--keep", is_flag=True, help="Continue the chain and the database of the run before.")
def demo(
    run_s: float | None, check: bool, seed: str, rate_per_s: float, free_ports: bool, data_dir: Path | None, keep: bool
) -> None:
    """Run everything on embedded parts: a chain with traffic, price venues, Postgres, all workers, Prometheus.

    Ctrl-C stops all of it.
    """
    from demo import board, supervisor
    from demo.home import home

    with border():
        options = supervisor.Options(
            data_dir or home() / "demo", seed, rate_per_s, free_ports=free_ports, keep=keep, run_s=run_s, check=check
        )
        asyncio.run(supervisor.run(options, board.standard()))
