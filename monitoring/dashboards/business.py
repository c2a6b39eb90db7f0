"""How is the protocol doing?"""

from __future__ import annotations

from monitoring import thresholds as limit
from monitoring.dashboards import overview
from monitoring.dashboards.model import Board, Panel, Query, Row, one

BOARD = Board(
    "usdx-business",
    "Business",
    "Value, deposits, trades and loans, and how fresh the figures are.",
    (
        Row(
            "Value",
            (
                overview.TVL,
                overview.WEXELS,
                overview.USERS,
                overview.LOANS,
                Panel(
                    "Value locked by pool",
                    "What each pool holds, in US dollars; the pools add up to the total value locked.",
                    one("max by (chain, pool) (usdx_pool_value_locked_usd{@})", "{{chain}} pool {{pool}}"),
                    unit="currencyUSD",
                    stacked=True,
                    width=24,
                ),
            ),
        ),
        Row(
            "Activity",
            (
                Panel(
                    "Deposits an hour",
                    "Deposits committed from live blocks.",
                    one("sum by (chain) (increase(usdx_deposits_total{@}[1h]))", "{{chain}}"),
                    kind="bars",
                ),
                Panel(
                    "Deposit volume an hour",
                    "US dollars deposited, from live blocks.",
                    one("sum by (chain) (increase(usdx_deposits_volume_usd_total{@}[1h]))", "{{chain}}"),
                    unit="currencyUSD",
                    kind="bars",
                ),
                Panel(
                    "Trades an hour",
                    "Sales on the marketplace, from live blocks.",
                    one("sum by (chain) (increase(usdx_marketplace_trades_total{@}[1h]))", "{{chain}}"),
                    kind="bars",
                ),
                Panel(
                    "Trade volume an hour",
                    "US dollars paid on the marketplace, from live blocks.",
                    one("sum by (chain) (increase(usdx_marketplace_volume_usd_total{@}[1h]))", "{{chain}}"),
                    unit="currencyUSD",
                    kind="bars",
                ),
                Panel(
                    "Since the last deposit",
                    "NoDepositsDetected fires at the red line.",
                    one("time() - max by (chain) (usdx_last_deposit_timestamp_seconds{@})", "{{chain}}"),
                    unit="s",
                    bad=limit.NO_DEPOSITS_S,
                ),
                Panel(
                    "Since the last trade",
                    "NoTradesDetected fires at the red line.",
                    one("time() - max by (chain) (usdx_last_trade_timestamp_seconds{@})", "{{chain}}"),
                    unit="s",
                    bad=limit.NO_TRADES_S,
                ),
            ),
        ),
        Row(
            "Loans",
            (
                Panel(
                    "Loans and their collateral",
                    "Principal of open loans, and what backs them.",
                    (
                        Query("max(usdx_total_loans_outstanding_usd{@})", "loans"),
                        Query("max(usdx_loans_collateral_value_usd{@})", "collateral"),
                    ),
                    unit="currencyUSD",
                ),
                Panel(
                    "Cover of open loans",
                    "Collateral per dollar lent. UndercollateralizedLoans fires below the red line.",
                    one(
                        "max(usdx_loans_collateral_value_usd{@}) / (max(usdx_total_loans_outstanding_usd{@}) > 0)",
                        "cover",
                    ),
                    unit="percentunit",
                    bad=limit.COLLATERAL_RATIO,
                    low_is_bad=True,
                ),
            ),
        ),
        Row(
            "Freshness of these figures",
            (
                Panel(
                    "Age of the business metrics",
                    "Of the oldest figure. BusinessMetricsStale fires at the red line.",
                    one("time() - max(usdx_business_metrics_last_success_timestamp_seconds{@})", "age"),
                    unit="s",
                    bad=limit.BUSINESS_STALE_S,
                ),
                Panel(
                    "Age of each figure",
                    "A figure whose query fails keeps its last good value; BusinessFigureStale fires at three periods.",
                    one(
                        "time() - max by (gauge) (usdx_business_figure_last_success_timestamp_seconds{@})", "{{gauge}}"
                    ),
                    unit="s",
                ),
                Panel(
                    "Failed queries of a figure",
                    "Attempts in the last hour at which the figure's own query failed.",
                    one("sum by (gauge) (increase(usdx_business_figure_errors_total{@}[1h]))", "{{gauge}}"),
                    kind="bars",
                ),
                Panel(
                    "Duration of a refresh",
                    "One transaction with every query in it.",
                    one("max(usdx_business_metrics_last_duration_seconds{@})", "duration"),
                    unit="s",
                ),
            ),
        ),
    ),
)
