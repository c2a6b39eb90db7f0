"""Are requests answered, rightly and soon?"""

from __future__ import annotations

from monitoring import thresholds as limit
from monitoring.dashboards import overview
from monitoring.dashboards.model import Board, Panel, Query, Row, one

_DURATION = "sum by (%s) (rate(usdx_http_request_duration_seconds_bucket{@}[$__rate_interval]))"

BOARD = Board(
    "usdx-api",
    "API",
    "Rate, errors and duration of every route.",
    (
        Row(
            "Rate and errors",
            (
                Panel(
                    "Requests a second",
                    "By route template; unknown paths share one label.",
                    one("sum by (route) (rate(usdx_http_requests_total{@}[$__rate_interval])) > 0", "{{route}}"),
                    unit="reqps",
                    stacked=True,
                ),
                Panel(
                    "Answers a second by status",
                    "All routes together.",
                    one("sum by (status) (rate(usdx_http_requests_total{@}[$__rate_interval]))", "{{status}}"),
                    unit="reqps",
                    stacked=True,
                ),
                overview.ERRORS,
                Panel(
                    "In progress",
                    "Requests being served.",
                    one("sum by (instance) (usdx_http_requests_in_progress{@})", "{{instance}}"),
                ),
            ),
        ),
        Row(
            "Duration",
            (
                overview.LATENCY,
                Panel(
                    "p95 by route",
                    "The line is where HighResponseTime fires for the whole service.",
                    one(f"histogram_quantile(0.95, {_DURATION % 'route, le'}) >= 0", "{{route}}"),
                    unit="s",
                    bad=limit.RESPONSE_TIME_P95_S,
                ),
                Panel(
                    "Distribution",
                    "How many requests took how long.",
                    one(_DURATION % "le", "{{le}}"),
                    unit="s",
                    kind="heatmap",
                ),
                Panel(
                    "Slowest routes",
                    "Mean duration over five minutes, slowest first.",
                    (
                        Query(
                            "topk(10, sum by (route) (rate(usdx_http_request_duration_seconds_sum{@}[5m]))"
                            " / (sum by (route) (rate(usdx_http_request_duration_seconds_count{@}[5m])) > 0))",
                            "{{route}}",
                        ),
                    ),
                    unit="s",
                    kind="table",
                ),
            ),
        ),
    ),
)
