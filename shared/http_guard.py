"""Cut off clients that hold a connection without using it.

aiohttp closes a connection on which nothing was asked for `IDLE_S`. Here the rest is bounded: how long a request's
header may take however its bytes drip, how long a response may wait to be taken, and how many connections there are.
Bodies are bounded where they are read, TLS handshakes in `shared.http_door`.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import cast

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from shared.origin import origin_of

HEADER_S = 10.0
RESPONSE_S = 60.0
CONNECTIONS = 800  # below the 1,024 files that a process may usually open
CONNECTIONS_OF_ONE_ORIGIN = CONNECTIONS // 2
SWEEP_S = 1.0


@dataclass(slots=True, eq=False)
class Connection:
    """What one client does, in monotonic seconds. `transport` is missing until the TLS handshake is done, `heard_at` is
    when the first bytes came of a request that is not whole yet; `full_at` since when there has always been something
    that the client did not take."""

    origin: str
    transport: asyncio.Transport | None = None
    heard_at: float | None = None
    serving: int = 0
    full_at: float | None = None

    def heard(self, now: float) -> None:
        """Bytes came."""
        if not self.serving and self.heard_at is None:
            self.heard_at = now

    def late(self, now: float) -> bool:
        """Whether the client took too long."""
        if self.transport is None or not self.transport.get_write_buffer_size():
            self.full_at = None
        elif self.full_at is None:
            self.full_at = now
        slow_header = self.heard_at is not None and now - self.heard_at > HEADER_S
        return slow_header or (self.full_at is not None and now - self.full_at > RESPONSE_S)


@dataclass(slots=True)
class Guard:
    """Every connection of one server, from its accept on."""

    connections: set[Connection] = field(default_factory=set)
    _origins: Counter[str] = field(default_factory=Counter)
    _ready: dict[asyncio.BaseTransport, Connection] = field(default_factory=dict)

    @property
    def middleware(self) -> Middleware:
        """A middleware, the outermost, that says which connections are being served: their headers are whole."""

        @web.middleware
        async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
            one = self._ready.get(request.transport) if request.transport is not None else None
            if one is None:
                return await handler(request)
            one.heard_at = None
            one.serving += 1
            try:
                return await handler(request)
            finally:
                one.serving -= 1

        return middleware

    def admit(self, address: str) -> Connection | None:
        """A client came from an address; None when there are too many, at all or of its origin."""
        origin = origin_of(address)
        if len(self.connections) >= CONNECTIONS or self._origins[origin] >= CONNECTIONS_OF_ONE_ORIGIN:
            return None
        self._origins[origin] += 1
        found = Connection(origin)
        self.connections.add(found)
        return found

    def ready(self, one: Connection, transport: asyncio.Transport) -> None:
        """The connection can be used."""
        one.transport = transport
        self._ready[transport] = one

    def release(self, one: Connection) -> None:
        """The connection ended; it may end twice."""
        if one not in self.connections:
            return
        self.connections.remove(one)
        if one.transport is not None:
            del self._ready[one.transport]
        self._origins[one.origin] -= 1
        if not self._origins[one.origin]:
            del self._origins[one.origin]

    def sweep(self, now: float) -> None:
        """Cut off who took too long."""
        for one in tuple(self.connections):
            if one.transport is not None and one.late(now):
                one.transport.abort()

    async def watch(self) -> None:
        """Sweep for ever."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(SWEEP_S)
            self.sweep(loop.time())


class Watched(asyncio.Protocol):
    """Passes everything on to aiohttp's own protocol, and tells the guard of it."""

    __slots__ = ("_connection", "_guard", "_inner", "_loop")

    def __init__(self, guard: Guard, connection: Connection, make: Callable[[], asyncio.Protocol]) -> None:
        self._guard = guard
        self._connection = connection
        self._loop = asyncio.get_running_loop()
        self._inner = make()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._guard.ready(self._connection, cast(asyncio.Transport, transport))  # uvloop's is none by its type
        self._inner.connection_made(transport)

    def data_received(self, data: bytes) -> None:
        self._connection.heard(self._loop.time())
        self._inner.data_received(data)

    def eof_received(self) -> bool | None:
        return self._inner.eof_received()

    def pause_writing(self) -> None:
        self._inner.pause_writing()

    def resume_writing(self) -> None:
        self._inner.resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        self._guard.release(self._connection)
        self._inner.connection_lost(exc)
