"""Tell what a killed backup left behind, and delete it.

A backup that lives holds a lock on its unfinished file, and a connection named after its scratch database.
"""

from __future__ import annotations

import fcntl
import re
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit, urlunsplit

import asyncpg

from shared.db import address_of
from shared.db_errors import translated
from shared.db_hosts import Hosts

PARTIAL, DUMP, MANIFEST = ".partial", ".dump", ".json"
_NAME = re.compile(r"usdx-\d{8}T\d{6}\.\d+Z")
_STALE = """select datname from pg_database as one where datname ~ '^usdx_verify_[0-9]+$'
    and pg_has_role(datdba, 'usage') and not exists (select from pg_stat_activity as session
        where session.datname = one.datname or application_name = one.datname)"""


@contextmanager
def unfinished(folder: Path, stem: str) -> Iterator[Path]:
    """A file for a dump in the making, gone at the end unless it was renamed."""
    file = folder / f"{stem}{PARTIAL}"
    try:
        with file.open("ab") as held:
            with suppress(OSError):  # a file system without locks: then nothing is taken for a leftover either
                fcntl.flock(held, fcntl.LOCK_EX)
            yield file
    finally:
        file.unlink(missing_ok=True)


def tidy(folder: Path) -> None:
    """Delete unfinished files that no living backup holds, and manifests without a dump."""
    for file in folder.iterdir():
        if not _NAME.fullmatch(file.stem):
            continue
        if file.suffix == PARTIAL:
            _delete_unheld(file)
        elif file.suffix == MANIFEST:
            kept = (file.with_suffix(suffix) for suffix in (PARTIAL, DUMP))  # in the order of their making
            if not any(one.exists() for one in kept):
                file.unlink(missing_ok=True)


def _delete_unheld(file: Path) -> None:
    with suppress(OSError), file.open("rb") as found:
        fcntl.flock(found, fcntl.LOCK_EX | fcntl.LOCK_NB)
        file.unlink()


@asynccontextmanager
async def scratch(url: str) -> AsyncIterator[str]:
    """The url of an empty database, dropped at the end; those that nobody uses any more are dropped first."""
    name = f"usdx_verify_{time.time_ns()}"
    cx, url = await reached(url, application_name=name)
    with translated(address_of(url)):
        try:
            await _drop_stale(cx)
            await cx.execute(f"create database {name} template template0")
            try:
                yield urlunsplit(urlsplit(url)._replace(path="/" + quote(name)))
            finally:
                await cx.execute(f"drop database if exists {name} with (force)")
        finally:
            await cx.close()


async def reached(url: str, **settings: str) -> tuple[Any, str]:
    """A connection, and the url of that of its hosts which took it: all that belongs together is done on one server."""
    hosts = Hosts(url)
    with translated(address_of(url)):
        cx = await hosts.connect(server_settings=settings)
    return cx, hosts.urls[0]


async def _drop_stale(cx: asyncpg.Connection) -> None:
    for row in await cx.fetch(_STALE):
        with suppress(asyncpg.ObjectInUseError, asyncpg.InvalidCatalogNameError):  # another backup was quicker
            await cx.execute(f"drop database {row[0]}")
