"""Let connections in: count them at their accept, secure them in time, then hand them on to aiohttp.

The event loop's own servers know of a connection only at the end of its TLS handshake, and keep the certificates that
they began with.
"""

from __future__ import annotations

import asyncio
import errno
import itertools
import socket
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from functools import partial

from shared.http_guard import Connection, Guard, Watched
from shared.tls import Tls

HANDSHAKE_S = 10.0
BACKLOG = 256
AT_ONCE = 64  # so many are let in before others have their turn
EXHAUSTED = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})
REST_S = 1.0  # until there may be files or memory again


async def listening(host: str, port: int) -> list[socket.socket]:
    """A socket for every address of the host. Raises OSError."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    sockets: list[socket.socket] = []
    try:
        for family, kind, protocol, _, address in dict.fromkeys(found):
            one = socket.socket(family, kind, protocol)
            sockets.append(one)
            one.setblocking(False)
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            one.bind(address)
            one.listen(BACKLOG)
    except OSError:
        for one in sockets:
            one.close()
        raise
    return sockets


class Door:
    """Where the clients of one server come in; `make` gives what serves one connection."""

    def __init__(self, guard: Guard, make: Callable[[], asyncio.Protocol], tls: Tls | None) -> None:
        self._guard = guard
        self._make = make
        self._tls = tls
        self._tasks: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def open(self, sockets: Sequence[socket.socket]) -> AsyncIterator[None]:
        """Let clients in while the context is open. The sockets are closed at its end, the connections are not."""
        try:
            for one in sockets:
                self._begin(self._accept(one))
            yield
        finally:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            for one in sockets:
                one.close()

    def _begin(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _accept(self, listener: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        for number in itertools.count(1):
            try:
                peer, address = await loop.sock_accept(listener)
            except OSError as exc:  # who came is gone, or there is no room
                await asyncio.sleep(REST_S if exc.errno in EXHAUSTED else 0)
                continue
            connection = self._guard.admit(address[0])
            if connection is None:
                peer.close()
            else:
                self._begin(self._enter(peer, connection))
            if number % AT_ONCE == 0:
                await asyncio.sleep(0)

    async def _enter(self, peer: socket.socket, connection: Connection) -> None:
        """Wait for the handshake, if there is one; after that the connection lives by itself."""
        protocol = partial(Watched, self._guard, connection, self._make)
        loop = asyncio.get_running_loop()
        try:
            if self._tls is None:
                await loop.connect_accepted_socket(protocol, peer)
            else:
                await loop.connect_accepted_socket(
                    protocol, peer, ssl=self._tls.context, ssl_handshake_timeout=HANDSHAKE_S
                )
        except OSError:  # it ended, took too long, or was none
            self._guard.release(connection)
        except BaseException:
            self._guard.release(connection)
            raise
