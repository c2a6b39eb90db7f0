"""Clients that mean no good."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from shared import http
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


async def test_slow_headers_are_cut_off(settings: Settings, db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection that never finishes its request's header is closed, however often a byte comes."""
    monkeypatch.setattr(http, "IDLE_S", 1.0)

    async with site(settings, db) as served, http.serve(_app(served), "127.0.0.1", 0) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n")
        dripping = asyncio.create_task(_drip(writer))
        try:
            async with asyncio.timeout(20):
                assert await reader.read() == b""
        finally:
            dripping.cancel()
            writer.close()


def _app(served: Site) -> web.Application:
    return http.app(served.registry, served.worker.health, served.worker.clock)


async def _drip(writer: asyncio.StreamWriter) -> None:
    while True:
        writer.write(b"X")
        await asyncio.sleep(0.1)


async def test_slow_body_is_cut_off(served: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """A body that does not arrive is answered with a problem, and the connection given up."""
    monkeypatch.setattr("aggregator.api.server.BODY_TIMEOUT_S", 0.3)
    head = b"POST /api/v1/alerts/x/ack HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    async with raw(served, head + b"Content-Length: 100\r\n\r\n", b'{"by":') as reader, asyncio.timeout(20):
        assert b" 408 " in await reader.readline()


@pytest.mark.parametrize("path", ["/api/v1/alerts/x/ack", "/api/v1/internal/alerts/webhook"])
async def test_large_bodies_are_cut_off(served: Site, path: str) -> None:
    """A body that says it is too large is not even read; one that lies about it is cut off on the way."""
    head = f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n".encode()
    async with raw(served, head + b"Content-Length: 1000000000\r\n\r\n") as reader, asyncio.timeout(20):
        assert b" 413 " in await reader.readline()
    chunk = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"
    async with raw(served, head + b"Transfer-Encoding: chunked\r\n\r\n", *[chunk] * 20) as reader, asyncio.timeout(20):
        assert b" 413 " in await reader.readline()


async def test_long_request_lines_are_refused(served: Site) -> None:
    """A request line beyond 8 KiB never reaches a handler."""
    async with raw(served, b"GET /" + b"x" * 20_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n") as reader, asyncio.timeout(20):
        assert b" 400 " in await reader.readline()


async def test_nothing_is_told_of_a_fault(world: World, served: Site, db: Database) -> None:
    """A client is told that the database refuses, not what it said."""
    async with db.connection() as cx:
        await cx.execute("drop view wexel.users")
    body = await served.get("/api/v1/users", 503)
    assert "wexel" not in str(body)
    assert "relation" not in str(body)
