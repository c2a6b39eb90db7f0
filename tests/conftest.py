"""A real Postgres for every test that asks: one embedded server a session, one cloned database a test."""

from __future__ import annotations

import asyncio
import fcntl
import itertools
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from shared import embedded, migrate
from shared.db import Database
from shared.metrics import Registry
from shared.settings import Settings

pytest_plugins = ("tests.parts_plugin",)

TEMPLATE = "usdx_template"
_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[embedded.Handle]:
    """The session's server; pytest-xdist's processes share it, and the last one out stops it."""
    base = tmp_path_factory.getbasetemp()
    root = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "postgres"
    with embedded.start(root, durable=False) as server:
        _make_template(server, root / "template.lock")
        yield server


def _make_template(server: embedded.Handle, lock: Path) -> None:
    """Migrate one database, under another name until it is whole, for the tests to clone."""

    async def make() -> None:
        async with _connected(server.url_of("postgres")) as cx:
            if await cx.fetchval("select true from pg_database where datname = $1", TEMPLATE):
                return
            await cx.execute(f"drop database if exists {TEMPLATE}_new with (force)")
            await cx.execute(f"create database {TEMPLATE}_new")
            async with _connected(server.url_of(f"{TEMPLATE}_new")) as new, new.transaction():
                await migrate.apply(new, migrate.known())
            await cx.execute(f"alter database {TEMPLATE}_new rename to {TEMPLATE}")

    with lock.open("ab") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        asyncio.run(make())


@asynccontextmanager
async def _connected(url: str) -> AsyncIterator[Any]:
    cx = await asyncpg.connect(url)
    try:
        yield cx
    finally:
        await cx.close()


@pytest.fixture
async def database_url(postgres: embedded.Handle) -> AsyncIterator[str]:
    """The url of a database of this test's own, migrated and empty."""
    name = f"test_{os.environ.get('PYTEST_XDIST_WORKER', 'main')}_{next(_numbers)}"
    async with _connected(postgres.url_of("postgres")) as admin:
        await admin.execute(f"create database {name} template {TEMPLATE}")
        try:
            yield postgres.url_of(name)
        finally:
            await admin.execute(f"drop database {name} with (force)")


@pytest.fixture
def settings(database_url: str, tmp_path: Path) -> Settings:
    """Default settings on this test's database."""
    return Settings.model_validate({"database": {"url": database_url}, "data_dir": tmp_path / ".usdx"})


@pytest.fixture
def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether endpoints are on dead forks is waited for, however slow the machine is."""
    monkeypatch.setattr("shared.rpc_forks.AT_ONCE_S", 60.0)


@pytest.fixture
def registry() -> Registry:
    """A fresh metric registry."""
    return Registry()


@pytest.fixture
async def db(settings: Settings, registry: Registry) -> AsyncIterator[Database]:
    """An open database on this test's own copy."""
    async with await Database.open(settings, registry, application_name="test") as database:
        yield database
