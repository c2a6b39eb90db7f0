"""Clients that mean no good."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from aggregator.metrics import WEBHOOK_PATH
from shared.db import Database
from shared.settings import Settings
from tests.integration.aggregator.world import Site, World, site


@asynccontextmanager
async def raw(served: Site, *parts: bytes) -> AsyncIterator[asyncio.StreamReader]:
    """A connection on which these bytes were sent."""
    url = served.client.make_url("/")
    reader, writer = await asyncio.open_connection(url.host, url.port)
    try:
        for part in parts:
            writer.write(part)
            await writer.drain()
        yield reader
    finally:
        writer.close()


async def _drip(writer: asyncio.StreamWriter) -> None:
    while True:
        writer.write(b" ")
        await asyncio.sleep(0.05)


@pytest.mark.parametrize(
    ("path", "status"), [("/api/v1/alerts/x/ack", b"408"), ("/api/v1/internal/alerts/webhook", b"503")]
)
async def test_a_body_that_drips_is_cut_off(
    served: Site, monkeypatch: pytest.MonkeyPatch, path: str, status: bytes
) -> None:
    """A body has so long to arrive, however often a byte of it comes; Alertmanager is told to try again."""
    monkeypatch.setattr("aggregator.api.server.BODY_TIMEOUT_S", 0.4)
    url = served.client.make_url("/")
    reader, writer = await asyncio.open_connection(url.host, url.port)
    writer.write(f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n".encode())
    writer.write(b"Content-Length: 10000\r\n\r\n{")
    dripping = asyncio.create_task(_drip(writer))
    try:
        async with asyncio.timeout(20):
            assert (await reader.readline()).split()[1] == status
    finally:
        dripping.cancel()
        writer.close()


@pytest.mark.parametrize("path", ["/api/v1/alerts/x/ack", "/api/v1/internal/alerts/webhook"])
async def test_large_bodies_are_cut_off(served: Site, path: str) -> None:
    """A body that says it is too large is not even read; one that lies about it is cut off on the way."""
    head = f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n".encode()
    async with raw(served, head + b"Content-Length: 1000000000\r\n\r\n") as reader, asyncio.timeout(20):
        assert b" 413 " in await reader.readline()
    chunk = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"
    async with raw(served, head + b"Transfer-Encoding: chunked\r\n\r\n", *[chunk] * 20) as reader, asyncio.timeout(20):
        assert b" 413 " in await reader.readline()


async def test_nothing_is_told_of_a_fault(world: World, served: Site, db: Database) -> None:
    """A client is told that the database refuses, not what it said."""
    async with db.connection() as cx:
        await cx.execute("drop view wexel.users")
    body = await served.get("/api/v1/users", 503)
    assert "wexel" not in str(body)
    assert "relation" not in str(body)


async def test_a_fault_of_ours_is_a_problem(served: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """What nobody foresaw is answered as a problem, too, that tells nothing of it."""

    async def broken(*_: object) -> None:
        raise ValueError("s3cret")

    monkeypatch.setattr("aggregator.api.chains.as_of", broken)
    async with served.client.get("/api/v1/chains") as response:
        assert (response.status, response.content_type) == (500, "application/problem+json")
        body = await response.json(content_type=None)
    assert body["type"].endswith("#problem-internal")
    assert "s3cret" not in str(body)


async def test_strange_headers(settings: Settings, db: Database, tmp_path: Path) -> None:
    """Credentials of any bytes are wrong ones, and whatever a client expects it gets an answer of the API."""
    (tmp_path / "token").write_text("s3cret\n")
    async with site(settings, db, api_auth={"kind": "bearer", "token_file": tmp_path / "token"}) as guarded:
        head = b"GET /api/v1/chains HTTP/1.1\r\nHost: x\r\nConnection: close\r\nExpect: x\r\nAuthorization: Bearer "
        for token, status in ((b"\xff", 401), (b"s3cret", 200)):
            async with raw(guarded, head + token + b"\r\n\r\n") as reader, asyncio.timeout(20):
                answer = await reader.read()
            assert int(answer.split()[1]) == status
            assert b"application/" in answer


async def test_alertmanager_is_never_told_to_give_up(
    settings: Settings, db: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whose address gave wrong credentials too often is told 429 by the API, and 503 by the webhook, so that
    Alertmanager tries again; the webhook counts it as unauthorized."""
    monkeypatch.setattr("shared.auth.FAILURES_AT_ONCE", 1.0)
    (tmp_path / "token").write_text("s3cret\n")
    gate = {"kind": "bearer", "token_file": tmp_path / "token"}
    async with site(settings, db, api_auth=gate, webhook_auth=gate) as guarded:
        wrong = {"Authorization": "Bearer guess"}
        assert (await guarded.get("/api/v1/chains", 401, **wrong))["type"].endswith("#problem-unauthorized")
        assert (await guarded.get("/api/v1/chains", 429, **wrong))["type"].endswith("#problem-too-many-requests")
        async with guarded.client.post(WEBHOOK_PATH, json={}, headers=wrong) as response:
            assert (response.status, response.headers["Retry-After"]) == (503, "5")
        assert guarded.registry.value("usdx_alert_webhook_requests_total", outcome="unauthorized") == 1
