"""Carry JSON-RPC bodies over plain HTTP/1.1, receiving long answers straight into place.

It speaks only what JSON-RPC needs, POST over connections that are kept, and so costs half the CPU of a general client
where answers are megabytes. TLS and compression are for `HttpTransport`.
"""

from __future__ import annotations

import asyncio
import errno
import socket
from base64 import b64encode
from typing import cast
from urllib.parse import unquote, urlsplit

from shared.rpc_answer import Reply
from shared.rpc_body import Body, UntilClosed, body_of
from shared.rpc_errors import Failure, Kind, TransportFailed

HEAD_BYTES = 1 << 16
CONNECT_S = 10.0


class PlainTransport:
    """One endpoint's URL and its idle connections."""

    def __init__(self, endpoint: str, url: str, timeout_s: float = 30.0) -> None:
        parts = urlsplit(url)
        assert parts.scheme == "http"
        assert parts.hostname
        self._endpoint = endpoint
        self._address = parts.hostname, parts.port or 80
        self._head = _request_head(url)
        self._timeout_s = timeout_s
        self._idle: list[_Connection] = []

    async def post(self, body: bytes) -> Reply:
        """Send one body. Raises TransportFailed when no whole answer arrives in time."""
        try:
            async with asyncio.timeout(self._timeout_s):
                return await self._exchange(b"%b%d\r\n\r\n%b" % (self._head, len(body), body))
        except TimeoutError as error:
            raise self._failed(f"no answer within {self._timeout_s:g} s", Kind.DENSITY, heard=False) from error
        except _BrokenError as error:
            raise self._failed(f"the connection broke ({error})") from error
        except OSError as error:
            raise self._failed(cannot_connect(error), heard=False) from error

    async def close(self) -> None:
        """Close the idle connections."""
        while self._idle:
            self._idle.pop().close()

    async def _exchange(self, request: bytes) -> Reply:
        """One answer; connections that the server has let go of meanwhile are replaced."""
        while self._idle:
            connection = self._idle.pop()
            try:
                return await self._over(connection, request)
            except _UnansweredError:
                continue
        return await self._over(await self._connect(), request)

    async def _connect(self) -> _Connection:
        try:
            async with asyncio.timeout(CONNECT_S):
                _, connection = await asyncio.get_running_loop().create_connection(_Connection, *self._address)
        except TimeoutError as error:
            raise self._failed("cannot connect (timed out)", heard=False) from error
        return connection

    async def _over(self, connection: _Connection, request: bytes) -> Reply:
        keep = False
        try:
            reply = await connection.ask(request)
            keep = connection.reusable
        finally:
            if not keep:
                connection.close()
        if keep:
            self._idle.append(connection)
        return reply

    def _failed(self, why: str, doubt: Kind | None = None, *, heard: bool = True) -> TransportFailed:
        failure = Failure(Kind.TRANSPORT, doubt=doubt, heard=heard)
        return TransportFailed(f"{self._endpoint}: {why}", endpoint=self._endpoint, failure=failure)


class _BrokenError(Exception):
    """The connection ended in mid-answer, or what came is no HTTP."""


class _UnansweredError(_BrokenError):
    """The connection ended before the first byte of an answer."""


class _Connection(asyncio.BufferedProtocol):
    """One connection; one answer at a time."""

    def __init__(self) -> None:
        self.reusable = True
        self._open = False
        self._transport: asyncio.Transport | None = None
        self._waiter: asyncio.Future[Reply] | None = None
        self._head = bytearray(HEAD_BYTES)
        self._start_over()

    async def ask(self, request: bytes) -> Reply:
        """Send the request and wait for the whole answer."""
        if not self._open or self._transport is None:
            raise _UnansweredError("closed while idle")
        self._start_over()
        self._waiter = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return await self._waiter

    def close(self) -> None:
        """Drop the connection at once."""
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport, self._open = cast(asyncio.Transport, transport), True

    def connection_lost(self, exc: Exception | None) -> None:
        self._open = self.reusable = False
        if isinstance(self._body, UntilClosed):
            self._finish(self._body)
        elif self._body is None and not self._filled:
            self._fail(_UnansweredError("closed before an answer"))
        else:
            self._fail(_BrokenError("closed in mid-answer"))

    def get_buffer(self, sizehint: int) -> memoryview:
        return memoryview(self._head)[self._filled :] if self._body is None else self._body.room()

    def buffer_updated(self, nbytes: int) -> None:
        try:
            if self._body is not None:
                complete = self._body.took(nbytes)
            else:
                self._filled += nbytes
                complete = self._read_head()
        except ValueError as error:
            self.reusable = False
            self._fail(_BrokenError(f"no HTTP: {error}"))
        else:
            if complete and self._body is not None:
                self._finish(self._body)

    def _start_over(self) -> None:
        self._filled = 0  # bytes of the head that are there
        self._body: Body | None = None
        self._status = 0
        self._headers: dict[str, str] = {}

    def _read_head(self) -> bool:
        """Read status and headers once they are complete, and what is there of the body; whether that is all of it."""
        end = self._head.find(b"\r\n\r\n", 0, self._filled)
        if end < 0:
            if self._filled == HEAD_BYTES:
                raise ValueError("endless headers")
            return False
        lines = self._head[:end].decode("latin-1").split("\r\n")
        version, _, status = lines[0].partition(" ")
        if not version.startswith("HTTP/1."):
            raise ValueError(lines[0][:40])
        self._status = int(status[:3])
        self._headers = dict(_header(line) for line in lines[1:])
        says = self._headers.get("connection", "").lower()
        self.reusable = self._open and "close" not in says and (version != "HTTP/1.0" or "keep-alive" in says)
        rest = bytes(self._head[end + 4 : self._filled])
        if self._status == 100:
            self._start_over()
            self._head[: len(rest)] = rest
            self._filled = len(rest)
            return bool(rest) and self._read_head()
        self._body = body_of(self._status, self._headers)
        return self._feed(self._body, rest)

    def _feed(self, body: Body, rest: bytes) -> bool:
        """Hand the body what came with the head."""
        complete = not rest and body.took(0)
        while rest and not complete:
            room = body.room()
            taken = min(len(room), len(rest))
            room[:taken] = rest[:taken]
            rest = rest[taken:]
            complete = body.took(taken)
        if rest:
            raise ValueError("more than one answer")
        return complete

    def _finish(self, body: Body) -> None:
        reply = Reply(self._status, self._headers, body.content)
        self._start_over()
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(reply)

    def _fail(self, error: Exception) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_exception(error)


def _header(line: str) -> tuple[str, str]:
    name, _, value = line.partition(":")
    return name.strip().lower(), value.strip()


def _request_head(url: str) -> bytes:
    """The head of every request, up to the number of its length."""
    parts = urlsplit(url)
    login, _, host = parts.netloc.rpartition("@")
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    lines = [f"POST {target} HTTP/1.1", f"Host: {host}", "Content-Type: application/json", "Accept: application/json"]
    if login:
        lines.append(f"Authorization: Basic {b64encode(unquote(login).encode()).decode()}")
    return ("\r\n".join(lines) + "\r\nContent-Length: ").encode("ascii")


def cannot_connect(error: OSError) -> str:
    """Why there is no connection, without the address that the system puts into its messages."""
    if isinstance(error, socket.gaierror):
        return "cannot connect (the host name is not known)"
    if isinstance(error, ConnectionRefusedError):
        return "cannot connect (refused)"
    return f"cannot connect ({errno.errorcode.get(error.errno or 0, type(error).__name__)})"
