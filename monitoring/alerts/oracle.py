"""A price is old, missing, doubtful or moving strangely."""

from __future__ import annotations

from monitoring import thresholds as limit
from monitoring.model import Alert, Group

_BOARD = "usdx-oracle"
_ERRORS = "sum(rate(usdx_oracle_errors_total[5m]))"
_FETCHES = "sum(rate(usdx_oracle_fetches_total[5m]))"
_MEDIAN = "max by (asset) (usdx_oracle_median_price%s)"

GROUP = Group(
    "usdx-oracle",
    (
        Alert(
            "OraclePriceUpdateFailures",
            "critical",
            "oracle",
            "5m",
            f"{_ERRORS} > {limit.ORACLE_ERRORS_PER_S} or {_ERRORS} / ({_FETCHES} > 0) > {limit.ORACLE_ERROR_RATIO}",
            "Price sources keep failing",
            f"For five minutes fetches failed more than {limit.ORACLE_ERRORS_PER_S} times a second, or more than "
            f"{limit.ORACLE_ERROR_RATIO:.0%} of them did.",
            _BOARD,
        ),
        Alert(
            "OraclePriceStale",
            "critical",
            "oracle",
            "1m",
            "asset:usdx_oracle_price_age_seconds:min > on (asset) max by (asset) (usdx_oracle_heartbeat_seconds)",
            "The price of {{ $labels.asset }} is {{ $value | humanizeDuration }} old",
            "No price of {{ $labels.asset }} was published within its heartbeat. The observations say why: "
            "/api/v1/prices/{{ $labels.asset }}-USD/explain.",
            _BOARD,
        ),
        Alert(
            "OraclePriceMissing",
            "critical",
            "oracle",
            "5m",
            "group by (asset) (usdx_oracle_heartbeat_seconds) unless on (asset)"
            " group by (asset) (usdx_oracle_last_update_timestamp_seconds)",
            "{{ $labels.asset }} has had no price since the oracle started",
            "{{ $labels.asset }} is configured, and no price of it was published since the oracle started.",
            _BOARD,
        ),
        Alert(
            "OracleQuorumLost",
            "critical",
            "oracle",
            "1m",
            "min by (asset) (usdx_oracle_sources_healthy - usdx_oracle_sources_required) < 0",
            "Too few sources agree on {{ $labels.asset }}",
            "Fewer independent sources of {{ $labels.asset }} than its quorum have been usable for one minute; no "
            "price is published meanwhile.",
            _BOARD,
        ),
        Alert(
            "OracleCircuitBreakerOpen",
            "critical",
            "oracle",
            "0m",
            "max by (asset) (usdx_oracle_circuit_breaker_open) == 1",
            "Publication of {{ $labels.asset }} is held back",
            "The price of {{ $labels.asset }} jumped further than its guard allows. The guard lets go by itself when "
            "the new price insists or the old one has expired.",
            _BOARD,
        ),
        Alert(
            "OracleSourceFailing",
            "warning",
            "oracle",
            "10m",
            f"source:usdx_oracle_errors_per_fetch:ratio_rate5m > {limit.ORACLE_ERROR_RATIO}",
            "Source {{ $labels.source }} fails {{ $value | humanizePercentage }} of the time",
            f"More than {limit.ORACLE_ERROR_RATIO:.0%} of the fetches from {{{{ $labels.source }}}} failed for ten "
            "minutes.",
            _BOARD,
        ),
        Alert(
            "OraclePriceDeviation",
            "warning",
            "oracle",
            "5m",
            f"max by (asset) (usdx_oracle_deviation_ratio) > {limit.PRICE_DEVIATION_RATIO}",
            "A source of {{ $labels.asset }} is {{ $value | humanizePercentage }} off the median",
            f"For five minutes a source of {{{{ $labels.asset }}}} was more than {limit.PRICE_DEVIATION_RATIO:.0%} off "
            "the median of all.",
            _BOARD,
        ),
        Alert(
            "OraclePriceJump",
            "warning",
            "oracle",
            "0m",
            f"abs({_MEDIAN % ''} / {_MEDIAN % ' offset 5m'} - 1) > {limit.PRICE_JUMP_RATIO}",
            "{{ $labels.asset }} moved by {{ $value | humanizePercentage }} in five minutes",
            f"The published price of {{{{ $labels.asset }}}} is more than {limit.PRICE_JUMP_RATIO:.0%} away from "
            "that of five minutes ago.",
            _BOARD,
            keep_firing="10m",
        ),
        Alert(
            "StablecoinDepeg",
            "warning",
            "oracle",
            "10m",
            f'abs(max by (asset) (usdx_oracle_median_price{{asset=~"{"|".join(limit.STABLECOINS)}"}}) - 1)'
            f" > {limit.DEPEG_RATIO}",
            "{{ $labels.asset }} is {{ $value | humanizePercentage }} off one dollar",
            f"{{{{ $labels.asset }}}} has been more than {limit.DEPEG_RATIO:.0%} away from one dollar for ten minutes.",
            _BOARD,
        ),
    ),
)
