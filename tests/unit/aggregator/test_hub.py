"""Who listens to the stream, seen from within."""

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request

from aggregator.stream.hub import Hub
from tests.fakes.clock import Hands


async def test_who_leaves_at_once_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """A client that is gone before the first byte is sent to it listens no more, and is no failure of ours."""

    async def gone(response: web.StreamResponse, request: web.BaseRequest) -> None:
        raise ConnectionResetError

    monkeypatch.setattr(web.StreamResponse, "prepare", gone)
    counts: list[int] = []
    hub = Hub(Hands().clock(), counts.append, lambda: None)
    response = await hub.handle(make_mocked_request("GET", "/api/v1/stream"))
    assert (response.status, counts) == (200, [1, 0])
