"""Laws of the log."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from shared import log
from shared.metrics import Registry
from shared.settings import LogSettings


@pytest.fixture(autouse=True)
def _restore() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    structlog.reset_defaults()
    logging.captureWarnings(False)
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.fixture
def stream() -> io.StringIO:
    return io.StringIO()


def _configure(stream: io.StringIO, registry: Registry | None = None, level: str = "info", shape: str = "auto") -> None:
    settings = LogSettings.model_validate({"level": level, "format": shape})
    log.configure(settings, "indexer", registry, ["hunter2"], stream)


def _lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_json_when_no_person_looks(stream: io.StringIO) -> None:
    """Without a terminal a record is one line of JSON with time, level and service."""
    _configure(stream)
    structlog.get_logger().bind(chain="base").warning("reorg", depth_blocks=2)
    (line,) = _lines(stream)
    assert line.pop("timestamp").endswith("Z")
    assert line == {
        "message": "reorg",
        "level": "warning",
        "service": "indexer",
        "chain": "base",
        "depth_blocks": 2,
    }


def test_readable_when_asked_for(stream: io.StringIO) -> None:
    """On a terminal a record is for the eye."""
    _configure(stream, shape="console")
    structlog.get_logger().info("committed", block=17)
    assert "committed" in stream.getvalue()
    assert "block=17" in stream.getvalue()
    assert not stream.getvalue().startswith("{")


def test_below_the_level_nothing_is_written(stream: io.StringIO) -> None:
    """The configured level holds for both kinds of loggers."""
    _configure(stream, level="warning")
    structlog.get_logger().info("quiet")
    logging.getLogger("aiohttp").info("quiet")
    assert stream.getvalue() == ""


def test_the_standard_library_is_routed(stream: io.StringIO) -> None:
    """Libraries' records look like ours, with the logger's name and the traceback."""
    _configure(stream)
    try:
        raise ValueError("boom hunter2")
    except ValueError:
        logging.getLogger("aiohttp.server").exception("failed on %s", "https://u:p@host/key")
    (line,) = _lines(stream)
    assert line["message"] == "failed on https://***@host/***"
    assert (line["logger"], line["level"], line["service"]) == ("aiohttp.server", "error", "indexer")
    assert "ValueError: boom ***" in line["exception"]


def test_a_traceback_is_kept(stream: io.StringIO) -> None:
    """An exception is logged with where it came from."""
    _configure(stream)
    try:
        raise KeyError("x")
    except KeyError:
        structlog.get_logger().exception("died")
    assert "KeyError: 'x'" in _lines(stream)[0]["exception"]


@pytest.mark.parametrize(
    "fields",
    [
        {"event_": "x", "url": "postgresql://usdx:hunter2@db/usdx"},
        {"note": "asked https://rpc.example/v2/hunter2"},
        {"note": "hunter2"},
        {"token": "anything-hunter"},
        {"deep": {"password": "pw-hunter", "list": ["hunter2", {"x": "hunter2"}]}},
        {"error": ValueError("refused by https://rpc.example/hunter2")},
        {"headers": "Authorization: Bearer hunter2x"},
    ],
)
@pytest.mark.parametrize("shape", ["json", "console"])
def test_no_secret_is_logged(stream: io.StringIO, fields: dict[str, Any], shape: str) -> None:
    """In any field, at any depth, in either shape."""
    _configure(stream, shape=shape)
    structlog.get_logger().info("asked", **fields)
    assert "hunter" not in stream.getvalue()
    assert "***" in stream.getvalue()


def test_records_are_counted_by_level(stream: io.StringIO, registry: Registry) -> None:
    """Every level exists at 0; records of libraries count too."""
    _configure(stream, registry)
    assert registry.value("usdx_log_messages_total", level="critical") == 0
    structlog.get_logger().info("one")
    structlog.get_logger().error("two")
    logging.getLogger("x").error("three")
    assert registry.value("usdx_log_messages_total", level="info") == 1
    assert registry.value("usdx_log_messages_total", level="error") == 2


def test_configuring_twice_writes_once(stream: io.StringIO) -> None:
    """A second configuration replaces the first."""
    _configure(io.StringIO())
    _configure(stream)
    logging.getLogger("x").error("once")
    assert len(_lines(stream)) == 1


def test_a_recovering_database_writes_no_tracebacks(stream: io.StringIO) -> None:
    """What asyncpg's pool tries again by itself is told by us, in one line; its own traceback is not."""
    _configure(stream)
    try:
        raise ConnectionError("the database system is in recovery mode")
    except ConnectionError:
        logging.getLogger("asyncpg.pool").warning("Failed to restore the pool connection floor", exc_info=True)
    assert _lines(stream) == []
