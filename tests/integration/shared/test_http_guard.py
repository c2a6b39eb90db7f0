"""Clients that hold a connection without using it, on real sockets."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
from aiohttp import web

from shared import http, http_guard
from shared.clock import system_clock
from shared.health import Health
from shared.metrics import Registry

CERTIFICATES = Path(__file__).parent / "certificates"
PATIENCE_S = 20.0  # far below `http.IDLE_S`, which would end it, too
ASK = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
LARGE = 64 * 1024 * 1024


@dataclass
class Client:
    """One connection."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def drip(self) -> None:
        """One byte every now and then, until the other side has enough."""
        while True:
            self.writer.write(b"x")
            await asyncio.sleep(0.05)

    async def ended(self) -> bytes:
        """Everything that came until the connection ended."""
        async with asyncio.timeout(PATIENCE_S):
            found = b""
            with suppress(ConnectionError):
                while piece := await self.reader.read(1 << 20):
                    found += piece[:1000]
            return found

    async def asks(self) -> None:
        """One ordinary request, answered."""
        self.writer.write(ASK)
        async with asyncio.timeout(PATIENCE_S):
            assert b" 200 " in await self.reader.readline()
            head = await self.reader.readuntil(b"\r\n\r\n")
            size = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
            await self.reader.readexactly(size)


@asynccontextmanager
async def connected(port: int, address: str = "127.0.0.1") -> AsyncIterator[Client]:
    """A connection from an address, whose own buffers are small."""
    peer = socket.socket()
    peer.bind((address, 0))
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    peer.setblocking(False)
    await asyncio.get_running_loop().sock_connect(peer, ("127.0.0.1", port))
    reader, writer = await asyncio.open_connection(sock=peer, limit=4096)
    try:
        yield Client(reader, writer)
    finally:
        writer.close()


@pytest.fixture
async def port(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[int]:
    """A served application whose patience is short."""
    for name, seconds in (("HEADER_S", 0.5), ("RESPONSE_S", 0.5), ("SWEEP_S", 0.05)):
        monkeypatch.setattr(http_guard, name, seconds)
    application = http.app(registry, Health(registry, system_clock()))

    async def large(request: web.Request) -> web.StreamResponse:
        return web.Response(body=bytes(LARGE))

    async def lasting(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        for _ in range(30):
            await response.write(b"tick\n")
            await asyncio.sleep(0.05)
        return response

    async def deaf(request: web.Request) -> web.StreamResponse:
        return web.Response(text="no need of your body")

    application.router.add_get("/large", large)
    application.router.add_get("/lasting", lasting)
    application.router.add_post("/deaf", deaf)
    async with http.serve(application, "127.0.0.1", 0) as found:
        yield found


async def test_a_header_that_drips_is_cut_off(port: int) -> None:
    """However often a byte comes, a request's header has only so long: the first one's, and any later one's."""
    for asked in (0, 2):
        async with connected(port) as client:
            for _ in range(asked):
                await client.asks()
            client.writer.write(b"GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ")
            dripping = asyncio.create_task(client.drip())
            assert await client.ended() == b""
            dripping.cancel()


async def test_a_body_that_nobody_wants_is_cut_off(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A client that goes on with its body after the answer is not listened to for long."""
    async with connected(port) as client:
        client.writer.write(b"POST /deaf HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n")
        dripping = asyncio.create_task(client.drip())
        assert b" 200 " in (await client.ended()).splitlines()[0]
        dripping.cancel()


async def test_an_answer_that_is_not_taken_is_given_up(port: int) -> None:
    """A client that asks for much and does not read it loses its connection."""
    async with connected(port) as client:
        client.writer.write(b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n")
        await asyncio.sleep(1.5)
        got = 0
        async with asyncio.timeout(PATIENCE_S):
            with suppress(ConnectionError):
                while piece := await client.reader.read(1 << 20):
                    got += len(piece)
        assert got < LARGE


async def test_an_answer_that_lasts_is_let_be(port: int) -> None:
    """A stream that is read as it comes may last longer than any limit."""
    async with connected(port) as client:
        client.writer.write(b"GET /lasting HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert (await client.ended()).count(b"tick") == 30


async def test_a_slow_but_honest_client_is_served(port: int) -> None:
    """A request in two pieces, and a pause between two requests, are nothing bad."""
    async with connected(port) as client:
        client.writer.write(ASK[:10])
        await asyncio.sleep(0.1)
        client.writer.write(ASK[10:])
        async with asyncio.timeout(PATIENCE_S):
            await client.reader.readuntil(b"\r\n\r\n")
    async with connected(port) as client:
        await client.asks()
        await asyncio.sleep(1.0)
        await client.asks()


async def test_there_are_only_so_many_connections(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """One more than allowed is closed at once; those before it are served; when one goes, another may come."""
    monkeypatch.setattr(http_guard, "CONNECTIONS", 2)
    async with connected(port) as first:
        await first.asks()
        async with connected(port) as second:
            await second.asks()
            async with connected(port) as third:
                assert await third.ended() == b""
            await first.asks()
            await second.asks()
        async with asyncio.timeout(PATIENCE_S):
            while True:
                async with connected(port) as fourth:
                    with suppress(AssertionError, ConnectionError):
                        await fourth.asks()
                        break


async def test_one_address_cannot_take_every_place(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """An address that holds as many connections as one may is let in again when one goes; others come in meanwhile."""
    monkeypatch.setattr(http_guard, "CONNECTIONS_OF_ONE_ORIGIN", 2)
    async with connected(port) as first:
        await first.asks()
        async with connected(port) as silent, connected(port) as third:
            assert await third.ended() == b""
            async with connected(port, "127.0.0.2") as other:
                await other.asks()
            silent.writer.close()
        async with asyncio.timeout(PATIENCE_S):
            while True:
                async with connected(port) as fourth:
                    with suppress(AssertionError, ConnectionError):
                        await fourth.asks()
                        break


@pytest.mark.parametrize(
    "head",
    [
        b"GET /" + b"x" * 10_000 + b" HTTP/1.1\r\nHost: x\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-Large: " + b"x" * 10_000 + b"\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: x\r\n" + b"X-Many: x\r\n" * 200,
    ],
    ids=["line", "field", "fields"],
)
async def test_large_headers_are_refused(port: int, head: bytes) -> None:
    """A line or a field beyond 8 KiB, or too many fields, end the connection with 400."""
    async with connected(port) as client:
        client.writer.write(head + b"\r\n")
        assert b" 400 " in (await client.ended()).splitlines()[0]
