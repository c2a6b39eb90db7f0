"""The commands `usdx rollback`, `usdx reindex` and `usdx reset`: say what would be lost, ask, then do it."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from shared.cli import border, config_option, load_settings

if TYPE_CHECKING:
    from indexer.streams import Stream
    from indexer.takeback import Setback
    from shared.db import Database

C = TypeVar("C", bound=Callable[..., Any])
Choose = Callable[[dict[str, "Stream"]], "Sequence[Stream]"]
Act = Callable[["Database", "Sequence[Stream]", bool], Awaitable["list[Setback]"]]


def _guarded(function: C) -> C:
    """Add --dry-run, --yes and --config."""
    function = click.option("--yes", is_flag=True, help="Do it without asking.")(function)
    function = click.option("--dry-run", "dry", is_flag=True, help="Only say what would be deleted.")(function)
    return config_option(function)


@click.command()
@_guarded
@click.option("--to", "block", required=True, type=click.IntRange(min=0), help="The last block to keep.")
@click.option("--stream", multiple=True, metavar="STREAM", help="Only PROTOCOL/CONTRACT; may be repeated.")
@click.option("--chain", multiple=True, metavar="CHAIN", help="Only the streams of this chain; may be repeated.")
def rollback(
    config: Path | None, dry: bool, yes: bool, block: int, stream: tuple[str, ...], chain: tuple[str, ...]
) -> None:
    """Take streams back to a block; the indexer reads everything above it again.

    Contracts made by a factory go with it. Above the last final block the nearest stored checkpoint is taken.
    """
    from indexer import recovery

    _run(
        config,
        lambda streams: recovery.chosen(streams, stream, chain),
        lambda db, streams, dry: recovery.roll_back(db, streams, block, dry=dry),
        dry=dry,
        yes=yes,
    )


@click.command()
@_guarded
@click.argument("streams", nargs=-1, required=True, metavar="STREAM...")
def reindex(config: Path | None, dry: bool, yes: bool, streams: tuple[str, ...]) -> None:
    """Forget all rows of streams (PROTOCOL/CONTRACT); the indexer begins them anew at its next start."""
    from indexer import recovery

    _run(
        config,
        lambda known: recovery.chosen(known, streams),
        lambda db, found, dry: recovery.reindex(db, found, dry=dry),
        dry=dry,
        yes=yes,
    )


@click.command()
@_guarded
def reset(config: Path | None, dry: bool, yes: bool) -> None:
    """Forget everything that was indexed: tables, views, cursors and which chains they were. Prices and alerts stay."""
    from indexer import recovery

    _run(
        config,
        lambda streams: recovery.chosen(streams, ()),
        lambda db, found, dry: recovery.reset(db, found, dry=dry),
        dry=dry,
        yes=yes,
    )


def _run(config: Path | None, choose: Choose, act: Act, *, dry: bool, yes: bool) -> None:
    """Count, tell, ask, and do it, each on connections of its own: nothing is held while a person thinks."""
    with border():
        settings = load_settings(config)
        would = asyncio.run(_with_streams(settings, choose, act, dry=True))
        for one in would:
            click.echo(f"would take back {one}" if dry else str(one))
        if not would:
            click.echo("nothing to take back")
        if dry or not would:
            return
        if not yes and not _confirmed():
            raise click.UsageError("nothing was changed: confirm it with --yes")
        for one in asyncio.run(_with_streams(settings, choose, act, dry=False)):
            click.echo(f"done: {one}")


def _confirmed() -> bool:
    return sys.stdin.isatty() and click.confirm("Delete this?", default=False)


async def _with_streams(settings: Any, choose: Choose, act: Act, *, dry: bool) -> list[Setback]:
    from indexer import recovery
    from shared.db import Database
    from shared.metrics import Registry

    async with await Database.open(settings, Registry(), application_name="usdx recovery") as db:
        await db.migrate()
        streams = choose(await recovery.configured(db, settings))
        if dry:
            return await act(db, streams, True)
        async with recovery.alone(db, {one.chain for one in streams}):
            return await act(db, streams, False)
