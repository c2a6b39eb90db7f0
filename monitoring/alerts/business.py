"""The protocol's own figures move as they should not."""

from __future__ import annotations

from monitoring import thresholds as limit
from monitoring.model import Alert, Group

_BOARD = "usdx-business"
_SUCCESS = "max(usdx_business_metrics_last_success_timestamp_seconds)"


def _fell(metric: str, ratio: float, window: str) -> str:
    return f"max({metric}) < {1 - ratio:g} * max({metric} offset {window})"


GROUP = Group(
    "usdx-business",
    (
        Alert(
            "TVLDropped",
            "warning",
            "business",
            "5m",
            _fell("usdx_total_value_locked", limit.TVL_DROP_RATIO, "1h"),
            "Total value locked fell to {{ $value | humanize }} USD",
            f"Total value locked is more than {limit.TVL_DROP_RATIO:.0%} below that of one hour ago.",
            _BOARD,
        ),
        Alert(
            "NoDepositsDetected",
            "warning",
            "business",
            "10m",
            f"time() - max(usdx_last_deposit_timestamp_seconds) > {limit.NO_DEPOSITS_S}"
            f" or (absent(usdx_last_deposit_timestamp_seconds) and on () {_SUCCESS})",
            "Nobody has deposited for a while",
            f"The newest deposit is more than {limit.NO_DEPOSITS_S // 3600} hours old, or there is none at all.",
            _BOARD,
        ),
        Alert(
            "LowActiveWexels",
            "info",
            "business",
            "15m",
            _fell("usdx_active_wexels_count", limit.ACTIVE_WEXELS_DROP_RATIO, "24h"),
            "Active wexels fell to {{ $value | humanize }}",
            f"The number of active wexels is more than {limit.ACTIVE_WEXELS_DROP_RATIO:.0%} below that of a day ago.",
            _BOARD,
        ),
        Alert(
            "NoTradesDetected",
            "info",
            "business",
            "10m",
            f"time() - max(usdx_last_trade_timestamp_seconds) > {limit.NO_TRADES_S}",
            "Nobody has traded for {{ $value | humanizeDuration }}",
            f"The newest trade on the marketplace is more than {limit.NO_TRADES_S // 3600} hours old.",
            _BOARD,
        ),
        Alert(
            "BusinessMetricsStale",
            "warning",
            "business",
            "1m",
            f"time() - {_SUCCESS} > {limit.BUSINESS_STALE_S}",
            "Business metrics are {{ $value | humanizeDuration }} old",
            f"No refresh has left all business metrics younger than {limit.BUSINESS_STALE_S // 60} minutes; at least "
            "one of the figures shown is old.",
            _BOARD,
        ),
        Alert(
            "BusinessFigureStale",
            "warning",
            "business",
            "1m",
            "time() - max by (gauge) (usdx_business_figure_last_success_timestamp_seconds)"
            " > on (gauge) max by (gauge) (usdx_business_figure_max_age_seconds)",
            "{{ $labels.gauge }} is {{ $value | humanizeDuration }} old",
            "{{ $labels.gauge }} still shows its last good value, which is older than three of its periods: its query "
            "fails, or it is not asked.",
            _BOARD,
        ),
        Alert(
            "BusinessFigureMissing",
            "warning",
            "business",
            "15m",
            "group by (gauge) (usdx_business_figure_max_age_seconds)"
            " unless on (gauge) group by (gauge) (usdx_business_figure_last_success_timestamp_seconds)",
            "{{ $labels.gauge }} has never had a value",
            "{{ $labels.gauge }} is declared in metrics.toml, and its query has never succeeded.",
            _BOARD,
        ),
        Alert(
            "UndercollateralizedLoans",
            "warning",
            "business",
            "10m",
            "max(usdx_loans_collateral_value_usd) / (max(usdx_total_loans_outstanding_usd) > 0)"
            f" < {limit.COLLATERAL_RATIO}",
            "Open loans are covered only {{ $value | humanizePercentage }}",
            f"The collateral of all open loans is worth less than {limit.COLLATERAL_RATIO:.0%} of them.",
            _BOARD,
        ),
        Alert(
            "MetricsInconsistent",
            "info",
            "business",
            "15m",
            "abs(sum(max by (chain, pool) (usdx_pool_value_locked_usd)) / (max(usdx_total_value_locked) > 0) - 1)"
            f" > {limit.POOL_SUM_ERROR_RATIO}",
            "The pools do not add up to the total value locked",
            "The sum of the value locked per pool differs from the total by {{ $value | humanizePercentage }}: one of "
            "the two queries is wrong.",
            _BOARD,
        ),
    ),
)
