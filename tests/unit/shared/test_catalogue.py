"""The families of the shared rooms are those of the documented catalogue."""

from __future__ import annotations

import pytest

from shared import build, db, health, http, log, metrics, runtime, tls
from shared.metrics import DATABASE, LATENCY, LOOP, Family

DOCUMENTED = (
    Family(
        "usdx_http_requests_total",
        "counter",
        "HTTP requests completed, by route template and status code.",
        ("method", "route", "status"),
    ),
    Family(
        "usdx_http_request_duration_seconds",
        "histogram",
        "HTTP request latency by route template.",
        ("method", "route"),
        "seconds",
        LATENCY,
    ),
    Family("usdx_http_requests_in_progress", "gauge", "HTTP requests being served."),
    Family("usdx_db_queries_total", "counter", "Database statements executed.", ("operation", "table")),
    Family(
        "usdx_db_query_duration_seconds",
        "histogram",
        "Database statement latency.",
        ("operation", "table"),
        "seconds",
        DATABASE,
    ),
    Family("usdx_db_errors_total", "counter", "Database statements failed, by error class.", ("operation", "kind")),
    Family("usdx_db_pool_connections", "gauge", "Pool connections by state.", ("state",)),
    Family("usdx_db_pool_max_connections", "gauge", "Configured pool size."),
    Family(
        "usdx_db_pool_acquire_duration_seconds",
        "histogram",
        "Time spent waiting for a pool connection.",
        (),
        "seconds",
        DATABASE,
    ),
    Family("usdx_build_info", "info", "Build information.", ("version", "revision", "python")),
    Family(
        "usdx_worker_heartbeat_timestamp_seconds",
        "gauge",
        "Time the loop last completed an iteration.",
        ("loop",),
        "seconds",
    ),
    Family(
        "usdx_worker_heartbeat_max_age_seconds",
        "gauge",
        "Configured maximum heartbeat age of the loop.",
        ("loop",),
        "seconds",
    ),
    Family("usdx_worker_loop_errors_total", "counter", "Loop iterations that ended with an exception.", ("loop",)),
    Family("usdx_worker_task_restarts_total", "counter", "Supervised task restarts.", ("task",)),
    Family("usdx_event_loop_lag_seconds", "histogram", "Delay of a 1 s asyncio timer.", (), "seconds", LOOP),
    Family("usdx_log_messages_total", "counter", "Log records emitted by level.", ("level",)),
    Family("usdx_dependency_up", "gauge", "1 when the dependency probe succeeds.", ("dependency",)),
    Family(
        "usdx_metrics_label_overflow_total",
        "counter",
        'Label values folded into "other" by the cardinality guard.',
        ("label",),
    ),
    Family(
        "usdx_tls_certificate_not_after_timestamp_seconds",
        "gauge",
        "Expiry time of the served TLS certificate.",
        ("endpoint",),
        "seconds",
    ),
)
DECLARED = {
    family.name: family for room in (build, db, health, http, log, metrics, runtime, tls) for family in room.FAMILIES
}


@pytest.mark.parametrize("family", DOCUMENTED, ids=lambda family: family.name)
def test_a_documented_family_is_declared_so(family: Family) -> None:
    """Name, kind, help, labels, unit and buckets are a contract with dashboards and rules."""
    assert DECLARED[family.name] == family


def test_nothing_else_is_declared() -> None:
    """Every family of the shared rooms is documented."""
    assert set(DECLARED) == {family.name for family in DOCUMENTED}


def test_bucket_tables() -> None:
    """The buckets contain the thresholds of the alerts and objectives: 3 s, 500 ms and 1 s."""
    assert LATENCY == (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 3, 5, 10)
    assert DATABASE == (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5)
    assert LOOP == (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5)
