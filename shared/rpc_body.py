"""Read the body of an HTTP/1.1 answer as it arrives: by its length, in chunks, or until the connection ends."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

MOST_BYTES = 1 << 28  # more is no answer but an attack
ROOM_BYTES = 1 << 16


class Body(Protocol):
    """Gives room to receive into and hears how much arrived; `took` says whether the body is complete."""

    content: bytearray

    def room(self) -> memoryview: ...

    def took(self, nbytes: int) -> bool: ...


def body_of(status: int, headers: Mapping[str, str]) -> Body:
    """The reader of the body that these headers announce. Raises ValueError when they make no sense."""
    if status in (204, 304):
        return Sized(0)
    if "chunked" in headers.get("transfer-encoding", "").lower():
        return Chunked()
    length = headers.get("content-length")
    return UntilClosed() if length is None else Sized(int(length))


class Sized:
    """A body of known length, received straight into place."""

    def __init__(self, length: int) -> None:
        if not 0 <= length <= MOST_BYTES:
            raise ValueError(f"a body of {length} bytes")
        self.content = bytearray(length)
        self._filled = 0

    def room(self) -> memoryview:
        return memoryview(self.content)[self._filled :]

    def took(self, nbytes: int) -> bool:
        self._filled += nbytes
        return self._filled >= len(self.content)


class UntilClosed:
    """A body that ends with the connection."""

    def __init__(self) -> None:
        self.content = bytearray()
        self._room = bytearray(ROOM_BYTES)

    def room(self) -> memoryview:
        return memoryview(self._room)

    def took(self, nbytes: int) -> bool:
        self.content += self._room[:nbytes]
        if len(self.content) > MOST_BYTES:
            raise ValueError("an endless body")
        return False


class Chunked:
    """A body in chunks (RFC 9112, section 7.1); extensions and trailers are skipped."""

    def __init__(self) -> None:
        self.content = bytearray()
        self._room = bytearray(ROOM_BYTES)
        self._unread = bytearray()
        self._left = 0  # bytes of the present chunk with its line end; 0: a size line comes next
        self._trailers = False

    def room(self) -> memoryview:
        return memoryview(self._room)

    def took(self, nbytes: int) -> bool:
        self._unread += self._room[:nbytes]
        while True:
            if self._left:
                if not self._chunk():
                    return False
            elif (line := self._line()) is None:
                return False
            elif self._trailers:
                if not line:
                    return True
            else:
                size = int(line.partition(b";")[0], 16)
                self._trailers = size == 0
                self._left = size + 2 if size else 0

    def _chunk(self) -> bool:
        """Take what is there of the present chunk; whether it is complete."""
        taken = min(self._left, len(self._unread))
        data = min(max(self._left - 2, 0), taken)
        self.content += self._unread[:data]
        del self._unread[:taken]
        self._left -= taken
        if len(self.content) > MOST_BYTES:
            raise ValueError("an endless body")
        return self._left == 0

    def _line(self) -> bytes | None:
        end = self._unread.find(b"\r\n")
        if end < 0:
            if len(self._unread) > ROOM_BYTES:
                raise ValueError("an endless line")
            return None
        line = bytes(self._unread[:end])
        del self._unread[: end + 2]
        return line
