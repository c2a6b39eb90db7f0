"""Postgres is away, slow, failing or crowded."""

from __future__ import annotations

from monitoring import thresholds as limit
from monitoring.model import Alert, Group

_BOARD = "usdx-database"

GROUP = Group(
    "usdx-database",
    (
        Alert(
            "DatabaseDown",
            "critical",
            None,
            "1m",
            'max by (service) (usdx_dependency_up{dependency="postgres"}) == 0',
            "{{ $labels.service }} cannot reach Postgres",
            "No replica of {{ $labels.service }} has reached Postgres for one minute. Nothing is lost: cursors move "
            "only with their rows.",
            _BOARD,
        ),
        Alert(
            "SlowDatabaseQueries",
            "warning",
            None,
            "5m",
            f"service:usdx_db_query_duration_seconds:p95_rate5m > {limit.QUERY_TIME_P95_S}",
            "Queries of {{ $labels.service }} are slow: p95 is {{ $value | humanizeDuration }}",
            f"The 95th percentile of the statements of {{{{ $labels.service }}}} was above {limit.QUERY_TIME_P95_S} s "
            "for five minutes.",
            _BOARD,
        ),
        Alert(
            "DatabaseErrors",
            "warning",
            None,
            "5m",
            "sum by (service) (rate(usdx_db_errors_total[5m]))"
            f" / (sum by (service) (rate(usdx_db_queries_total[5m])) > 0) > {limit.DATABASE_ERROR_RATIO}",
            "{{ $value | humanizePercentage }} of the statements of {{ $labels.service }} fail",
            f"More than {limit.DATABASE_ERROR_RATIO:.0%} of the statements of {{{{ $labels.service }}}} failed for "
            "five minutes.",
            _BOARD,
        ),
        Alert(
            "DatabasePoolExhausted",
            "warning",
            None,
            "5m",
            'usdx_db_pool_connections{state="used"} / on (instance, job, service) usdx_db_pool_max_connections'
            f" > {limit.POOL_USED_RATIO}",
            "{{ $labels.service }} uses {{ $value | humanizePercentage }} of its connections",
            f"More than {limit.POOL_USED_RATIO:.0%} of the connection pool of {{{{ $labels.instance }}}} was in use "
            "for five minutes; statements wait for a connection.",
            _BOARD,
        ),
    ),
)
