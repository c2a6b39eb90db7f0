"""Serve /metrics, /healthz and /readyz, and time every request by its route."""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from time import perf_counter

import structlog
from aiohttp import web
from aiohttp.typedefs import Handler, Middleware
from structlog.contextvars import bind_contextvars

from shared.auth import protect
from shared.clock import Clock, system_clock
from shared.errors import ConfigError, PortTaken
from shared.exposition import Exposition
from shared.health import Check, Health
from shared.http_door import Door, listening
from shared.http_guard import Guard
from shared.metrics import LATENCY, Family, Registry
from shared.settings import AuthSettings
from shared.tls import Tls
from shared.trace import trace_id

REQUESTS = Family(
    "usdx_http_requests_total",
    "counter",
    "HTTP requests completed, by route template and status code.",
    ("method", "route", "status"),
)
DURATION = Family(
    "usdx_http_request_duration_seconds",
    "histogram",
    "HTTP request latency by route template.",
    ("method", "route"),
    "seconds",
    LATENCY,
)
IN_PROGRESS = Family("usdx_http_requests_in_progress", "gauge", "HTTP requests being served.")
FAMILIES = (REQUESTS, DURATION, IN_PROGRESS)

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
EXPECTED_STATUSES = ("200", "400", "500", "503")
UNMATCHED = "unmatched"
STREAM = "text/event-stream"
RENEW_S = 60.0
IDLE_S = 30.0  # a connection on which nothing was asked for so long is closed
LINGER_S = 2.0  # for the rest of a body that nobody wants


def app(
    registry: Registry,
    health: Health,
    clock: Clock | None = None,
    surfaces: Mapping[str, AuthSettings] | None = None,
) -> web.Application:
    """An application with the three probe routes, to which a worker adds its own before it is served.

    `surfaces` guards path prefixes, such as `/metrics` or `/api`.
    """

    async def healthz(request: web.Request) -> web.Response:
        return _json({"alive": health.alive, "loops": _plain(health.loops())}, ok=health.alive)

    async def readyz(request: web.Request) -> web.Response:
        body = {"ready": health.ready, "status": health.status, "checks": _plain(health.checks())}
        return _json(body, ok=health.ready)

    async def start_series(started: web.Application) -> None:
        _start_series(registry, started)

    clock = clock or system_clock()
    application = web.Application(middlewares=[instrument(registry), protect(surfaces or {}, clock)])
    application.router.add_get("/metrics", Exposition(registry, clock).handle)
    application.router.add_get("/healthz", healthz)
    application.router.add_get("/readyz", readyz)
    application.on_startup.append(start_series)
    application.on_response_prepare.append(_name)
    return application


@asynccontextmanager
async def serve(application: web.Application, host: str, port: int, tls: Tls | None = None) -> AsyncIterator[int]:
    """Serve while the context is open; yields the port, which the system chose when `port` is 0."""
    guard = Guard()
    application.middlewares.insert(0, guard.middleware)
    runner = web.AppRunner(
        application,
        handle_signals=False,
        access_log=None,
        shutdown_timeout=2.0,
        keepalive_timeout=IDLE_S,
        lingering_time=LINGER_S,
    )
    await runner.setup()
    beside = [asyncio.create_task(guard.watch())]
    if tls is not None:
        beside.append(asyncio.create_task(_renew(tls)))
    assert runner.server is not None
    try:
        sockets = await _listening(host, port)
        async with Door(guard, runner.server, tls).open(sockets):
            yield sockets[0].getsockname()[1]
    finally:
        for task in beside:
            task.cancel()
        await runner.cleanup()


async def _listening(host: str, port: int) -> list[socket.socket]:
    try:
        return await listening(host, port)
    except OSError as exc:
        if exc.errno == errno.EADDRINUSE:
            raise PortTaken(f"port {port} on {host} is taken by another program") from exc
        raise ConfigError(f"cannot listen on {host}:{port}: {exc.strerror or exc}") from exc


async def _renew(tls: Tls) -> None:
    """Take over renewed certificates; keep the old ones while the new ones do not fit."""
    log = structlog.get_logger("tls")
    while True:
        await asyncio.sleep(RENEW_S)
        try:
            if tls.refresh():
                log.info("certificate renewed", endpoint=tls.endpoint)
        except (ConfigError, OSError) as exc:
            log.error("certificate not renewed", endpoint=tls.endpoint, error=str(exc))


def instrument(registry: Registry) -> Middleware:
    """A middleware that counts and times requests; all unknown paths share one label."""
    requests, duration = registry.counter(REQUESTS), registry.histogram(DURATION)
    in_progress = registry.gauge(IN_PROGRESS)
    in_progress.set(0)

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        method = request.method if request.method in METHODS else "other"
        route, status, began = route_of(request), "500", perf_counter()
        lasting, trace = False, trace_id(request.headers.get("traceparent"))
        in_progress.add(1)
        try:
            bind_contextvars(trace_id=trace)  # for as long as this request's own task lives
            response = await handler(request)
            status = str(response.status)
            lasting = response.content_type == STREAM  # how long somebody listened is no latency
            return response
        except web.HTTPException as exc:
            status = str(exc.status)
            raise
        except asyncio.CancelledError:
            status = "499"  # the client went away
            raise
        finally:
            in_progress.add(-1)
            requests.inc(method, route, status)
            if not lasting:
                duration.observe(perf_counter() - began, method, route, exemplar={"trace_id": trace})

    return middleware


def route_of(request: web.Request) -> str:
    """The template of the route that matched, `unmatched` when none did."""
    resource = request.match_info.route.resource
    return UNMATCHED if resource is None else resource.canonical


def _start_series(registry: Registry, application: web.Application) -> None:
    """Let every known route's counters exist at 0, so that the first error is visible to `rate()`."""
    requests, duration = registry.counter(REQUESTS), registry.histogram(DURATION)
    duration.start("GET", UNMATCHED)
    requests.start("GET", UNMATCHED, "404")
    for route in application.router.routes():
        if route.resource is None or route.method not in METHODS - {"HEAD", "OPTIONS"}:
            continue
        duration.start(route.method, route.resource.canonical)
        for status in EXPECTED_STATUSES:
            requests.start(route.method, route.resource.canonical, status)


async def _name(request: web.Request, response: web.StreamResponse) -> None:
    """A signal handler that says what answers, and of no version."""
    response.headers["Server"] = "usdx"


def _plain(checks: dict[str, Check]) -> dict[str, dict[str, object]]:
    return {name: {"ok": check.ok, "detail": check.detail} for name, check in checks.items()}


def _json(body: dict[str, object], *, ok: bool) -> web.Response:
    return web.json_response(body, status=200 if ok else 503)
