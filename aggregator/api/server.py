"""Answer requests to the API: read them, ask the database within bounds, and send JSON or a problem."""

import asyncio
import math
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

import msgspec
from aiohttp import HttpVersion11, web
from aiohttp.typedefs import Handler

from aggregator.api.cache import Body, Cache
from aggregator.api.operation import Operation, bind, bind_body
from aggregator.api.problems import Refused
from shared.clock import Clock
from shared.db import Database
from shared.negotiate import matches
from shared.origin import origin_of
from shared.rate import RateLimit

BASE = "/api/v1"
STATEMENT_TIMEOUT_S = 3.0
QUEUE_TIMEOUT_S = 2.0
BODY_TIMEOUT_S = 5.0
BODY_LIMIT_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Bounds:
    """What one process lets its clients ask of the database."""

    readers: int
    rate: float
    statement_timeout_s: float = STATEMENT_TIMEOUT_S
    queue_timeout_s: float = QUEUE_TIMEOUT_S


class Server:
    """Operations as aiohttp routes; `changed` is awaited after every POST that was committed, and
    must not fail of the database: whoever asked would be told that nothing was stored."""

    def __init__(self, db: Database, clock: Clock, bounds: Bounds, changed: Callable[[], Awaitable[None]]) -> None:
        self._changed = changed
        self._db = db
        self._clock = clock
        self._bounds = bounds
        self._rate = RateLimit(bounds.rate)
        self._cache = Cache(clock)
        self._readers = asyncio.Semaphore(bounds.readers)

    def routes(self, operations: Sequence[Operation]) -> list[web.RouteDef]:
        """A route for each operation."""
        return [
            web.route(one.method, BASE + pattern_of(one), self._handler(one), expect_handler=expect)
            for one in operations
        ]

    def forget(self, tag: str) -> None:
        """What the operations with this tag tell has changed: answer anew."""
        self._cache.forget(f"{tag} ")

    def admit(self, request: web.Request) -> None:
        """Count a request of this client. Raises Refused when there are too many."""
        wait_s = self._rate.take(origin_of(request.remote), self._clock.monotonic())
        if wait_s > 0:
            raise Refused(
                "too-many-requests", f"at most {self._bounds.rate:g} a second", retry_after_s=math.ceil(wait_s)
            )

    def admitted(self, handler: Handler) -> Handler:
        """A handler whose requests count like those of operations."""

        async def admit(request: web.Request) -> web.StreamResponse:
            self.admit(request)
            return await handler(request)

        return admit

    def _handler(self, one: Operation) -> Handler:
        async def get(request: web.Request) -> web.StreamResponse:
            self.admit(request)
            given = [*request.match_info.items(), *request.query.items()]
            asked = bind(one.asked, given)
            body = await self._cache.get(question_of(one, given), lambda: self._read(one, asked))
            headers = {"ETag": body.etag, "Cache-Control": "no-cache"}
            if matches(request.headers.get("If-None-Match", ""), body.etag):
                return web.Response(status=304, headers=headers)
            return web.Response(body=body.json, content_type="application/json", headers=headers)

        async def post(request: web.Request) -> web.StreamResponse:
            self.admit(request)
            asked = bind(one.asked, [*request.match_info.items(), *request.query.items()])
            if request.content_type != "application/json":
                raise Refused("bad-request", "the body must be application/json")
            body = bind_body(one.body or msgspec.Struct, await read_body(request, BODY_LIMIT_BYTES))
            async with self._db.transaction(timeout_s=self._bounds.statement_timeout_s) as cx:
                answer = await one.handler(cx, asked, body)
            self.forget(one.tag)
            await self._changed()
            return web.Response(body=msgspec.json.encode(answer), content_type="application/json")

        return get if one.method == "GET" else post

    async def _read(self, one: Operation, asked: Any) -> Body:
        """Ask within one snapshot, read-only, bounded in time and in number of readers."""
        if one.from_memory:
            return encoded(await one.handler(asked))
        try:
            await asyncio.wait_for(self._readers.acquire(), self._bounds.queue_timeout_s)
        except TimeoutError as exc:
            raise Refused("unavailable", "too many questions are being answered", retry_after_s=1) from exc
        try:
            async with self._db.snapshot(self._bounds.statement_timeout_s) as cx:
                return encoded(await one.handler(cx, asked))
        finally:
            self._readers.release()


async def expect(request: web.Request) -> None:
    """An expect handler that lets a client go on with its body, and overlooks what else it may expect (RFC 9110,
    section 10.1.1)."""
    if request.headers["Expect"].lower() == "100-continue" and request.version == HttpVersion11:
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        request.writer.output_size = 0


def question_of(one: Operation, given: Sequence[tuple[str, str]]) -> str:
    """What makes two requests the same question."""
    return f"{one.tag} {one.name} {sorted(given)}"


def encoded(answer: Any) -> Body:
    """An answer as JSON, tagged by its data alone: newer blocks that change nothing do not change the tag."""
    told = [getattr(answer, "data", answer), getattr(answer, "next", None)]
    tag = blake2b(msgspec.json.encode(told), digest_size=12).hexdigest()
    return Body(msgspec.json.encode(answer), f'W/"{tag}"')


def pattern_of(one: Operation) -> str:
    """The operation's path for aiohttp's router, whose places match no `-` when two share a segment."""
    segments = []
    for segment in one.path.split("/"):
        shared = segment.count("{") > 1
        segments.append(segment.replace("}", ":[^{}/-]+}") if shared else segment)
    return "/".join(segments)


async def read_body(request: web.Request, limit_bytes: int) -> bytes:
    """The request's body, in time and not too large. Raises Refused."""
    if (request.content_length or 0) > limit_bytes:
        raise Refused("too-large", f"at most {limit_bytes} bytes")
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_TIMEOUT_S):
            async for chunk in request.content.iter_chunked(65536):
                body += chunk
                if len(body) > limit_bytes:
                    raise Refused("too-large", f"at most {limit_bytes} bytes")
    except TimeoutError as exc:
        raise Refused("slow-body", f"the body must arrive within {BODY_TIMEOUT_S:g} s") from exc
    except web.RequestPayloadError as exc:
        raise Refused("bad-request", "the body is not what its headers say") from exc
    return bytes(body)
