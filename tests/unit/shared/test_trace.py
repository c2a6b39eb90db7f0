"""A request is the same one in its caller's trace, in our log and in the exemplar of its latency."""

from __future__ import annotations

import aiohttp
import pytest
import structlog
from aiohttp import web

from shared import http
from shared.clock import system_clock
from shared.health import Health
from shared.metrics import Registry
from shared.trace import trace_id

GIVEN = "4bf92f3577b34da6a3ce929d0e0e4736"


@pytest.mark.parametrize("parent", [None, "", "nonsense", f"00-{'0' * 32}-{'1' * 16}-01", f"00-{GIVEN[:-1]}-00-01"])
def test_a_caller_without_a_trace_gets_one(parent: str | None) -> None:
    """Whatever the header holds, there is an id, and no two are the same."""
    first, second = trace_id(parent), trace_id(parent)
    assert len(first) == 32
    assert first != second


async def test_one_id_from_the_caller_to_log_and_exemplar() -> None:
    """The trace id of `traceparent` stands in every line logged meanwhile and beside the latency."""
    registry, seen = Registry(), []

    async def handler(request: web.Request) -> web.Response:
        seen.append(structlog.contextvars.get_contextvars()["trace_id"])
        return web.Response()

    app = http.app(registry, Health(registry, system_clock()))
    app.router.add_get("/hello", handler)
    async with http.serve(app, "127.0.0.1", 0) as port, aiohttp.ClientSession() as session:
        url = f"http://127.0.0.1:{port}"
        async with session.get(f"{url}/hello", headers={"traceparent": f"00-{GIVEN}-00f067aa0ba902b7-01"}) as answer:
            assert answer.status == 200
        async with session.get(f"{url}/metrics", headers={"Accept": "application/openmetrics-text"}) as answer:
            text = await answer.text()
    assert seen == [GIVEN]
    assert f'trace_id="{GIVEN}"' in text
    assert "trace_id" not in structlog.contextvars.get_contextvars()
