"""A database that takes questions and never answers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit

import pytest

from aggregator import alert_store
from aggregator.alerts import parse
from shared import db as database
from shared.db import Connection, Database
from shared.errors import DatabaseUnavailable
from shared.metrics import Registry
from shared.settings import Settings
from tests.adversity.proxy import Proxy, proxied, to_socket

LONG_S = 60.0  # half of what the driver itself would wait
DELIVERY = parse(
    b'{"version":"4","alerts":[{"status":"firing","startsAt":"2026-01-01T00:00:00Z","labels":{},"fingerprint":"x"}]}'
)


@pytest.fixture
async def line(database_url: str) -> AsyncIterator[Proxy]:
    """A way to this test's database that can fall silent."""
    (folder,) = parse_qs(urlsplit(database_url).query)["host"]
    async with proxied(to_socket(f"{folder}/.s.PGSQL.5432")) as found:
        yield found


@pytest.fixture
async def far(database_url: str, line: Proxy, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Database]:
    """The database at the other end of that way."""
    monkeypatch.setattr(database, "MARGIN_S", 0.1)
    url = f"postgresql://usdx@127.0.0.1:{line.port}{urlsplit(database_url).path}?sslmode=disable"
    async with await Database.open(Settings.model_validate({"database": {"url": url}}), Registry()) as found:
        yield found


def ways(db: Database) -> dict[str, AbstractAsyncContextManager[Connection]]:
    return {
        "snapshot": db.snapshot(0.1),
        "transaction": db.transaction(timeout_s=0.1),
        "serializable": db.transaction("serializable", timeout_s=0.1),
    }


async def ask(way: AbstractAsyncContextManager[Connection], line: Proxy) -> None:
    async with way as cx:
        line.silent = True
        await cx.fetchval("select 1")


@pytest.mark.parametrize("way", ["snapshot", "transaction", "serializable"])
@pytest.mark.parametrize("begun", [False, True])
async def test_a_silent_database_is_given_up(far: Database, line: Proxy, way: str, begun: bool) -> None:
    """What is bounded by the server ends though the server does not answer, before it began and in its midst; when the
    database answers again, so do we."""
    async with asyncio.timeout(LONG_S):
        line.silent = not begun
        with pytest.raises(DatabaseUnavailable):
            await ask(ways(far)[way], line)
        line.silent = False
        async with ways(far)[way] as cx:
            assert await cx.fetchval("select 1") == 1


async def test_a_delivery_that_cannot_be_stored_is_refused_in_time(
    far: Database, line: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Alertmanager hears that it must send again, before it gives up itself."""
    monkeypatch.setattr(alert_store, "STORE_TIMEOUT_S", 0.1)
    async with asyncio.timeout(LONG_S):
        line.silent = True
        with pytest.raises(DatabaseUnavailable):
            await alert_store.store(far, DELIVERY, datetime(2026, 1, 1, tzinfo=UTC))
        line.silent = False
        assert len((await alert_store.store(far, DELIVERY, datetime(2026, 1, 1, tzinfo=UTC))).new) == 1
