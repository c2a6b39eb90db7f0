"""The commands `usdx backup` and `usdx restore`."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from shared.cli import border, config_option, load_settings

if TYPE_CHECKING:
    from shared.settings import Settings

FOLDER = click.Path(path_type=Path, file_okay=False)
FILE = click.Path(path_type=Path, exists=True, dir_okay=False)


@click.command()
@config_option
@click.argument("folder", type=FOLDER)
@click.option("--keep", type=click.IntRange(min=1), help="Delete all but this many of the folder's newest backups.")
@click.option("--scratch", metavar="URL", help="Verify on this server instead of on the one that is backed up.")
def backup(config: Path | None, folder: Path, keep: int | None, scratch: str | None) -> None:
    """Dump the database into FOLDER, restore the dump into a scratch database and compare every table.

    Only a backup that came back whole counts: its time is exported by the aggregator.
    """
    with border():
        asyncio.run(_unless_ended(_back_up(load_settings(config), folder, keep, scratch)))


@click.command()
@config_option
@click.argument("file", type=FILE)
def restore(config: Path | None, file: Path) -> None:
    """Load a backup FILE into the configured database, which must be empty, and compare every table."""
    with border():
        asyncio.run(_unless_ended(_restore(load_settings(config), file)))


async def _unless_ended(work: Coroutine[Any, Any, None]) -> None:
    """Do it; SIGTERM or a closed terminal undoes what was begun, and is told."""
    from shared.errors import BackupFailed

    task, loop = asyncio.create_task(work), asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, task.cancel, number.name)
    try:
        await task
    except asyncio.CancelledError as exc:
        if not (exc.args and str(exc.args[0]).startswith("SIG")):
            raise
        raise BackupFailed(f"ended by {exc.args[0]}; what was begun is undone") from None


async def _back_up(settings: Settings, folder: Path, keep: int | None, scratch: str | None) -> None:
    from shared import backup
    from shared.db import Database
    from shared.metrics import Registry

    async with await Database.open(settings, Registry(), application_name="usdx backup") as db:
        await db.migrate()
        done = await backup.back_up(db.url, folder, scratch)
    click.echo(
        f"{done.file}: {done.rows} rows of {done.tables} tables in {done.bytes} bytes, restored and compared, "
        f"{done.duration_s:.1f} s"
    )
    for file in backup.prune(folder, keep) if keep else ():
        click.echo(f"{file}: deleted, {keep} newer ones are kept")


async def _restore(settings: Settings, file: Path) -> None:
    from shared import backup
    from shared.db import Database
    from shared.metrics import Registry

    async with await Database.open(settings, Registry(), application_name="usdx restore") as db:
        done = await backup.restore(file, db.url)
        migrated = await db.migrate()
    more = f", migrated by {', '.join(migrated)}" if migrated else ""
    click.echo(f"{done.file}: {done.rows} rows of {done.tables} tables are back{more}, {done.duration_s:.1f} s")
