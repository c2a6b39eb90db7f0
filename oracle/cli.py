"""The command `usdx oracle`: run the worker, probe its sources, set a price by hand."""

from __future__ import annotations

import asyncio
import getpass
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from shared.cli import border, config_option, load_settings, run_worker

if TYPE_CHECKING:
    from oracle.model import Pair
    from oracle.sources.manual import Entry
    from shared.settings import Settings


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


@oracle.command()
@config_option
@click.pass_obj
def check(outer: Path | None, config: Path | None) -> None:
    """Ask every source once; show price, age, latency, rate budget, and what to fix. Exit 1 when something is wrong."""
    from oracle.check import check as probe
    from oracle.check import written
    from shared.clock import system_clock

    with border():
        report = asyncio.run(probe(load_settings(config or outer), system_clock()))
    click.echo(written(report))
    sys.exit(0 if report.ok else 1)


@oracle.command("set-price")
@click.argument("feed")
@click.argument("price")
@click.option(
    "--for", "lasts", default="10m", show_default=True, help="How long it holds, such as 10m; 0 withdraws it."
)
@click.option("--why", required=True, help="The reason, kept with the price.")
@click.option("--by", default=getpass.getuser, help="Who says so; by default the user of this machine.")
@config_option
@click.pass_obj
def set_price(outer: Path | None, feed: str, price: str, lasts: str, why: str, by: str, config: Path | None) -> None:
    """Set the price that the source `manual` of FEED gives, for a limited time."""
    with border():
        settings = load_settings(config or outer)
        pair, entry = _entry(settings, feed, price, lasts, by, why)
        asyncio.run(_set(settings, pair, entry))
    click.echo(f"{pair} = {entry.price} for {lasts}, by {by}: {why}")


def _entry(settings: Settings, feed: str, price: str, lasts: str, by: str, why: str) -> tuple[Pair, Entry]:
    """What was typed, checked. Raises ConfigError."""
    import time

    from oracle.model import Pair
    from oracle.params import decimal
    from oracle.sources.manual import Entry
    from shared.errors import ConfigError
    from shared.settings import parse_seconds

    try:
        pair, value, lasts_s = Pair.parse(feed), decimal(price), parse_seconds(lasts)
    except ValueError as exc:
        raise ConfigError(f"{exc} was expected") from exc
    configured = settings.feeds.get(feed)
    if configured is None or "manual" not in configured.sources:
        raise ConfigError(f'{feed} has no source "manual": add it to feeds."{feed}".sources first')
    if value <= 0:
        raise ConfigError(f"a price above zero was expected, not {price}")
    now_s = time.time()
    return pair, Entry(value, now_s, now_s + lasts_s, by, why)


async def _set(settings: Settings, pair: Pair, entry: Entry) -> None:
    from oracle.store import Store
    from shared.db import Database
    from shared.metrics import Registry

    async with await Database.open(settings, Registry(), application_name="usdx set-price") as db:
        await db.migrate()
        await Store(db, {}, {}).set_manual(pair, entry)
