"""A backup counts only when it came back whole."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import pytest

from aggregator import backups
from aggregator.metrics import Meters
from shared import backup, backup_programs, embedded
from shared.db import Database
from shared.errors import BackupFailed
from shared.metrics import Registry
from tests.adversity.cluster import value
from tests.adversity.crash import ROOT
from tests.adversity.proxy import proxied
from tests.adversity.scene import PATIENCE_S, socket_of


@pytest.fixture
async def filled(db: Database) -> Database:
    async with db.connection() as cx:
        await cx.execute(
            """create schema shop;
            create table shop.sold (id bigint primary key, at timestamptz, what bytea, price numeric);
            insert into shop.sold
            select n, now() + n * interval '1 s', int8send(n), n * 1.1 from generate_series(1, 500) n;
            create view shop.dear as select * from shop.sold where price > 100;
            insert into usdx.chains values ('fake', 1337, '\\x00')"""
        )
    return db


@pytest.fixture
async def empty(postgres: embedded.Handle) -> AsyncIterator[str]:
    """The url of an empty database."""
    admin = await asyncpg.connect(postgres.url_of("postgres"))
    name = f"restored_{os.environ.get('PYTEST_XDIST_WORKER', 'main')}"
    await admin.execute(f"create database {name} template template0")
    try:
        yield postgres.url_of(name)
    finally:
        await admin.execute(f"drop database {name} with (force)")
        await admin.close()


async def databases(db: Database) -> set[str]:
    async with db.connection() as cx:
        rows = await cx.fetch("select datname from pg_database where datname like 'usdx_verify%'")
    return {row[0] for row in rows}


async def test_it_comes_back(filled: Database, empty: str, tmp_path: Path) -> None:
    """What was backed up is verified, noted in the database and restored, views and all."""
    done = await backup.back_up(filled.url, tmp_path / "backups")
    assert done.file.exists()
    assert done.rows >= 501
    assert await databases(filled) == set(), "the scratch database is gone"
    async with filled.connection() as cx:
        row = await cx.fetchrow("select *, now() - finished_at < interval '5 min' as fresh from usdx.backups")
    assert row is not None
    assert (row["target"], row["file"], row["rows"], row["fresh"]) == ("postgres", str(done.file), done.rows, True)
    again = await backup.restore(done.file, empty)
    assert (again.rows, again.tables) == (done.rows, done.tables)
    cx = await asyncpg.connect(empty)
    assert await cx.fetchval("select count(*) from shop.dear") == 410
    await cx.close()
    with pytest.raises(BackupFailed, match="not empty"):
        await backup.restore(done.file, empty)


async def test_several_hosts(filled: Database, empty: str, postgres_root: Path, tmp_path: Path) -> None:
    """With several hosts in the url, the first of them dead, what lives is backed up, and restored into."""
    async with proxied(socket_of(postgres_root)) as dead, proxied(socket_of(postgres_root)) as line:
        dead.refusing = True

        def through(url: str) -> str:
            name = urlsplit(url).path
            return f"postgresql://usdx@127.0.0.1:{dead.port},127.0.0.1:{line.port}{name}?sslmode=disable"

        done = await backup.back_up(through(filled.url), tmp_path)
        assert done.rows >= 501
        assert (await backup.restore(done.file, through(empty))).rows == done.rows
        assert line.carried > 0


async def test_its_age_is_told(filled: Database, tmp_path: Path) -> None:
    """The aggregator exports the time of the newest good backup, and nothing before the first."""
    registry = Registry()
    meters = Meters(registry, {})

    async def look() -> None:
        async with filled.connection() as cx:
            meters.backups_now(await backups.newest(cx))

    await look()
    assert b"usdx_backup_last_success_timestamp_seconds{" not in registry.exposition()
    await backup.back_up(filled.url, tmp_path)
    await look()
    age_s = time.time() - registry.value("usdx_backup_last_success_timestamp_seconds", target="postgres")
    assert -5 < age_s < 300


async def test_writers_do_not_disturb(filled: Database, tmp_path: Path) -> None:
    """Dump and counts see one snapshot, whatever is written meanwhile."""
    real = backup_programs.run

    async def run(program: Path, *arguments: str, url: str, **options: int) -> None:
        if program.name == "pg_dump":
            async with filled.connection() as cx:
                await cx.execute("insert into shop.sold values (1000 + (select count(*) from shop.sold))")
        await real(program, *arguments, url=url, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(backup_programs, "run", run)
        await backup.back_up(filled.url, tmp_path)


async def test_a_bad_dump_is_no_backup(filled: Database, tmp_path: Path) -> None:
    """A truncated dump, or one that lacks a row, leaves no file with a good name and no success."""
    real = backup_programs.run

    async def truncate(program: Path, *arguments: str, url: str, **options: int) -> None:
        await real(program, *arguments, url=url, **options)
        if program.name == "pg_dump":
            file = next(tmp_path.glob("*.partial"))
            file.write_bytes(file.read_bytes()[:-2000])

    async def lose(program: Path, *arguments: str, url: str, **options: int) -> None:
        await real(program, *arguments, url=url, **options)
        if program.name == "pg_restore":
            os.write(options["stdout"], b"update shop.sold set price = price + 1 where id = 77;\n")

    async def refuse(program: Path, *arguments: str, url: str, **options: int) -> None:
        if program.name == "pg_restore":
            os.write(options["stdout"], b"select 1 / 0;\n")
        await real(program, *arguments, url=url, **options)

    for spoil, words in (
        (truncate, "pg_restore failed"),
        (lose, "the restored copy differs: shop.sold"),
        (refuse, "psql failed.*division by zero"),
    ):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(backup_programs, "run", spoil)
            with pytest.raises(BackupFailed, match=words):
                await backup.back_up(filled.url, tmp_path)
        assert list(tmp_path.iterdir()) == []
        assert await databases(filled) == set()
    async with filled.connection() as cx:
        assert await cx.fetchval("select count(*) from usdx.backups") == 0


async def test_a_restore_is_held_to_the_manifest(filled: Database, empty: str, tmp_path: Path) -> None:
    """A backup whose manifest is missing, or says something else, is refused, and the database stays empty."""
    done = await backup.back_up(filled.url, tmp_path)
    manifest = done.file.with_suffix(".json")
    text = manifest.read_text()
    manifest.unlink()
    with pytest.raises(BackupFailed, match="manifest"):
        await backup.restore(done.file, empty)
    wrong = json.loads(text)
    wrong["shop.sold"]["rows"] += 1
    for _ in range(2):
        manifest.write_text(json.dumps(wrong))
        with pytest.raises(BackupFailed, match=r"shop\.sold"):
            await backup.restore(done.file, empty)
    manifest.write_text(text)
    assert (await backup.restore(done.file, empty)).rows == done.rows, "the database had stayed empty"


@asynccontextmanager
async def hanging(url: str, folder: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    """A backup by command, of which the verification never comes to its end."""
    tools, config, begun = folder.parent / "tools", folder.parent / "usdx.toml", folder.parent / "begun"
    tools.mkdir(exist_ok=True)
    known = (await value(url, "show server_version")).split()[0]
    (tools / "pg_restore").write_text(
        f'#!/bin/sh\n[ "$1" = --version ] && echo "pg_restore (PostgreSQL) {known}" && exit\n'
        f"> {begun}\nexec sleep 600\n"
    )
    (tools / "pg_restore").chmod(0o755)
    (tools / "psql").unlink(missing_ok=True)
    (tools / "psql").symlink_to(embedded.find_binaries() / "psql")
    config.write_text(f'[database]\nurl = "{url}"\n')
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "shared", "backup", "--config", str(config), str(folder)),
        cwd=ROOT,
        env=os.environ | {"PATH": f"{tools}:{os.environ['PATH']}"},
        stderr=asyncio.subprocess.PIPE,
        start_new_session=True,
    )
    try:
        async with asyncio.timeout(PATIENCE_S):
            while not begun.exists():
                await asyncio.sleep(0.02)
        begun.unlink()
        yield process
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.communicate()


async def test_sigterm_undoes_what_was_begun(filled: Database, tmp_path: Path) -> None:
    """A backup that is told to end leaves nothing, neither file nor database, and says that it was ended."""
    folder = tmp_path / "backups"
    async with hanging(filled.url, folder) as process:
        assert len(await databases(filled)) == 1
        process.send_signal(signal.SIGTERM)
        _, said = await process.communicate()
    assert process.returncode == 1
    assert b"SIGTERM" in said
    assert await databases(filled) == set()
    assert list(folder.iterdir()) == []


async def test_the_next_backup_tidies_up(filled: Database, tmp_path: Path) -> None:
    """What a backup left that was killed goes with the next one; what lives, and files of others, stay."""
    folder = tmp_path / "backups"
    async with hanging(filled.url, folder):
        pass
    assert len(list(folder.iterdir())) == 1
    assert len(await databases(filled)) == 1
    (folder / "usdx-20260101T000000.0Z.json").touch()
    (folder / "notes.partial").touch()
    with backup.unfinished(folder, "usdx-20260102T000000.0Z") as living:
        async with backup.scratch(filled.url) as used:
            done = await backup.back_up(filled.url, folder)
            assert await databases(filled) == {urlsplit(used).path.lstrip("/")}
        kept = {done.file, done.file.with_suffix(".json"), living, folder / "notes.partial"}
        assert set(folder.iterdir()) == kept


def test_old_backups_go(tmp_path: Path) -> None:
    """The newest are kept, with their manifests."""
    for day in range(5):
        (tmp_path / f"usdx-2026010{day}.dump").touch()
        (tmp_path / f"usdx-2026010{day}.json").touch()
    assert [file.name for file in backup.prune(tmp_path, 3)] == ["usdx-20260100.dump", "usdx-20260101.dump"]
    assert len(list(tmp_path.iterdir())) == 6
