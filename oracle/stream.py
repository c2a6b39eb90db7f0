"""Listen to one venue's push channel for as long as the process lives."""

from __future__ import annotations

import asyncio
import random
import uuid
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum

import aiohttp

from oracle import backoff
from oracle.backoff import Backoff, Pace
from oracle.desk import Answered
from oracle.errors import Unreadable
from oracle.model import Refused, Ticker
from oracle.plan import VenuePlan
from oracle.sse import Events
from oracle.venue import Frame, Stream, read_frame
from oracle.web import USER_AGENT, Web
from shared.clock import Clock
from shared.runtime import Stop

CONNECT_TIMEOUT_S = 10.0
HANDOVER_S = 10.0
GARBLED_FRAMES = 20
MAX_FRAME_BYTES = 4 * 1024 * 1024


class End(StrEnum):
    """Why a connection ended: the closed set of the reconnects' label."""

    CLOSED = "closed"
    IDLE = "idle"
    PLANNED = "planned"
    ASKED = "asked"
    UNREACHABLE = "unreachable"
    REJECTED = "rejected"
    GARBLED = "garbled"


@dataclass(slots=True)
class _Life:
    """One connection: `heard` is set by its first price."""

    heard: asyncio.Event = field(default_factory=asyncio.Event)
    garbled: int = 0
    asked: bool = False


