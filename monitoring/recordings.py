"""What alerts and dashboards share, computed once."""

from __future__ import annotations

from monitoring.model import Group, Recording

_HEALTH = 'route!~"/healthz|/readyz"'  # a probe's 503 is an answer, not a failure


def _quantile(q: str, metric: str) -> str:
    return f"histogram_quantile({q}, sum by (service, le) (rate({metric}_bucket[5m])))"


SERVICES = Group(
    "usdx-recordings",
    (
        Recording(
            "service:usdx_http_requests:rate5m",
            f"sum by (service) (rate(usdx_http_requests_total{{{_HEALTH}}}[5m]))",
        ),
        Recording(
            "service:usdx_http_errors:rate5m",
            f'sum by (service) (rate(usdx_http_requests_total{{{_HEALTH},status=~"5.."}}[5m]))'
            " or 0 * service:usdx_http_requests:rate5m",
        ),
        Recording(
            "service:usdx_http_errors_per_request:ratio_rate5m",
            "service:usdx_http_errors:rate5m / (service:usdx_http_requests:rate5m > 0)",
        ),
        Recording(
            "service:usdx_http_request_duration_seconds:p95_rate5m",
            _quantile("0.95", "usdx_http_request_duration_seconds"),
        ),
        Recording(
            "service:usdx_http_request_duration_seconds:p99_rate5m",
            _quantile("0.99", "usdx_http_request_duration_seconds"),
        ),
        Recording(
            "service:usdx_db_query_duration_seconds:p95_rate5m", _quantile("0.95", "usdx_db_query_duration_seconds")
        ),
        Recording("chain:usdx_indexer_lag_seconds:min", "min by (chain) (usdx_indexer_lag_seconds)"),
        Recording(
            "asset:usdx_oracle_price_age_seconds:min",
            "min by (asset) (time() - usdx_oracle_last_update_timestamp_seconds)",
        ),
        Recording(
            "source:usdx_oracle_errors_per_fetch:ratio_rate5m",
            "(sum by (source) (rate(usdx_oracle_errors_total[5m]))"
            " or 0 * sum by (source) (rate(usdx_oracle_fetches_total[5m])))"
            " / (sum by (source) (rate(usdx_oracle_fetches_total[5m])) > 0)",
        ),
    ),
)
