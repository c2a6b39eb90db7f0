"""Serve the page itself: files that never change while the process lives, with the headers that fence them in."""

import gzip
import hashlib
from importlib.resources import files

from aiohttp import web

from shared.negotiate import matches, takes_gzip

KINDS = {
    "index.html": "text/html; charset=utf-8",
    "status.css": "text/css; charset=utf-8",
    "docs.css": "text/css; charset=utf-8",
    "elements.js": "text/javascript; charset=utf-8",
    "curves.js": "text/javascript; charset=utf-8",
    "cards.js": "text/javascript; charset=utf-8",
    "lists.js": "text/javascript; charset=utf-8",
    "status.js": "text/javascript; charset=utf-8",
    "uplot/uPlot.iife.min.js": "text/javascript; charset=utf-8",
    "uplot/uPlot.min.css": "text/css; charset=utf-8",
    "uplot/LICENSE": "text/plain; charset=utf-8",
    "icon.svg": "image/svg+xml",
}
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


class Asset:
    """One file of the page."""

    def __init__(self, name: str) -> None:
        self._plain = files("aggregator.status").joinpath("web", name).read_bytes()
        self._zipped = gzip.compress(self._plain, 9, mtime=0)
        self._tag = hashlib.sha256(self._plain).hexdigest()[:24]
        self._kind = KINDS[name]

    async def handle(self, request: web.Request) -> web.Response:
        """GET."""
        zipped = takes_gzip(request.headers.get("Accept-Encoding", ""))
        etag = f'"{self._tag}{"-gzip" if zipped else ""}"'  # each coding is a representation of its own
        headers = {"Content-Type": self._kind, "ETag": etag, "Cache-Control": "no-cache", "Vary": "Accept-Encoding"}
        if matches(request.headers.get("If-None-Match", ""), etag):
            return web.Response(status=304, headers=headers)
        if zipped:
            return web.Response(body=self._zipped, headers=headers | {"Content-Encoding": "gzip"})
        return web.Response(body=self._plain, headers=headers)


def routes() -> list[web.RouteDef]:
    """`/` and what it loads."""
    found = [web.get(f"/assets/{name}", Asset(name).handle) for name in KINDS if name != "index.html"]
    return [web.get("/", Asset("index.html").handle), *found]


async def fence(request: web.Request, response: web.StreamResponse) -> None:
    """A signal handler that puts the usual headers on every response."""
    headers = response.headers
    headers.setdefault("Content-Security-Policy", POLICY)
    headers["X-Content-Type-Options"] = "nosniff"
    headers["Referrer-Policy"] = "no-referrer"
    headers["X-Frame-Options"] = "DENY"
    headers["Cross-Origin-Opener-Policy"] = "same-origin"
    headers["Cross-Origin-Resource-Policy"] = "same-origin"
    headers["Permissions-Policy"] = "camera=(), geolocation=(), microphone=()"
    if request.secure:
        headers["Strict-Transport-Security"] = "max-age=31536000"
