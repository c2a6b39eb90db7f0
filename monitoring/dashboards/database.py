"""Is Postgres fast, free and faultless?"""

from __future__ import annotations

from monitoring import thresholds as limit
from monitoring.dashboards.model import Board, Panel, Query, Row, one

_DURATION = "sum by (table, le) (rate(usdx_db_query_duration_seconds_bucket{@}[$__rate_interval]))"

BOARD = Board(
    "usdx-database",
    "Database",
    "Statements, errors and connections, as the workers see them.",
    (
        Row(
            "Statements",
            (
                Panel(
                    "Statements a second",
                    "By operation.",
                    one("sum by (operation) (rate(usdx_db_queries_total{@}[$__rate_interval]))", "{{operation}}"),
                    unit="ops",
                    stacked=True,
                ),
                Panel(
                    "p95 by service",
                    "SlowDatabaseQueries fires at the red line.",
                    one("service:usdx_db_query_duration_seconds:p95_rate5m", "{{service}}"),
                    unit="s",
                    bad=limit.QUERY_TIME_P95_S,
                ),
                Panel(
                    "p95 by table",
                    "Which table is slow.",
                    one(f"histogram_quantile(0.95, {_DURATION}) >= 0", "{{table}}"),
                    unit="s",
                ),
                Panel(
                    "Failed statements a second",
                    "By the class of the error.",
                    one("sum by (kind) (rate(usdx_db_errors_total{@}[$__rate_interval]))", "{{kind}}"),
                    unit="ops",
                    stacked=True,
                ),
            ),
        ),
        Row(
            "Connections",
            (
                Panel(
                    "Connections in use",
                    "Share of the pool; DatabasePoolExhausted fires at the red line.",
                    one(
                        'usdx_db_pool_connections{@,state="used"} / on (instance, job, service)'
                        " usdx_db_pool_max_connections{@}",
                        "{{instance}}",
                    ),
                    unit="percentunit",
                    bad=limit.POOL_USED_RATIO,
                ),
                Panel(
                    "Waiting for a connection (p95)",
                    "How long a statement waits for a free connection.",
                    one(
                        "histogram_quantile(0.95, sum by (service, le)"
                        " (rate(usdx_db_pool_acquire_duration_seconds_bucket{@}[$__rate_interval])))",
                        "{{service}}",
                    ),
                    unit="s",
                ),
                Panel(
                    "Reachable",
                    "1 when the worker reaches Postgres.",
                    (Query('min by (service) (usdx_dependency_up{@,dependency="postgres"})', "{{service}}"),),
                    kind="stat",
                    low_is_bad=True,
                    bad=1,
                    width=24,
                    height=4,
                ),
            ),
        ),
    ),
)