class Listener:
    """The newest word on each symbol of one connection's worth; never older over newer.

    `up` while connected; `unhealthy` while the venue says that it does not trade normally.
    """

    def __init__(
        self,
        plan: VenuePlan,
        symbols: Sequence[str],
        session: aiohttp.ClientSession,
        web: Web,
        clock: Clock,
        ended: Callable[[str, End], None] = lambda source, end: None,
        pace: Pace = Pace(free=1, most_s=60),  # noqa: B008 - frozen
    ) -> None:
        assert plan.venue.stream is not None
        self.plan, self.symbols = plan, tuple(symbols)
        self._stream: Stream = plan.venue.stream
        self._session, self._web, self._clock, self._ended, self._pace = session, web, clock, ended, pace
        self._latest: dict[str, Answered] = {}
        self._backoff = Backoff()
        self.up = False
        self.unhealthy: Refused | None = None
        self.last_message_at_s: float | None = None

    def latest(self, symbol: str) -> Answered | None:
        """The newest word on a symbol, if any."""
        return self._latest.get(plain(symbol))

    async def run(self, stop: Stop) -> None:
        """Stay connected until the stop: again after every end, and anew before the venue cuts."""
        stopped = asyncio.create_task(stop.wait())
        task, life = self._begin()
        due_s = self._planned_s()
        try:
            while not stopped.done():
                left_s = max(0.0, due_s - self._clock.monotonic())
                await asyncio.wait({task, stopped}, timeout=left_s, return_when=asyncio.FIRST_COMPLETED)
                if task.done():
                    await self._after(task.result(), life, stop)
                    if not stopped.done():
                        task, life = self._begin()
                        due_s = self._planned_s()
                elif not stopped.done() and self._clock.monotonic() >= due_s:
                    task, life = await self._hand_over(task, life)
                    due_s = self._planned_s()
        finally:
            stopped.cancel()
            await _cancelled(task)
            self.up = False

    def _begin(self) -> tuple[asyncio.Task[End], _Life]:
        life = _Life()
        return asyncio.create_task(self._live(life)), life

    def _planned_s(self) -> float:
        return self._clock.monotonic() + self._stream.max_age_s * random.uniform(0.9, 1.0)

    async def _after(self, end: End, life: _Life, stop: Stop) -> None:
        """Count the end and wait as long as its history demands."""
        self.up = False
        self._ended(self.plan.venue.name, end)
        now_s = self._clock.monotonic()
        if life.heard.is_set():
            self._backoff = backoff.worked(self._backoff, self._pace, now_s)
        self._backoff = backoff.failed(self._backoff, self._pace, now_s, random.random)
        await stop.wait(max(0.0, self._backoff.until_s - now_s))

    async def _hand_over(self, old: asyncio.Task[End], old_life: _Life) -> tuple[asyncio.Task[End], _Life]:
        """Replace a connection by a younger one without a gap; a younger one that hears nothing is given up."""
        task, life = self._begin()
        heard = asyncio.create_task(life.heard.wait())
        await asyncio.wait({task, heard}, timeout=HANDOVER_S, return_when=asyncio.FIRST_COMPLETED)
        heard.cancel()
        if not life.heard.is_set() and not old.done():
            await _cancelled(task)
            return old, old_life
        await _cancelled(old)
        self.up = not task.done()
        self._ended(self.plan.venue.name, End.PLANNED)
        return task, life

    async def _live(self, life: _Life) -> End:
        """One connection, from the first byte to its end."""
        try:
            if self._stream.kind == "sse":
                return await self._events(life)
            url = await self._url()
            return End.UNREACHABLE if url is None else await self._frames(url, life)
        except aiohttp.WSServerHandshakeError:
            return End.REJECTED
        except TimeoutError:  # before ClientError: aiohttp's own timeouts are both
            return End.IDLE if life.heard.is_set() else End.UNREACHABLE
        except (aiohttp.ClientError, OSError, ValueError, asyncio.IncompleteReadError):
            return End.CLOSED if life.heard.is_set() else End.UNREACHABLE

    async def _url(self) -> str | None:
        if self._stream.bootstrap is None:
            return self.plan.stream_url + self._stream.path(self.symbols)
        asked = self._stream.bootstrap
        reply = await self._web.post(self.plan.base_url, asked.path, self.plan.headers, CONNECT_TIMEOUT_S)
        if isinstance(reply, Refused):
            return None
        try:
            return asked.url(reply.body, uuid.uuid4().hex)
        except Unreadable:
            return None

    async def _frames(self, url: str, life: _Life) -> End:
        headers = {"User-Agent": USER_AGENT, **(self.plan.headers or {})}
        timeout = aiohttp.ClientWSTimeout(ws_close=1.0)
        async with asyncio.timeout(CONNECT_TIMEOUT_S):
            ws = await self._session.ws_connect(
                url, headers=headers, autoping=False, timeout=timeout, max_msg_size=MAX_FRAME_BYTES
            )
        async with ws:
            self.up = True
            for message in self._stream.subscribe(self.symbols):
                await ws.send_str(message)
            return await self._listen(ws, life)

    async def _listen(self, ws: aiohttp.ClientWebSocketResponse, life: _Life) -> End:
        """Read until the connection closes, falls silent or is spoilt; ping when the venue wants to be pinged."""
        monotonic, ping, pings = self._clock.monotonic, self._stream.ping, 0
        heard_s = pinged_s = monotonic()
        while True:
            due_s = heard_s + self._stream.idle_s
            if ping is not None:
                due_s = min(due_s, pinged_s + ping.every_s)
            message = await _received(ws, due_s - monotonic())
            now_s = monotonic()
            if ping is not None and now_s >= pinged_s + ping.every_s:
                pings, pinged_s = pings + 1, now_s
                await (ws.ping() if ping.message is None else ws.send_str(ping.message(pings)))
            if message is None and now_s >= heard_s + self._stream.idle_s:
                return End.IDLE
            if message is None:
                continue
            if message.type in (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSING, aiohttp.WSMsgType.CLOSED):
                return End.CLOSED
            if message.type is aiohttp.WSMsgType.ERROR:
                return End.GARBLED
            heard_s = now_s
            reply = self._heard(message, life)
            if isinstance(reply, End):
                return reply
            if reply is not None:
                await (ws.pong(reply) if isinstance(reply, bytes) else ws.send_str(reply))

    def _heard(self, message: aiohttp.WSMessage, life: _Life) -> End | bytes | str | None:
        """What to send back: bytes as a pong, text as it is; or why to end."""
        self.last_message_at_s = self._clock.now()
        if message.type is aiohttp.WSMsgType.PING:
            return bytes(message.data)
        if message.type is aiohttp.WSMsgType.PONG:
            return None
        data = message.data.encode() if isinstance(message.data, str) else bytes(message.data)
        return self._take(data, life)

    def _take(self, data: bytes, life: _Life) -> End | str | None:
        frame = read_frame(self._stream, data)
        if isinstance(frame, Refused):
            life.garbled += 1
            return End.GARBLED if life.garbled >= GARBLED_FRAMES else None
        life.garbled = 0
        self._note(frame, life)
        return End.ASKED if frame.reconnect else frame.reply

    def _note(self, frame: Frame, life: _Life) -> None:
        if frame.unhealthy is not None or frame.healthy:
            self.unhealthy = frame.unhealthy
        if frame.tickers:
            life.heard.set()
        at_s, mono_s = self._clock.now(), self._clock.monotonic()
        for symbol, outcome in frame.tickers.items():
            held = self._latest.get(plain(symbol))
            if held is None or not _older(outcome, held.outcome):
                self._latest[plain(symbol)] = Answered(outcome, at_s, mono_s)

    async def _events(self, life: _Life) -> End:
        """The same over server-sent events."""
        url = self.plan.stream_url + self._stream.path(self.symbols)
        headers = {"User-Agent": USER_AGENT, "Accept": "text/event-stream", **(self.plan.headers or {})}
        unbounded = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_TIMEOUT_S, sock_read=self._stream.idle_s)
        async with self._session.get(url, headers=headers, timeout=unbounded, allow_redirects=False) as response:
            if response.status != 200:
                return End.REJECTED
            self.up = True
            events = Events()
            async for part in response.content.iter_any():
                self.last_message_at_s = self._clock.now()
                for data in events.feed(part):
                    if isinstance(end := self._take(data, life), End):
                        return end
        return End.CLOSED


def plain(symbol: str) -> str:
    """Symbols as they are compared: Pyth's ids are written with and without 0x."""
    return symbol.casefold().removeprefix("0x")


def _older(outcome: Ticker | Refused, held: Ticker | Refused) -> bool:
    """Whether a word is older than the one held, by the venue's own time. A stored time never goes backwards."""
    if isinstance(outcome, Refused) or isinstance(held, Refused):
        return False
    return outcome.time_s is not None and held.time_s is not None and outcome.time_s < held.time_s


async def _received(ws: aiohttp.ClientWebSocketResponse, timeout_s: float) -> aiohttp.WSMessage | None:
    with suppress(TimeoutError):
        return await ws.receive(timeout=max(timeout_s, 0.001))
    return None


async def _cancelled(task: asyncio.Task[End]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
