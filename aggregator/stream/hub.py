"""Pass messages on to all who listen, by server-sent events; who cannot keep up is cut off and may come back.

Source: https://html.spec.whatwg.org/multipage/server-sent-events.html
"""

import asyncio
import secrets
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

import msgspec
from aiohttp import web

from aggregator.api.operation import bind
from aggregator.api.problems import Refused
from aggregator.stream.backlog import Backlog
from aggregator.stream.messages import STATES, TOPICS
from shared.clock import Clock
from shared.origin import origin_of

WAITING_MESSAGES = 500
CLIENTS = 256
CLIENTS_OF_ONE_ORIGIN = CLIENTS // 2
BEAT_S = 15.0
COMING_BACK_S = 60.0
RETRY_MS = 2000


class StreamQuery(msgspec.Struct, forbid_unknown_fields=True):
    """What a client listens to."""

    topics: str | None = None


@dataclass(slots=True, eq=False)
class Listener:
    """One client: the topics it wants, where it comes from, and what it has not been sent yet."""

    topics: frozenset[str]
    origin: str
    waiting: deque[bytes] = field(default_factory=deque)
    ended: bool = False
    news: asyncio.Event = field(default_factory=asyncio.Event)

    def offer(self, message: bytes) -> bool:
        """Let the client have this message; False when it is too far behind."""
        if len(self.waiting) >= WAITING_MESSAGES:
            return False
        self.waiting.append(message)
        self.news.set()
        return True

    def take(self) -> bytes:
        """All that waits."""
        found = b"".join(self.waiting)
        self.waiting.clear()
        self.news.clear()
        return found

    def end(self) -> None:
        """Send nothing more: a client that comes back begins behind the last message that it saw."""
        self.ended = True
        self.waiting.clear()
        self.news.set()


class Hub:
    """All listeners."""

    def __init__(self, clock: Clock, counted: Callable[[int], None], dropped: Callable[[], None]) -> None:
        self._clock = clock
        self._wanted_until: dict[str, float] = {}
        self._counted = counted
        self._dropped = dropped
        self._listeners: set[Listener] = set()
        self._backlog = Backlog(secrets.token_hex(4))
        self._closed = False

    def wanted(self, *topics: str) -> bool:
        """Whether anybody listens to one of the topics, or did a minute ago and may come back for what it missed."""
        now = self._clock.monotonic()
        for listener in self._listeners:
            self._wanted_until.update(dict.fromkeys(listener.topics, now + COMING_BACK_S))
        return any(self._wanted_until.get(topic, now) > now for topic in topics)

    def skip(self, *topics: str) -> None:
        """Tell those who want one of the topics that they missed something."""
        self._pass_on(self._backlog.skip(topics), frozenset(topics))

    def publish(self, topic: str, json: bytes) -> None:
        """Send a message to all who want its topic."""
        self._pass_on(self._backlog.add(topic, json), frozenset({topic}))

    def close(self) -> None:
        """End every stream."""
        self._closed = True
        for listener in tuple(self._listeners):
            self._end(listener)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """GET /api/v1/stream."""
        asked = bind(StreamQuery, [*request.query.items()])
        listener = Listener(topics_of(asked.topics), origin_of(request.remote))
        self._admit(listener)
        response = web.StreamResponse(
            headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        )
        missed = b"".join(self._backlog.since(request.headers.get("Last-Event-ID", ""), listener.topics))
        begin = f"retry: {RETRY_MS}\n\n".encode() + missed + self._backlog.mark
        self._listeners.add(listener)
        self._counted(len(self._listeners))
        try:
            with suppress(ConnectionResetError):
                await response.prepare(request)
                await response.write(begin)
                await self._send(response, listener)
        finally:
            self._listeners.discard(listener)
            self._wanted_until.update(dict.fromkeys(listener.topics, self._clock.monotonic() + COMING_BACK_S))
            self._counted(len(self._listeners))
        return response

    def _admit(self, newcomer: Listener) -> None:
        if len(self._listeners) >= CLIENTS or self._closed:
            raise Refused("unavailable", f"{CLIENTS} clients listen already", retry_after_s=5)
        if sum(one.origin == newcomer.origin for one in self._listeners) >= CLIENTS_OF_ONE_ORIGIN:
            raise Refused(
                "too-many-requests",
                f"{CLIENTS_OF_ONE_ORIGIN} clients of this address listen already",
                retry_after_s=5,
            )

    async def _send(self, response: web.StreamResponse, listener: Listener) -> None:
        while not listener.ended:
            try:
                async with asyncio.timeout(BEAT_S):
                    await listener.news.wait()
            except TimeoutError:
                await response.write(b": still here\n\n")
                continue
            if frames := listener.take():
                await response.write(frames)

    def _pass_on(self, message: bytes, topics: frozenset[str]) -> None:
        for listener in tuple(self._listeners):
            if topics & listener.topics and not listener.offer(message):
                self._dropped()
                self._end(listener)

    def _end(self, listener: Listener) -> None:
        self._listeners.discard(listener)
        listener.end()


def topics_of(text: str | None) -> frozenset[str]:
    """The topics that a client asks for: all but the states when it asks for none. Raises Refused."""
    if text is None:
        return frozenset(TOPICS) - STATES
    topics = frozenset(text.split(","))
    if unknown := topics - frozenset(TOPICS):
        raise Refused(
            "bad-request", f"no topic is called {min(unknown)[:64]!r}; there are: {', '.join(TOPICS)}", "topics"
        )
    return topics
