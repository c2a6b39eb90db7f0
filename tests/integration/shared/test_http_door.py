"""Connections over TLS, from their accept on, on real sockets and on both event loops that there are."""

import asyncio
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import uvloop

from shared import http, http_door, http_guard
from shared.clock import system_clock
from shared.errors import ConfigError
from shared.health import Health
from shared.metrics import Registry
from shared.settings import TlsSettings
from shared.tls import Tls
from tests.integration.shared.test_http_guard import ASK, PATIENCE_S, Client

CERTIFICATES = Path(__file__).parent / "certificates"
Law = Callable[[int, Tls], Awaitable[None]]


@pytest.fixture(params=[asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
def holds(
    request: pytest.FixtureRequest, registry: Registry, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Callable[[Law], None]:
    """Tries a law on a port that is served over TLS to clients with a certificate, whose patience is short."""
    for name, seconds in (("HEADER_S", 0.5), ("SWEEP_S", 0.05)):
        monkeypatch.setattr(http_guard, name, seconds)
    for name in ("server.pem", "server.key", "ca.pem"):
        (tmp_path / name).write_bytes((CERTIFICATES / name).read_bytes())
    settings = TlsSettings(
        cert_file=tmp_path / "server.pem", key_file=tmp_path / "server.key", client_ca_file=tmp_path / "ca.pem"
    )

    async def served(law: Law) -> None:
        tls = Tls.load(settings, "test", registry)
        async with http.serve(http.app(registry, Health(registry, system_clock())), "127.0.0.1", 0, tls) as port:
            await law(port, tls)

    def run(law: Law) -> None:
        with asyncio.Runner(loop_factory=request.param) as runner:
            runner.run(served(law))

    return run


def trusting() -> ssl.SSLContext:
    """What a client of ours knows."""
    context = ssl.create_default_context(cafile=CERTIFICATES / "ca.pem")
    context.check_hostname = False
    context.load_cert_chain(CERTIFICATES / "client.pem", CERTIFICATES / "client.key")
    return context


@asynccontextmanager
async def connected(port: int, context: ssl.SSLContext | None = None) -> AsyncIterator[Client]:
    """A connection, over TLS when there is a context."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context)
    try:
        yield Client(reader, writer)
    finally:
        writer.close()


async def served_at_last(port: int) -> None:
    """Ask over TLS until there is an answer."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            try:
                async with connected(port, trusting()) as client:
                    return await client.asks()
            except (OSError, asyncio.IncompleteReadError, AssertionError):
                await asyncio.sleep(0.02)


def test_a_header_that_drips_is_cut_off(holds: Callable[[Law], None]) -> None:
    """However often a byte comes, a request's header has only so long."""

    async def law(port: int, tls: Tls) -> None:
        async with connected(port, trusting()) as client:
            await client.asks()
            client.writer.write(b"GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ")
            dripping = asyncio.create_task(client.drip())
            assert await client.ended() == b""
            dripping.cancel()

    holds(law)


def test_who_does_not_shake_hands_is_counted_and_cut_off(
    holds: Callable[[Law], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A connection takes a place before its handshake, and loses it when the handshake is not done in time."""
    monkeypatch.setattr(http_guard, "CONNECTIONS", 3)
    monkeypatch.setattr(http_guard, "CONNECTIONS_OF_ONE_ORIGIN", 3)

    async def law(port: int, tls: Tls) -> None:
        async with connected(port) as one, connected(port) as two, connected(port) as three:
            async with connected(port) as four:
                assert await four.ended() == b""
            monkeypatch.setattr(http_door, "HANDSHAKE_S", 0.2)
            one.writer.write(b"GET / HTTP/1.1\r\n\r\n")  # is no handshake
            await one.ended()
            await served_at_last(port)
            two.writer.write_eof()
            await two.ended()
            monkeypatch.setattr(http_guard, "CONNECTIONS_OF_ONE_ORIGIN", 100)
            monkeypatch.setattr(http_guard, "CONNECTIONS", 100)
            began = time.monotonic()
            async with connected(port) as five:
                assert await five.ended() == b""
            assert time.monotonic() - began < PATIENCE_S
            three.writer.close()

    holds(law)


def test_a_request_right_behind_the_handshake(holds: Callable[[Law], None]) -> None:
    """A client may send its request in one piece with the last words of the handshake."""

    async def law(port: int, tls: Tls) -> None:
        coming, going = ssl.MemoryBIO(), ssl.MemoryBIO()
        secure = trusting().wrap_bio(coming, going)
        async with connected(port) as client, asyncio.timeout(PATIENCE_S):
            while True:
                try:
                    secure.do_handshake()
                    break
                except ssl.SSLWantReadError:
                    client.writer.write(going.read())
                    coming.write(await client.reader.read(1 << 16))
            secure.write(ASK)
            client.writer.write(going.read())
            answer = b""
            while not answer.startswith(b"HTTP/1.1 200"):
                coming.write(await client.reader.read(1 << 16))
                try:
                    answer += secure.read(1 << 16)
                except ssl.SSLWantReadError:
                    continue

    holds(law)


def test_an_authority_that_is_replaced_is_trusted_no_more(holds: Callable[[Law], None], tmp_path: Path) -> None:
    """When the clients' authority is replaced, new connections of its clients are refused; while the new file is no
    certificate, the old one counts."""

    async def law(port: int, tls: Tls) -> None:
        async with connected(port, trusting()) as before:
            await before.asks()
            (tmp_path / "ca.pem").write_text("nothing")
            with pytest.raises(ConfigError):
                tls.refresh()
            async with connected(port, trusting()) as client:
                await client.asks()
            (tmp_path / "ca.pem").write_bytes((CERTIFICATES / "server.pem").read_bytes())
            assert tls.refresh()
            with pytest.raises((OSError, asyncio.IncompleteReadError, AssertionError)):
                async with connected(port, trusting()) as client:
                    await client.asks()
            await before.asks()

    holds(law)
