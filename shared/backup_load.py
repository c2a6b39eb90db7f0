"""Load a dump into an empty database, and commit it only when it holds what was backed up.

`pg_restore` writes SQL, `psql` runs it in one transaction that is ours to end. Whatever stops it, be it a kill of this
very process, the database is as empty as before: nobody ever sees rows that were not compared.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import asyncpg

from shared import backup_programs as programs
from shared.db import address_of
from shared.db_errors import translated
from shared.errors import BackupFailed

TABLES = """select quote_ident(nspname) || '.' || quote_ident(relname)
    from pg_class join pg_namespace on pg_namespace.oid = relnamespace
    where relkind in ('r', 'p') and not relispartition and nspname not in ('pg_catalog', 'information_schema')
      and nspname not like 'pg_toast%' and nspname not like 'pg_temp%' order by 1"""
_COUNT = "select count(*), coalesce(sum(hashtextextended(t::text, 0)::numeric), 0)::text from {} t"
_OURS = "usdx "  # begins the lines of psql's output that are meant for us
_END = f"{_OURS}end"
_QUIETLY = ("--no-psqlrc", "--quiet", "--no-align", "--tuples-only", "--set=ON_ERROR_STOP=1", "--file=-")
_COMPARE = f"""reset all; set timezone = 'UTC';
select format(
  'select ''{_OURS}'' || json_build_array(%L::text, n, digest) from ({_COUNT.format("%s")}) as of(n, digest)',
  one, one) from ({TABLES}) as tables(one) \\gexec
select '{_END}';
"""  # noqa: S608 -- our own words


@dataclass(frozen=True, slots=True)
class Content:
    """What a table holds: how many rows, and an order-blind digest of them."""

    rows: int
    digest: str


async def contents_of(cx: asyncpg.Connection) -> dict[str, Content]:
    """Every table with what it holds."""
    found = {}
    for row in await cx.fetch(TABLES):
        count, digest = await cx.fetchrow(_COUNT.format(row[0]), timeout=3600)
        found[row[0]] = Content(count, digest)
    return found


async def load(file: Path, url: str, wanted: Mapping[str, Content]) -> None:
    """Load the dump into the empty database at `url`; BackupFailed, and it stays empty, unless it holds `wanted`."""
    with translated(address_of(url)):
        cx = await asyncpg.connect(url)
        try:
            major = cx.get_server_version().major
        finally:
            await cx.close()
    restore = programs.program("pg_restore", major)
    client = restore.with_name("psql")
    reads, writes = os.pipe()
    try:
        psql = await programs.start(client, *_QUIETLY, url=url, stdin=reads, stdout=asyncio.subprocess.PIPE)
    finally:
        os.close(reads)
    assert psql.stdout is not None
    assert psql.stderr is not None
    found, said = asyncio.create_task(_answers(psql.stdout)), asyncio.create_task(psql.stderr.read())
    with os.fdopen(writes, "wb", buffering=0) as script:
        try:
            trouble = await _restored(restore, file, url, script)
            if trouble is None and (there := await found) is not None:
                differ(wanted, there)
                await _say(script, "commit;\n")
            script.close()
            if await psql.wait() != 0:
                failed = programs.failure(client, await said)
                raise failed if trouble is None else BackupFailed(f"{trouble}; {failed}")
            if trouble is not None:
                raise trouble
        finally:
            await programs.end(psql)
            await asyncio.wait({found, said})


async def _restored(restore: Path, file: Path, url: str, script: BinaryIO) -> BackupFailed | None:
    """Write the dump's SQL and our questions; what pg_restore complained of, perhaps only because psql hung up."""
    await _say(script, "begin;\n")
    try:
        options = ("--exit-on-error", "--no-owner", "--file=-", str(file))
        await programs.run(restore, *options, url=url, stdout=script.fileno())
    except BackupFailed as exc:
        return exc
    await _say(script, _COMPARE)
    return None


async def _say(script: BinaryIO, text: str) -> None:
    with suppress(BrokenPipeError):  # psql has ended, and its own words tell why
        await asyncio.to_thread(script.write, text.encode())


async def _answers(lines: asyncio.StreamReader) -> dict[str, Content] | None:
    """What psql found in each table; None when it ended before it had told all."""
    found: dict[str, Content] = {}
    async for line in lines:
        text = line.decode().rstrip("\n")
        if text == _END:
            return found
        if text.startswith(_OURS):
            table, rows, digest = json.loads(text.removeprefix(_OURS))
            found[table] = Content(rows, digest)
    return None


def differ(wanted: Mapping[str, Content], found: Mapping[str, Content]) -> None:
    """Raise BackupFailed, naming tables, unless both are the same."""
    wrong = [
        f"{table}: {wanted.get(table)} was backed up, {found.get(table)} came back"
        for table in sorted({*wanted, *found})
        if wanted.get(table) != found.get(table)
    ]
    if wrong:
        raise BackupFailed("the restored copy differs: " + "; ".join(wrong[:5]))
