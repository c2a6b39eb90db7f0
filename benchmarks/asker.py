"""Ask an HTTP server so many times a second, whether the answers come or not, and note how long each took.

A request's time counts from when it was due, so a server that falls behind cannot hide it. Costs some 40 µs a request.
"""

from __future__ import annotations

import asyncio
import re
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field

PATIENCE_S = 30.0
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


@dataclass(slots=True)
class Answers:
    """What came back. Shape: `times_s` from due to answered, unordered; `statuses` holds `lost` for what never came."""

    times_s: list[float] = field(default_factory=list)
    statuses: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0

    def quantile_ms(self, share: float) -> float:
        """The time that this share of all answers kept within."""
        ordered = sorted(self.times_s)
        return ordered[min(len(ordered) - 1, int(len(ordered) * share))] * 1000 if ordered else float("inf")


class _Line(asyncio.Protocol):
    """One kept-alive connection, with at most one question on it."""

    def __init__(self, crowd: Crowd) -> None:
        self._crowd = crowd
        self._due = 0.0
        self._data = b""
        self._transport: asyncio.Transport | None = None
        self.asking = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]

    def ask(self, path: str, due: float) -> None:
        self._due, self._data, self.asking = due, b"", True
        assert self._transport is not None
        self._transport.write(f"GET {path} HTTP/1.1\r\nHost: bench\r\n\r\n".encode())

    def data_received(self, data: bytes) -> None:
        self._data += data
        end = self._data.find(b"\r\n\r\n")
        if end < 0:
            return
        found = _LENGTH.search(self._data[: end + 2])
        if len(self._data) >= end + 4 + (int(found[1]) if found else 0):
            self.asking = False
            self._crowd.answered(self, self._data[9:12].decode(), self._due)

    def connection_lost(self, exc: Exception | None) -> None:
        if self.asking:
            self._crowd.lost()


class Crowd:
    """So many connections to one server."""

    def __init__(self) -> None:
        self.answers = Answers()
        self._free: deque[_Line] = deque()
        self._waiting: deque[tuple[str, float]] = deque()
        self._open = 0

    async def connect(self, port: int, count: int) -> None:
        loop = asyncio.get_running_loop()
        for _ in range(count):
            _, line = await loop.create_connection(lambda: _Line(self), "127.0.0.1", port)
            self._free.append(line)

    def ask(self, path: str, due: float) -> None:
        self._open += 1
        if self._free:
            self._free.popleft().ask(path, due)
        else:
            self._waiting.append((path, due))

    def answered(self, line: _Line, status: str, due: float) -> None:
        self._open -= 1
        self.answers.statuses[status] += 1
        self.answers.times_s.append(asyncio.get_running_loop().time() - due)
        if self._waiting:
            line.ask(*self._waiting.popleft())
        else:
            self._free.append(line)

    def lost(self) -> None:
        self._open -= 1
        self.answers.statuses["lost"] += 1

    async def rest(self) -> None:
        """Wait for what is still out; what does not come counts as lost."""
        deadline = asyncio.get_running_loop().time() + PATIENCE_S
        while self._open and asyncio.get_running_loop().time() < deadline:  # noqa: ASYNC110 (only a benchmark)
            await asyncio.sleep(0.01)
        self.answers.statuses["lost"] += self._open


async def ask(port: int, question: Callable[[int], str], rate: int, seconds: float, connections: int = 64) -> Answers:
    """Ask `question(0)`, `question(1)`, … at an even pace."""
    crowd = Crowd()
    await crowd.connect(port, connections)
    loop = asyncio.get_running_loop()
    began, asked = loop.time(), 0
    while (elapsed := loop.time() - began) < seconds:
        while asked < elapsed * rate:
            crowd.ask(question(asked), began + asked / rate)
            asked += 1
        await asyncio.sleep(0.001)
    await crowd.rest()
    crowd.answers.seconds = loop.time() - began
    return crowd.answers
