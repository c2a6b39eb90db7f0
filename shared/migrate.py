"""Bring the schema `usdx` from any earlier version to ours by numbered SQL files, all or none."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shared.errors import SchemaMismatch

FOLDER = Path(__file__).parent / "migrations"
LOCK_KEY = 0x75736478  # "usdx"; an advisory lock of this database
_NAME = re.compile(r"(\d{3})_[a-z0-9_]+\.sql")


@dataclass(frozen=True, slots=True)
class Migration:
    """One numbered SQL file."""

    number: int
    name: str
    sql: str

    @property
    def digest(self) -> str:
        return hashlib.sha256(self.sql.encode()).hexdigest()


def known(folder: Path = FOLDER) -> tuple[Migration, ...]:
    """The migrations of this version, in their order."""
    files = sorted(path for path in folder.glob("*.sql"))
    found = tuple(
        Migration(int(match[1]), path.stem, path.read_text()) for path in files if (match := _NAME.fullmatch(path.name))
    )
    if len(found) != len(files) or len({one.number for one in found}) != len(files):
        raise SchemaMismatch(f"{folder}: every file must be named NNN_name.sql with a number of its own")
    return found


def pending(applied: Sequence[tuple[int, str, str]], files: Sequence[Migration]) -> tuple[Migration, ...]:
    """What is left to apply, given (number, name, digest) of what was applied.

    Raises SchemaMismatch when the database is newer than we are, or when an applied file has been edited since.
    """
    ours = {one.number: one for one in files}
    for number, name, digest in applied:
        if number not in ours:
            newest = max(ours, default=0)
            raise SchemaMismatch(
                f"the database has migration {name}, this version of usdx knows them up to {newest:03}"
            )
        if ours[number].digest != digest:
            raise SchemaMismatch(f"migration {name} was edited after it had been applied to this database")
    done = {number for number, _, _ in applied}
    return tuple(one for one in files if one.number not in done)


async def apply(cx: Any, files: Sequence[Migration]) -> tuple[str, ...]:
    """Apply what is pending within the caller's transaction; returns the names. Other processes wait meanwhile."""
    await cx.execute("select pg_advisory_xact_lock($1)", LOCK_KEY)
    await cx.execute(
        """create schema if not exists usdx;
        create table if not exists usdx.migrations (
            number int primary key,
            name text not null,
            sha256 text not null,
            applied_at timestamptz not null default clock_timestamp()
        )"""
    )
    rows = await cx.fetch("select number, name, sha256 from usdx.migrations order by number")
    todo = pending([tuple(row) for row in rows], files)
    for one in todo:
        await cx.execute(one.sql, timeout=3600)
        await cx.execute(
            "insert into usdx.migrations (number, name, sha256) values ($1, $2, $3)", one.number, one.name, one.digest
        )
    return tuple(one.name for one in todo)
