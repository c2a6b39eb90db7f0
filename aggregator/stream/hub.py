"""Pass messages on to all who listen, by server-sent events; who cannot keep up is cut off and may come back.

Source: https://html.spec.whatwg.org/multipage/server-sent-events.html
"""

import asyncio
import secrets
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field

from aiohttp import web

from aggregator.api.problems import Refused
from shared.clock import Clock

TOPICS = ("status", "trends", "event", "gap", "price", "alert", "reorg")
KEPT_MESSAGES = 1000
QUEUE_MESSAGES = 500
CLIENTS = 256
BEAT_S = 15.0
COMING_BACK_S = 60.0
RETRY_MS = 2000
STATES = frozenset({"status", "trends"})  # each replaces the one before; a newcomer gets the last one


@dataclass(frozen=True, slots=True)
class Message:
    """One message: its number, its topic, and itself as JSON."""

    number: int
    topic: str
    json: bytes

    def frame(self, epoch: str) -> bytes:
        """The message as it is sent. States carry no id, as there is no sense in hearing old ones again."""
        name = b"" if self.topic in STATES else f"id: {epoch}-{self.number}\n".encode()
        return name + b"event: " + self.topic.encode() + b"\ndata: " + self.json + b"\n\n"


@dataclass(slots=True, eq=False)
class Listener:
    """One client: the topics it wants, and what it has not been sent yet."""

    topics: frozenset[str]
    queue: asyncio.Queue[Message | None] = field(default_factory=lambda: asyncio.Queue(QUEUE_MESSAGES))
    lost: bool = False


class Hub:
    """All listeners. Messages are numbered within an epoch, which is one life of this process."""

    def __init__(self, clock: Clock, counted: Callable[[int], None], dropped: Callable[[], None]) -> None:
        self._clock = clock
        self._epoch = secrets.token_hex(4)
        self._wanted_until: dict[str, float] = {}
        self._counted = counted
        self._dropped = dropped
        self._listeners: set[Listener] = set()
        self._kept: deque[Message] = deque(maxlen=KEPT_MESSAGES)
        self._states: dict[str, Message] = {}
        self._number = 0
        self._closed = False

    def wanted(self, *topics: str) -> bool:
        """Whether anybody listens to one of the topics, or did a minute ago and may come back for what it missed."""
        now = self._clock.monotonic()
        for listener in self._listeners:
            self._wanted_until.update(dict.fromkeys(listener.topics, now + COMING_BACK_S))
        return any(self._wanted_until.get(topic, now) > now for topic in topics)

    def publish(self, topic: str, json: bytes) -> None:
        """Send a message to all who want its topic."""
        self._number += 1
        message = Message(self._number, topic, json)
        if topic in STATES:
            self._states[topic] = message
        else:
            self._kept.append(message)
        for listener in tuple(self._listeners):
            if topic in listener.topics:
                self._offer(listener, message)

    def close(self) -> None:
        """End every stream."""
        self._closed = True
        for listener in tuple(self._listeners):
            self._end(listener)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """GET /api/v1/stream."""
        topics = topics_of(request.query.get("topics"))
        if len(self._listeners) >= CLIENTS or self._closed:
            raise Refused("unavailable", f"{CLIENTS} clients listen already", retry_after_s=5)
        response = web.StreamResponse(
            headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        )
        listener = Listener(topics)
        for message in self._missed(request.headers.get("Last-Event-ID"), topics):
            self._offer(listener, message)
        self._listeners.add(listener)
        self._counted(len(self._listeners))
        try:
            await response.prepare(request)
            await response.write(f"retry: {RETRY_MS}\n\n".encode())
            with suppress(ConnectionResetError):
                await self._send(response, listener)
        finally:
            self._listeners.discard(listener)
            self._wanted_until.update(dict.fromkeys(topics, self._clock.monotonic() + COMING_BACK_S))
            self._counted(len(self._listeners))
        return response

    async def _send(self, response: web.StreamResponse, listener: Listener) -> None:
        while True:
            try:
                message = await asyncio.wait_for(listener.queue.get(), BEAT_S)
            except TimeoutError:
                await response.write(b": still here\n\n")
                continue
            if message is None:
                return
            await response.write(message.frame(self._epoch))

    def _missed(self, last_id: str | None, topics: frozenset[str]) -> Iterable[Message]:
        """The present states, and what was said since the message a returning client saw last."""
        epoch, _, number = (last_id or "").partition("-")
        if epoch == self._epoch and number.isdecimal():
            yield from (one for one in self._kept if one.number > int(number) and one.topic in topics)
        yield from (one for topic, one in self._states.items() if topic in topics)

    def _offer(self, listener: Listener, message: Message) -> None:
        try:
            listener.queue.put_nowait(message)
        except asyncio.QueueFull:
            self._dropped()
            self._end(listener)

    def _end(self, listener: Listener) -> None:
        self._listeners.discard(listener)
        while listener.queue.full():
            listener.queue.get_nowait()
        listener.queue.put_nowait(None)


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
