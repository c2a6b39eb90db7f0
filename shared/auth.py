"""Decide who may read a surface: everybody, who knows a token, or who knows a password."""

from __future__ import annotations

import base64
import binascii
import hmac
import math
from collections.abc import Mapping
from pathlib import Path

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from shared.clock import Clock
from shared.origin import origin_of
from shared.rate import RateLimit
from shared.settings import AuthSettings

FAILURES_PER_S = 1.0  # of one origin; a scraper with a wrong token asks less often, and locks nobody out
FAILURES_AT_ONCE = 20.0


class SecretFile:
    """The lines of a file, read again when it changes; a file that is missing holds no secret."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: tuple[int, int, int] | None = None
        self._lines: tuple[bytes, ...] = ()

    def lines(self) -> tuple[bytes, ...]:
        """Every line that is not empty: several are valid at once while a secret is being changed."""
        try:
            info = self._path.stat()
            seen = (info.st_mtime_ns, info.st_ino, info.st_size)
            if seen != self._seen:
                self._lines = tuple(line for line in self._path.read_bytes().splitlines() if line.strip())
                self._seen = seen
        except OSError:
            self._seen, self._lines = None, ()
        return self._lines


class Gate:
    """Judges the Authorization header of requests to one surface, in constant time."""

    def __init__(self, settings: AuthSettings) -> None:
        self._settings = settings
        file = settings.token_file if settings.kind == "bearer" else settings.password_file
        self._secrets = SecretFile(file) if file is not None else None

    @property
    def open(self) -> bool:
        """Whether everybody is let in."""
        return self._settings.kind == "none"

    @property
    def challenge(self) -> str:
        """The WWW-Authenticate header of a refusal."""
        return 'Bearer realm="usdx"' if self._settings.kind == "bearer" else 'Basic realm="usdx", charset="UTF-8"'

    def admits(self, authorization: str | None) -> bool:
        """Whether a request with this Authorization header may pass."""
        if self.open or self._secrets is None:
            return self.open
        scheme, _, credentials = (authorization or "").partition(" ")
        right_scheme = scheme.lower() == self._settings.kind
        user, secret = self._split(credentials.strip())
        known = False
        for line in self._secrets.lines():
            known |= hmac.compare_digest(line, secret)
        return known & right_scheme & hmac.compare_digest((self._settings.user or "").encode(), user)

    def _split(self, credentials: str) -> tuple[bytes, bytes]:
        """The user (empty for a bearer token) and the secret."""
        if self._settings.kind == "bearer":
            return b"", credentials.encode("utf-8", "surrogateescape")  # the very bytes that came
        try:
            user, _, password = base64.b64decode(credentials, validate=True).partition(b":")
        except (binascii.Error, ValueError):
            return b"", b""
        return user, password


def protect(surfaces: Mapping[str, AuthSettings], clock: Clock) -> Middleware:
    """A middleware that guards paths by the longest prefix given; other paths are open. Who gave wrong credentials too
    often has to wait until others are looked at, right ones included: guessing takes its time."""
    gates = [(prefix, Gate(surfaces[prefix])) for prefix in sorted(surfaces, key=len, reverse=True)]
    failures = RateLimit(FAILURES_PER_S, FAILURES_AT_ONCE)

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        gate = next((gate for prefix, gate in gates if _below(request.path, prefix)), None)
        if gate is None or gate.open:
            return await handler(request)
        credentials, origin, now = request.headers.get("Authorization"), origin_of(request.remote), clock.monotonic()
        if credentials is not None and (wait_s := failures.wait_s(origin, now)):
            raise web.HTTPTooManyRequests(headers={"Retry-After": str(math.ceil(wait_s))})
        if not gate.admits(credentials):
            if credentials is not None:
                failures.take(origin, now)
            raise web.HTTPUnauthorized(headers={"WWW-Authenticate": gate.challenge})
        return await handler(request)

    return middleware


def _below(path: str, prefix: str) -> bool:
    return path == prefix or path.startswith(prefix.rstrip("/") + "/")
