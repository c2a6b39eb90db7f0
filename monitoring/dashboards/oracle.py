"""Can the prices be trusted, and if not, why?"""

from __future__ import annotations

from monitoring import thresholds as limit
from monitoring.dashboards.model import ASSET, Board, Panel, Query, Row, one

_A = '{@,asset=~"$asset"}'

BOARD = Board(
    "usdx-oracle",
    "Oracle",
    "Prices by source, their age, agreement, quorum and refusals.",
    (
        Row(
            "Prices",
            (
                Panel(
                    "Price by source and published",
                    "What each source said, and what was made of it.",
                    (
                        Query(f"max by (asset, source) (usdx_oracle_price{_A})", "{{asset}} {{source}}"),
                        Query(f"max by (asset) (usdx_oracle_median_price{_A})", "{{asset}} published"),
                    ),
                    unit="currencyUSD",
                    least=None,
                    width=24,
                ),
                Panel(
                    "Age and heartbeat",
                    "Since the last published price; OraclePriceStale fires above the heartbeat.",
                    (
                        Query(
                            f"time() - max by (asset) (usdx_oracle_last_update_timestamp_seconds{_A})", "{{asset}} age"
                        ),
                        Query(f"max by (asset) (usdx_oracle_heartbeat_seconds{_A})", "{{asset}} heartbeat"),
                    ),
                    unit="s",
                ),
                Panel(
                    "Largest deviation from the median",
                    "OraclePriceDeviation fires at the red line.",
                    one(f"max by (asset) (usdx_oracle_deviation_ratio{_A})", "{{asset}}"),
                    unit="percentunit",
                    bad=limit.PRICE_DEVIATION_RATIO,
                ),
            ),
        ),
        Row(
            "Sources",
            (
                Panel(
                    "Sources used and required",
                    "OracleQuorumLost fires when fewer are used than required.",
                    (
                        Query(f"min by (asset) (usdx_oracle_sources_healthy{_A})", "{{asset}} used"),
                        Query(f"max by (asset) (usdx_oracle_sources_required{_A})", "{{asset}} required"),
                    ),
                ),
                Panel(
                    "Age of each source's price",
                    "By the venue's own time, or that of receipt where it tells none.",
                    one(
                        f"time() - max by (asset, source) (usdx_oracle_price_timestamp_seconds{_A})",
                        "{{asset}} {{source}}",
                    ),
                    unit="s",
                ),
                Panel(
                    "Refused prices a second",
                    "By the reason that also stands in the log and in the database.",
                    one(
                        f"sum by (asset, reason) (rate(usdx_oracle_rejected_prices_total{_A}[$__rate_interval]))",
                        "{{asset}} {{reason}}",
                    ),
                    unit="ops",
                    stacked=True,
                ),
                Panel(
                    "Share of failed fetches",
                    "OracleSourceFailing fires at the red line.",
                    one("source:usdx_oracle_errors_per_fetch:ratio_rate5m", "{{source}}"),
                    unit="percentunit",
                    bad=limit.ORACLE_ERROR_RATIO,
                ),
                Panel(
                    "Duration of a fetch (p95)",
                    "By source.",
                    one(
                        "histogram_quantile(0.95, sum by (source, le)"
                        " (rate(usdx_oracle_fetch_duration_seconds_bucket{@}[$__rate_interval])))",
                        "{{source}}",
                    ),
                    unit="s",
                ),
                Panel(
                    "Held back",
                    "1 while a guard holds back the price of an asset.",
                    one(f"max by (asset) (usdx_oracle_circuit_breaker_open{_A})", "{{asset}}"),
                    bad=1,
                ),
            ),
        ),
    ),
    (ASSET,),
)
