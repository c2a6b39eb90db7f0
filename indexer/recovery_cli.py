"""The commands `usdx rollback`, `usdx reindex` and `usdx reset`: say what would be lost, ask, then do it."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable, Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from shared.cli import border, config_option, load_settings

if TYPE_CHECKING:
    from shared.db import Database
    from shared.settings import Settings

C = TypeVar("C", bound=Callable[..., Any])
Act = Callable[[bool], Awaitable["Sequence[object]"]]
Plan = Callable[["Database", "Settings"], Awaitable[tuple["Collection[str]", Act]]]
"""The chains that are concerned, and what is done: with True only counted. Each object says in words what is lost."""


def guarded(function: C) -> C:
    """Add --dry-run, --yes and --config."""
    function = click.option("--yes", is_flag=True, help="Do it without asking.")(function)
    function = click.option("--dry-run", "dry", is_flag=True, help="Only say what would be deleted.")(function)
    return config_option(function)


@click.command()
@guarded
@click.option("--to", "block", required=True, type=click.IntRange(min=0), help="The last block to keep.")
@click.option("--stream", multiple=True, metavar="STREAM", help="Only PROTOCOL/CONTRACT; may be repeated.")
@click.option("--chain", multiple=True, metavar="CHAIN", help="Only the streams of this chain; may be repeated.")
def rollback(
    config: Path | None, dry: bool, yes: bool, block: int, stream: tuple[str, ...], chain: tuple[str, ...]
) -> None:
    """Take streams back to a block; the indexer reads everything above it again.

    Contracts made by a factory go with it. Above the last final block the nearest stored checkpoint is taken.
    """

    async def plan(db: Database, settings: Settings) -> tuple[Collection[str], Act]:
        from indexer import recovery

        streams = recovery.chosen(await recovery.configured(db, settings), stream, chain)
        return {one.chain for one in streams}, lambda dry: recovery.roll_back(db, streams, block, dry=dry)

    with border():
        carry_out(load_settings(config), plan, dry=dry, yes=yes)


@click.command()
@guarded
@click.argument("streams", nargs=-1, required=True, metavar="STREAM...")
def reindex(config: Path | None, dry: bool, yes: bool, streams: tuple[str, ...]) -> None:
    """Forget all rows of streams (PROTOCOL/CONTRACT); the indexer begins them anew at its next start."""
    with border():
        carry_out(load_settings(config), anew(streams), dry=dry, yes=yes)


@click.command()
@guarded
def reset(config: Path | None, dry: bool, yes: bool) -> None:
    """Forget everything that was indexed of the config's chains: tables, views, cursors, and which chains they were.

    Also what protocols indexed that are not in the config any more. Prices and alerts stay.
    """

    async def plan(db: Database, settings: Settings) -> tuple[Collection[str], Act]:
        from indexer import erasure, recovery

        stay.update(await erasure.remaining(db, settings.chains))
        tables = [table for one in await recovery.named(settings, {}) for table in one.tables.values()]
        return settings.chains, lambda dry: erasure.erase(db, settings.chains, tables, dry=dry)

    stay: set[str] = set()
    with border():
        carry_out(load_settings(config), plan, dry=dry, yes=yes)
    for chain in sorted(stay):
        click.echo(f"chain {chain}: stays, as it is not in this config")


def anew(names: Collection[str], *, begun: bool = True) -> Plan:
    """Let streams begin anew; those that have not `begun` yet are refused, or else passed over."""

    async def plan(db: Database, settings: Settings) -> tuple[Collection[str], Act]:
        from indexer import recovery

        known = await recovery.configured(db, settings)
        wanted = names if begun else [name for name in names if name in known]
        streams = recovery.chosen(known, wanted) if wanted else []
        return {one.chain for one in streams}, lambda dry: recovery.reindex(db, streams, dry=dry)

    return plan


def carry_out(settings: Settings, plan: Plan, *, dry: bool, yes: bool) -> None:
    """Count, tell, ask, and do it, each on connections of its own: nothing is held while a person thinks.

    Raises click.UsageError without a yes.
    """
    would = asyncio.run(_done(settings, plan, dry=True))
    for one in would:
        click.echo(f"dry run: {one}" if dry else str(one))
    if not would:
        click.echo("nothing to take back")
    if dry or not would:
        return
    if not yes and not _confirmed():
        raise click.UsageError("nothing was changed: confirm it with --yes")
    for one in asyncio.run(_done(settings, plan, dry=False)):
        click.echo(f"done: {one}")


def _confirmed() -> bool:
    return sys.stdin.isatty() and click.confirm("Delete this?", default=False)


async def _done(settings: Settings, plan: Plan, *, dry: bool) -> Sequence[object]:
    from indexer import recovery
    from shared.db import Database
    from shared.metrics import Registry

    async with await Database.open(settings, Registry(), application_name="usdx recovery") as db:
        await db.migrate()
        chains, act = await plan(db, settings)
        if dry:
            return await act(True)
        async with recovery.alone(db, chains):
            return await act(False)
