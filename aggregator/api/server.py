"""Answer requests to the API: read them, ask the database within bounds, and send JSON or a problem."""

import asyncio
import math
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from http import HTTPStatus
from typing import Any

import msgspec
from aiohttp import HttpVersion11, web
from aiohttp.typedefs import Handler, Middleware

from aggregator.api.cache import Body, Cache
from aggregator.api.operation import Operation, bind, bind_body
from aggregator.api.problems import MEDIA_TYPE, Refused
from shared.clock import Clock
from shared.db import Database
from shared.errors import DatabaseRejected, DatabaseTimeout, TaskDied, UsdxError
from shared.negotiate import matches
from shared.origin import origin_of
from shared.rate import RateLimit
from shared.runtime import foreseen

BASE = "/api/v1"
FORESEEN = (Refused, UsdxError, web.HTTPException, ConnectionError)  # the last when who asked is gone
STATEMENT_TIMEOUT_S = 3.0
QUEUE_TIMEOUT_S = 2.0
BODY_TIMEOUT_S = 5.0
BODY_LIMIT_BYTES = 64 * 1024
KIND_OF = {
    HTTPStatus.UNAUTHORIZED: "unauthorized",
    HTTPStatus.NOT_FOUND: "not-found",
    HTTPStatus.METHOD_NOT_ALLOWED: "method-not-allowed",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "too-large",
    HTTPStatus.TOO_MANY_REQUESTS: "too-many-requests",
}


@dataclass(frozen=True, slots=True)
class Bounds:
    """What one process lets its clients ask of the database."""

    readers: int
    rate: float
    statement_timeout_s: float = STATEMENT_TIMEOUT_S
    queue_timeout_s: float = QUEUE_TIMEOUT_S


class Server:
    """Operations as aiohttp routes; `changed` is awaited after every POST that was committed."""

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
    return bytes(body)


def problems(unauthorized: Callable[[str], None], patient: frozenset[str]) -> Middleware:
    """A middleware that answers every failure under /api as a problem, RFC 9457; `unauthorized` is told the path of a
    request without the right credentials. `patient` are the paths whose clients give up when they get 429."""

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        if not request.path.startswith("/api/"):
            return await handler(request)
        try:
            return await foreseen(f"{request.method} {request.path}", handler(request), *FORESEEN)
        except Refused as exc:
            return answer_of(exc)
        except UsdxError as exc:
            return answer_of(refusal_of(exc))
        except web.HTTPException as exc:
            if exc.status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.TOO_MANY_REQUESTS):
                unauthorized(request.path)
            if exc.status == HTTPStatus.TOO_MANY_REQUESTS and request.path in patient:
                return answer_of(Refused("unavailable", "wrong credentials came too often", retry_after_s=5))
            return _from_aiohttp(exc, request.path)

    return middleware


def _from_aiohttp(exc: web.HTTPException, path: str) -> web.StreamResponse:
    """A refusal by the router or the gate, as a problem with its headers."""
    if exc.status < HTTPStatus.BAD_REQUEST:
        raise exc
    other = "bad-request" if exc.status < HTTPStatus.INTERNAL_SERVER_ERROR else "internal"
    response = answer_of(Refused(KIND_OF.get(HTTPStatus(exc.status), other), f"{path[:200]}: {exc.reason}"))
    kept = ("Allow", "WWW-Authenticate", "Retry-After")
    response.headers.update({name: exc.headers[name] for name in kept if name in exc.headers})
    return response


def refusal_of(exc: UsdxError) -> Refused:
    """What a client is told of a failure of ours: nothing of its words, which may hold a client's data."""
    if isinstance(exc, TaskDied):
        return Refused("internal", "it is in our log")
    if isinstance(exc, DatabaseTimeout):
        return Refused("too-expensive", "ask for less: fewer blocks, a filter, or the default sort", retry_after_s=5)
    if isinstance(exc, DatabaseRejected):
        return Refused(
            "unavailable", "the tables for this are not there (yet): is the indexer running?", retry_after_s=5
        )
    return Refused("unavailable", "the database does not answer", retry_after_s=2)


def answer_of(exc: Refused) -> web.Response:
    """A problem as a response."""
    headers = {} if exc.retry_after_s is None else {"Retry-After": str(exc.retry_after_s)}
    return web.Response(
        status=exc.status, body=msgspec.json.encode(exc.problem), content_type=MEDIA_TYPE, headers=headers
    )
