"""Back the database up into one file, and prove at once that it can be restored.

The dump and the count of every table see the same snapshot. The dump is restored into a scratch database, counted
there, and only then given its name; a manifest beside it keeps the counts, so that a later restore is held to them.
"""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

import asyncpg

from shared import backup_programs as programs
from shared.backup_leftovers import DUMP, MANIFEST, reached, scratch, tidy, unfinished
from shared.backup_load import TABLES, Content, contents_of, load
from shared.db import address_of
from shared.db_errors import translated
from shared.errors import BackupFailed

TARGET = "postgres"


@dataclass(frozen=True, slots=True)
class Backup:
    """A verified backup."""

    file: Path
    bytes: int
    tables: int
    rows: int
    duration_s: float


async def back_up(url: str, folder: Path, scratch_url: str | None = None) -> Backup:
    """Dump the database at `url` into `folder`, verify the dump, and note the success in the database.

    The scratch database is made on the server of `scratch_url`, by default the same one; its role must be allowed to
    create databases. Raises BackupFailed, and leaves no file with the name of a good one.
    """
    began = time.monotonic()
    await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
    cx, url = await reached(url)
    try:
        await asyncio.to_thread(tidy, folder)
        stem = f"usdx-{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}"
        with unfinished(folder, stem) as partial:
            contents = await _dump(cx, url, partial)
            async with scratch(scratch_url or url) as copy:
                await load(partial, copy, contents)
            done = _keep(partial, folder / f"{stem}{DUMP}", contents, began)
        await _note(cx, done)
        return done
    finally:
        with suppress(OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
            await cx.close(timeout=5)


def prune(folder: Path, keep: int) -> list[Path]:
    """Delete all but the newest backups of a folder, with their manifests; which ones went."""
    old = sorted(folder.glob(f"usdx-*{DUMP}"))[:-keep]
    for file in old:
        file.unlink()
        file.with_suffix(MANIFEST).unlink(missing_ok=True)
    return old


async def restore(file: Path, url: str) -> Backup:
    """Load a backup into the empty database at `url`, which stays empty unless all is as the manifest says.

    Raises BackupFailed.
    """
    began, manifest = time.monotonic(), _manifest(file)
    cx, url = await reached(url)
    with translated(address_of(url)):
        try:
            there = [row[0] for row in await cx.fetch(TABLES)]
        finally:
            await cx.close()
    if there:
        raise BackupFailed(f"{address_of(url)} is not empty, it has {there[0]}: restore into a new database")
    await load(file, url, manifest)
    return _described(file, manifest, began)


async def _dump(cx: asyncpg.Connection, url: str, file: Path) -> dict[str, Content]:
    """pg_dump and counts of one snapshot."""
    pg_dump = programs.program("pg_dump", cx.get_server_version().major)
    with translated(address_of(url)):
        await cx.execute("set timezone = 'UTC'")
        async with cx.transaction(isolation="repeatable_read", readonly=True):
            snapshot = await cx.fetchval("select pg_export_snapshot()")
            await programs.run(pg_dump, "--format=custom", f"--snapshot={snapshot}", f"--file={file}", url=url)
            return await contents_of(cx)


def _keep(partial: Path, file: Path, contents: Mapping[str, Content], began: float) -> Backup:
    """Give the dump its name, after its manifest and after both are on disk."""
    manifest = file.with_suffix(MANIFEST)
    manifest.write_text(json.dumps({table: asdict(one) for table, one in contents.items()}, indent=1))
    for one in (manifest, partial):
        with one.open("rb") as written:
            os.fsync(written.fileno())
    partial.rename(file)
    folder = os.open(file.parent, os.O_RDONLY)
    os.fsync(folder)
    os.close(folder)
    return _described(file, contents, began)


def _described(file: Path, contents: Mapping[str, Content], began: float) -> Backup:
    rows = sum(one.rows for one in contents.values())
    return Backup(file, file.stat().st_size, len(contents), rows, time.monotonic() - began)


def _manifest(file: Path) -> dict[str, Content]:
    try:
        found = json.loads(file.with_suffix(MANIFEST).read_text())
        return {table: Content(**one) for table, one in found.items()}
    except (OSError, ValueError, TypeError) as exc:
        raise BackupFailed(f"the manifest {file.with_suffix('.json')} cannot be read: {exc}") from exc


async def _note(cx: asyncpg.Connection, done: Backup) -> None:
    with translated("the database that was backed up"):
        await cx.execute(
            """insert into usdx.backups values ($1, now(), $2, $3, $4, $5, $6) on conflict (target) do update set
            finished_at = excluded.finished_at, file = excluded.file, bytes = excluded.bytes,
            tables = excluded.tables, rows = excluded.rows, duration_s = excluded.duration_s""",
            TARGET, str(done.file), done.bytes, done.tables, done.rows, done.duration_s,
        )  # fmt: skip
