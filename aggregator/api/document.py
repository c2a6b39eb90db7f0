"""Serve the OpenAPI document, as JSON and as a page to read."""

from collections.abc import Sequence
from html import escape
from typing import Any

import msgspec
from aiohttp import web

from aggregator.api.openapi import document
from aggregator.api.operation import Operation


class Document:
    """The document of a set of operations; it never changes while the process lives."""

    def __init__(self, operations: Sequence[Operation], version: str, base: str, auth: str) -> None:
        self.value = document(operations, version, base, auth)
        self._json = msgspec.json.encode(self.value)
        self._page = page_of(self.value).encode()

    async def json(self, request: web.Request) -> web.Response:
        """GET /api/v1/openapi.json."""
        return web.Response(body=self._json, content_type="application/json")

    async def page(self, request: web.Request) -> web.Response:
        """GET /api/v1/docs."""
        return web.Response(body=self._page, content_type="text/html", charset="utf-8")


def page_of(document: dict[str, Any]) -> str:
    """The document as HTML without scripts."""
    return escape(str(document["info"]))
