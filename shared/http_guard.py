"""Cut off clients that hold a connection without using it.

aiohttp closes a connection on which nothing was asked for `IDLE_S`. Here the rest is bounded: how long a request's
header may take however its bytes drip, how long a response may wait to be taken, and how many connections there are.
Bodies are bounded where they are read. TLS handshakes end within asyncio's 60 s.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import cast

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

HEADER_S = 10.0
RESPONSE_S = 60.0
CONNECTIONS = 800  # below the 1,024 files that a process may usually open
SWEEP_S = 1.0


@dataclass(slots=True)
class Connection:
    """What one client does, in monotonic seconds. `heard_at` is when the first bytes came of a request that is not
    whole yet; `full_at` since when there has always been something that the client did not take."""

    transport: asyncio.Transport
    heard_at: float | None = None
    serving: int = 0
    full_at: float | None = None

    def heard(self, now: float) -> None:
        """Bytes came."""
        if not self.serving and self.heard_at is None:
            self.heard_at = now

    def late(self, now: float) -> bool:
        """Whether the client took too long."""
        if not self.transport.get_write_buffer_size():
            self.full_at = None
        elif self.full_at is None:
            self.full_at = now
        slow_header = self.heard_at is not None and now - self.heard_at > HEADER_S
        return slow_header or (self.full_at is not None and now - self.full_at > RESPONSE_S)


@dataclass(slots=True)
class Guard:
    """Every connection of one server."""

    connections: dict[asyncio.BaseTransport, Connection] = field(default_factory=dict)

    @property
    def middleware(self) -> Middleware:
        """A middleware, the outermost, that says which connections are being served: their headers are whole."""

        @web.middleware
        async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
            one = self.connections.get(request.transport) if request.transport is not None else None
            if one is None:
                return await handler(request)
            one.heard_at = None
            one.serving += 1
            try:
                return await handler(request)
            finally:
                one.serving -= 1

        return middleware

    def admit(self, transport: asyncio.Transport) -> Connection | None:
        """A client connected; None when there are too many."""
        if len(self.connections) >= CONNECTIONS:
            return None
        found = self.connections[transport] = Connection(transport)
        return found

    def sweep(self, now: float) -> None:
        """Cut off who took too long."""
        for one in tuple(self.connections.values()):
            if one.late(now):
                one.transport.abort()

    async def watch(self) -> None:
        """Sweep for ever."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(SWEEP_S)
            self.sweep(loop.time())


class Watched(asyncio.Protocol):
    """Passes everything on to aiohttp's own protocol, and tells the guard of it."""

    __slots__ = ("_connection", "_guard", "_inner", "_loop", "_transport")

    def __init__(self, guard: Guard, inner: Callable[[], asyncio.Protocol]) -> None:
        self._guard = guard
        self._loop = asyncio.get_running_loop()
        self._inner = inner()
        self._connection: Connection | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is none by its type
        self._connection = self._guard.admit(self._transport)
        if self._connection is None:
            self._transport.abort()
        else:
            self._inner.connection_made(transport)

    def data_received(self, data: bytes) -> None:
        if self._connection is not None:
            self._connection.heard(self._loop.time())
            self._inner.data_received(data)

    def eof_received(self) -> bool | None:
        return self._inner.eof_received() if self._connection is not None else None

    def pause_writing(self) -> None:
        self._inner.pause_writing()

    def resume_writing(self) -> None:
        self._inner.resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        self._guard.connections.pop(self._transport, None)
        if self._connection is not None:
            self._inner.connection_lost(exc)
