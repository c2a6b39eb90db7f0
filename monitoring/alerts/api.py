"""Requests fail or take too long."""

from __future__ import annotations

from monitoring import thresholds as limit
from monitoring.model import Alert, Group

_BOARD = "usdx-api"


def _errors(ratio: float) -> str:
    return (
        f"service:usdx_http_errors_per_request:ratio_rate5m > {ratio}"
        f" and service:usdx_http_requests:rate5m > {limit.TRAFFIC_FLOOR_RPS}"
    )


GROUP = Group(
    "usdx-api",
    (
        Alert(
            "HighErrorRate",
            "critical",
            None,
            "5m",
            _errors(limit.ERROR_RATIO),
            "{{ $value | humanizePercentage }} of the requests to {{ $labels.service }} fail",
            f"More than {limit.ERROR_RATIO:.0%} of the requests to {{{{ $labels.service }}}} were answered with a 5xx "
            "status for five minutes.",
            _BOARD,
        ),
        Alert(
            "ElevatedErrorRate",
            "warning",
            None,
            "10m",
            _errors(limit.ELEVATED_ERROR_RATIO),
            "{{ $value | humanizePercentage }} of the requests to {{ $labels.service }} fail",
            f"More than {limit.ELEVATED_ERROR_RATIO:.0%} of the requests to {{{{ $labels.service }}}} were answered "
            "with a 5xx status for ten minutes.",
            _BOARD,
        ),
        Alert(
            "HighResponseTime",
            "warning",
            None,
            "5m",
            f"service:usdx_http_request_duration_seconds:p95_rate5m > {limit.RESPONSE_TIME_P95_S}",
            "{{ $labels.service }} answers slowly: p95 is {{ $value | humanizeDuration }}",
            f"The 95th percentile of the response time of {{{{ $labels.service }}}} was above "
            f"{limit.RESPONSE_TIME_P95_S} s for five minutes.",
            _BOARD,
        ),
    ),
)
