"""A TCP proxy that delays, cuts and truncates what runs through it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

PIECE = 65536
Dial = Callable[[], Awaitable[tuple[asyncio.StreamReader, asyncio.StreamWriter]]]


@dataclass
class Proxy:
    """What goes wrong on a line, and how often it struck. `cut_after` bytes from now the connection that carries them
    ends in the middle of what it was carrying, and `cut_after` is None again.

    `silent` swallows everything: a network that is gone without saying so. `silent_after` makes it so as soon as a text
    that begins like this has been carried, and nothing of what follows it. `refusing` closes new connections at once.
    """

    dial: Dial
    delay_s: float = 0.0
    cut_after: int | None = None
    silent: bool = False
    silent_after: bytes | None = None
    refusing: bool = False
    port: int = 0
    carried: int = 0
    cuts: int = 0
    delayed: int = 0
    refused: int = 0
    _open: set[asyncio.StreamWriter] = field(default_factory=set)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    @property
    def connections(self) -> int:
        """How many are open."""
        return len(self._open) // 2

    def cut(self) -> int:
        """End every connection now, without a farewell; how many there were."""
        count = self.connections
        self.cuts += count
        for writer in list(self._open):
            writer.transport.abort()
        return count

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection from end to end."""
        if self.refusing:
            self.refused += 1
            writer.transport.abort()
            return
        try:
            there_reader, there = await self.dial()
        except OSError:
            writer.transport.abort()
            return
        self._open |= {writer, there}
        pumps = [
            asyncio.create_task(self._pump(reader, there)),
            asyncio.create_task(self._pump(there_reader, writer)),
        ]
        self._tasks |= set(pumps)
        await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        for end in (writer, there):
            end.transport.abort()
        await asyncio.gather(*pumps, return_exceptions=True)
        self._tasks -= set(pumps)
        self._open -= {writer, there}

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while piece := await reader.read(PIECE):
                if self.delay_s:
                    self.delayed += 1
                    await asyncio.sleep(self.delay_s)
                if self.silent:
                    continue
                if self.silent_after is not None and self.silent_after in piece:
                    piece = piece[: piece.index(b"\0", piece.index(self.silent_after)) + 1]
                    self.silent, self.silent_after = True, None
                self.carried += len(piece)
                if self.cut_after is not None:
                    if self.cut_after < len(piece) > 1:  # some of the piece arrives, its end is lost
                        keep = max(1, self.cut_after)
                        self.cut_after = None
                        self.cuts += 1
                        writer.write(piece[:keep])
                        await writer.drain()
                        return
                    self.cut_after -= len(piece)
                writer.write(piece)
                await writer.drain()


@asynccontextmanager
async def proxied(dial: Dial) -> AsyncIterator[Proxy]:
    """A proxy on a free port of this machine."""
    proxy = Proxy(dial)
    server = await asyncio.start_server(proxy.accept, "127.0.0.1", 0)
    proxy.port = server.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        server.close()
        proxy.cut()
        while proxy._tasks:
            await asyncio.sleep(0.01)


def to_tcp(host: str, port: int) -> Dial:
    """Dial a TCP address."""
    return lambda: asyncio.open_connection(host, port)


def to_socket(path: str) -> Dial:
    """Dial a Unix socket."""
    return lambda: asyncio.open_unix_connection(path)
