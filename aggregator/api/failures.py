"""Answer every failure under /api as a problem, whatever failed (RFC 9457)."""

from collections.abc import Callable
from http import HTTPStatus

import msgspec
from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from aggregator.api.problems import MEDIA_TYPE, Refused
from shared.errors import DatabaseRejected, DatabaseTimeout, TaskDied, UsdxError
from shared.runtime import foreseen

FORESEEN = (Refused, UsdxError, web.HTTPException, ConnectionError)  # the last when who asked is gone
KIND_OF = {
    HTTPStatus.UNAUTHORIZED: "unauthorized",
    HTTPStatus.NOT_FOUND: "not-found",
    HTTPStatus.METHOD_NOT_ALLOWED: "method-not-allowed",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "too-large",
    HTTPStatus.TOO_MANY_REQUESTS: "too-many-requests",
}


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
