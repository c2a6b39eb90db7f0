"""Databases of other versions: released ones are brought up to this one, newer ones are refused."""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import json
import os
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from shared import embedded, migrate
from tests.adversity.freeze import BLOCKS, FOLDER, SEED, dump
from tests.adversity.scene import scene

RELEASES = sorted(FOLDER.glob("*.sql"))
NEXT = migrate.Migration(999, "999_of_the_future", "select 1")
Row = dict[str, Any]
_ROW = re.compile(r"INSERT INTO usdx\.migrations VALUES \((\d+), '([a-z0-9_]+)', '([0-9a-f]{64})'")
GOES_ON = {"usdx.cursors", "usdx.checkpoints", "usdx.undecoded_logs"}
_numbers = itertools.count(1)


@asynccontextmanager
async def database(postgres: embedded.Handle) -> AsyncIterator[str]:
    """The url of an empty database."""
    name = f"version_{os.environ.get('PYTEST_XDIST_WORKER', 'main')}_{next(_numbers)}"
    admin = await asyncpg.connect(postgres.url_of("postgres"))
    await admin.execute(f"create database {name} template template0")
    try:
        yield postgres.url_of(name)
    finally:
        await admin.execute(f"drop database {name} with (force)")
        await admin.close()


async def load(url: str, file: Path) -> None:
    cx = await asyncpg.connect(url)
    await cx.execute(file.read_text())
    await cx.close()


async def rows(url: str) -> dict[str, list[Row]]:
    """Every row of every table, but the list of migrations and the days' own tables, which stand in their parents."""
    cx = await asyncpg.connect(url, server_settings={"timezone": "UTC"})
    tables = await cx.fetch(
        """select quote_ident(nspname) || '.' || quote_ident(relname) as name
        from pg_class join pg_namespace on pg_namespace.oid = relnamespace
        where relkind in ('r', 'p') and not relispartition and nspname in ('usdx', 'shop')
        and relname <> 'migrations' order by 1"""
    )
    found = {}
    for (name,) in tables:
        stored = await cx.fetch(f"select to_jsonb(t)::text from {name} as t order by 1")
        found[name] = [json.loads(row[0], parse_float=str) for row in stored]
    await cx.close()
    return found


def kept(before: dict[str, list[Row]], after: dict[str, list[Row]]) -> dict[str, list[Row]]:
    """What is there afterwards of the tables and columns that were there before."""
    columns = {name: list(found[0]) for name, found in before.items() if found}
    cut = {name: [{key: row.get(key) for key in columns[name]} for row in after.get(name, ())] for name in columns}
    return {name: sorted(cut.get(name, after.get(name, ())), key=str) for name in before}


def in_order(found: dict[str, list[Row]]) -> dict[str, list[Row]]:
    return {name: sorted(of, key=str) for name, of in found.items()}


@pytest.mark.parametrize("release", RELEASES, ids=lambda file: file.stem)
def test_released_migrations_never_change(release: Path) -> None:
    """Every migration file that a release applied is still there, byte for byte."""
    released = {name: digest for _, name, digest in _ROW.findall(release.read_text())}
    assert released
    ours = {one.name: hashlib.sha256(one.sql.encode()).hexdigest() for one in migrate.known()}
    assert {name: ours.get(name) for name in released} == released


@pytest.mark.parametrize("release", RELEASES, ids=lambda file: file.stem)
async def test_migrations_keep_every_row(release: Path, postgres: embedded.Handle) -> None:
    """What a released database held is there afterwards, value by value, in every table."""
    async with database(postgres) as old:
        await load(old, release)
        before = await rows(old)
        assert sum(map(bool, before.values())) > 15
        cx = await asyncpg.connect(old)
        async with cx.transaction():
            assert await migrate.apply(cx, migrate.known()), "something was to be done"
        await cx.close()
        assert kept(before, await rows(old)) == in_order(before)


@pytest.mark.parametrize("release", RELEASES, ids=lambda file: file.stem)
async def test_a_released_database_is_brought_up_to_this_version(
    release: Path, postgres: embedded.Handle, tmp_path: Path
) -> None:
    """The indexer migrates it and goes on where it stood; then it is the same as a database of today."""
    (tmp_path / "old").mkdir()
    (tmp_path / "new").mkdir()
    async with database(postgres) as old, database(postgres) as new:
        await load(old, release)
        before = await rows(old)
        async with scene(tmp_path / "old", old, blocks=BLOCKS, seed=SEED) as one:
            assert await one.differences(at_head=True) == [], "the release's own rows are right"
            one.life.fork(5, 7)
            one.life.grow(5)
            await one.start()
            await one.settle()
            assert await one.end() == 0
        lasting = {
            name: found for name, found in before.items() if name not in GOES_ON and not name.startswith("shop.")
        }
        assert kept(lasting, await rows(old)) == in_order(lasting), "nothing of the past is lost"
        async with scene(tmp_path / "new", new, blocks=BLOCKS, seed=SEED) as one:
            await one.start()
            await one.settle()
            assert await one.end() == 0
        upgraded, fresh = await asyncio.gather(dump(old, "--schema-only"), dump(new, "--schema-only"))
        for mine in (_partitions(upgraded), _partitions(fresh)):
            assert "CREATE TABLE usdx.cursors" in mine
        assert _partitions(upgraded) == _partitions(fresh)


async def test_a_newer_database_is_refused(database_url: str, tmp_path: Path) -> None:
    """Old code on a new schema says so in one line, ends with 1 and has touched nothing."""
    cx = await asyncpg.connect(database_url)
    async with cx.transaction():
        await migrate.apply(cx, (*migrate.known(), NEXT))
    await cx.close()
    before = await dump(database_url, "--inserts")
    async with scene(tmp_path, database_url) as one:
        await one.start()
        assert one.process is not None
        assert await asyncio.wait_for(one.process.wait(), 60) == 1
        last = one.said().splitlines()[-1]
        assert last.startswith("usdx: the database has migration 999_of_the_future")
        assert "Run the version that migrated this database, or a newer one." in last
        assert "Traceback" not in one.said()
    assert await dump(database_url, "--inserts") == before


async def test_a_newer_version_migrates_under_a_running_older_one(database_url: str, tmp_path: Path) -> None:
    """A rolling upgrade: the old worker goes on while the schema grows, and its next start is what is refused."""
    async with scene(tmp_path, database_url) as one:
        await one.start()
        await one.settle()
        cx = await asyncpg.connect(database_url)
        async with cx.transaction():
            await migrate.apply(cx, (*migrate.known(), NEXT))
        await cx.close()
        one.life.fork(3, 5)
        await one.settle()
        assert await one.end() == 0


def _partitions(schema: str) -> str:
    """A schema without the oracle's days, which differ."""
    statements = re.split(r";\n", schema)
    return ";\n".join(one for one in statements if not re.search(r"usdx\.(quotes|observations)_\d{8}", one))
