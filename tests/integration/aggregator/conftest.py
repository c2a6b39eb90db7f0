"""The aggregator on a database of this test's own, cloned from one with the protocol's tables and views."""

import asyncio
import itertools
import os
from collections.abc import AsyncIterator, Iterator

import asyncpg
import pytest

from shared import embedded
from shared.db import Database
from shared.metrics import Registry
from shared.settings import Settings
from tests.conftest import TEMPLATE
from tests.integration.aggregator.world import Site, World, site

OWN = f"wexel_{os.environ.get('PYTEST_XDIST_WORKER', 'main')}"
_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def laid_out(postgres: embedded.Handle) -> Iterator[str]:
    """The name of a database with everything laid out and no blocks."""

    async def make() -> None:
        await run_sql(postgres, f"create database {OWN} template {TEMPLATE}")
        settings = Settings.model_validate({"database": {"url": postgres.url_of(OWN)}})
        async with await Database.open(settings, Registry()) as db:
            await World(db).begin()

    asyncio.run(make())
    yield OWN
    asyncio.run(run_sql(postgres, f"drop database {OWN} with (force)"))


@pytest.fixture
async def database_url(postgres: embedded.Handle, laid_out: str) -> AsyncIterator[str]:
    """A clone of it."""
    name = f"{laid_out}_{next(_numbers)}"
    await run_sql(postgres, f"create database {name} template {laid_out}")
    yield postgres.url_of(name)
    await run_sql(postgres, f"drop database {name} with (force)")


@pytest.fixture
def world(db: Database) -> World:
    """An indexed chain without blocks."""
    return World(db)


@pytest.fixture
async def served(settings: Settings, db: Database) -> AsyncIterator[Site]:
    """The aggregator on that chain."""
    async with site(settings, db) as found:
        yield found


async def run_sql(postgres: embedded.Handle, sql: str) -> None:
    """Run a statement on the server itself."""
    cx = await asyncpg.connect(postgres.url_of("postgres"))
    try:
        await cx.execute(sql)
    finally:
        await cx.close()
