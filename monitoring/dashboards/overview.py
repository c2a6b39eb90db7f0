"""Is all well? The first page for everyone."""

from __future__ import annotations

from monitoring import thresholds as limit
from monitoring.dashboards.model import Board, Panel, Query, Row, one

TVL = Panel(
    "Total value locked",
    "What all pools hold, in US dollars, as of the last refresh of the business metrics.",
    one("max(usdx_total_value_locked{@})", "TVL"),
    unit="currencyUSD",
    kind="stat",
    width=6,
    height=6,
)
WEXELS = Panel(
    "Wexels",
    "Active wexels, and how many of them are locked as collateral.",
    (
        Query("max(usdx_active_wexels_count{@})", "active"),
        Query("max(usdx_collateralized_wexels_count{@})", "collateralized"),
    ),
    kind="stat",
    width=6,
    height=6,
)
USERS = Panel(
    "Users",
    "Distinct addresses that ever held a wexel.",
    one("max(usdx_total_users_count{@})", "users"),
    kind="stat",
    width=6,
    height=6,
)
LOANS = Panel(
    "Outstanding loans",
    "Principal of all open loans, in US dollars.",
    one("max(usdx_total_loans_outstanding_usd{@})", "loans"),
    unit="currencyUSD",
    kind="stat",
    width=6,
    height=6,
)
DEPOSITS = Panel(
    "Deposits by pool",
    "Deposits committed from live blocks, per pool, in the last hour.",
    one("sum by (chain, pool) (increase(usdx_deposits_total{@}[1h]))", "{{chain}} pool {{pool}}"),
    kind="bars",
    stacked=True,
)
ERRORS = Panel(
    "API error rate",
    "Share of requests answered with a 5xx status. The line is where HighErrorRate fires.",
    one("service:usdx_http_errors_per_request:ratio_rate5m", "{{service}}"),
    unit="percentunit",
    warn=limit.ELEVATED_ERROR_RATIO,
    bad=limit.ERROR_RATIO,
)
LATENCY = Panel(
    "API response time",
    "95th and 99th percentile. The line is where HighResponseTime fires.",
    (
        Query("service:usdx_http_request_duration_seconds:p95_rate5m", "{{service}} p95"),
        Query("service:usdx_http_request_duration_seconds:p99_rate5m", "{{service}} p99"),
    ),
    unit="s",
    bad=limit.RESPONSE_TIME_P95_S,
)
LAG = Panel(
    "Indexer lag",
    "Age of the newest committed block. It grows by itself while the indexer stands still.",
    one("max by (chain) (usdx_indexer_lag_seconds{@})", "{{chain}}"),
    unit="s",
    kind="gauge",
    warn=300,
    bad=300 * limit.CRITICAL_LAG_FACTOR,
)
EVENTS = Panel(
    "Events processed",
    "Events decoded and committed a second, by type.",
    one("sum by (chain, type) (rate(usdx_indexer_events_processed_total{@}[$__rate_interval]))", "{{chain}} {{type}}"),
    unit="ops",
    stacked=True,
)
PRICES = Panel(
    "Oracle prices",
    "The published price of each asset.",
    one("max by (asset) (usdx_oracle_median_price{@})", "{{asset}}"),
    unit="currencyUSD",
    least=None,
)
BUDGETS = Panel(
    "Objectives over the last hour",
    "Share of the last hour, or of its requests, that met each objective.",
    one("1 - max by (slo) (slo:usdx_error:ratio_rate1h)", "{{slo}}"),
    unit="percentunit",
    kind="stat",
    low_is_bad=True,
    warn=0.999,
    bad=0.99,
    width=24,
    height=4,
    decimals=2,
)
FIRING = Panel(
    "Firing alerts",
    "Every alert that fires now. The watchdog always does: without it, alerting is broken.",
    one('sum by (alertname, severity, service, chain, asset) (ALERTS{alertstate="firing"})', "{{alertname}}"),
    kind="table",
    width=24,
    height=6,
)

BOARD = Board(
    "usdx-overview",
    "Overview",
    "One look: the business, the API, the indexer, the oracle, and what fires.",
    (
        Row("Objectives", (BUDGETS,)),
        Row("Business", (TVL, WEXELS, USERS, LOANS, DEPOSITS, PRICES)),
        Row("Service", (ERRORS, LATENCY, LAG, EVENTS)),
        Row("Alerts", (FIRING,)),
    ),
)
