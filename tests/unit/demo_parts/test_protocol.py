"""The wexel protocol's folder offers the promised metrics."""

from demo.contracts_build import ROOT
from shared import protocol

# Rows 1-5 and 10-13, then 6-9, of the metric catalogue: name → (labels, help).
GAUGES = {
    "usdx_total_value_locked": ((), "Total value locked across all pools in US dollars."),
    "usdx_active_wexels_count": ((), "Wexels in state active."),
    "usdx_total_users_count": ((), "Distinct user addresses ever seen."),
    "usdx_collateralized_wexels_count": ((), "Wexels currently locked as collateral."),
    "usdx_total_loans_outstanding_usd": ((), "Principal of open loans in US dollars."),
    "usdx_pool_value_locked_usd": (
        ("chain", "pool"),
        "Value locked per pool in US dollars; sums to usdx_total_value_locked.",
    ),
    "usdx_last_deposit_timestamp_seconds": (("chain",), "Block timestamp of the newest deposit in the database."),
    "usdx_last_trade_timestamp_seconds": (
        ("chain",),
        "Block timestamp of the newest marketplace trade in the database.",
    ),
    "usdx_loans_collateral_value_usd": ((), "Market value of collateral backing open loans in US dollars."),
}
COUNTERS = {
    "usdx_deposits_total": ({"pool", "chain"}, "Deposit events committed from live blocks (backfill excluded)."),
    "usdx_deposits_volume_usd_total": ({"pool", "chain"}, "Deposit volume in US dollars committed from live blocks."),
    "usdx_marketplace_trades_total": ({"chain"}, "Marketplace trades committed from live blocks."),
    "usdx_marketplace_volume_usd_total": (
        {"chain"},
        "Marketplace trade volume in US dollars committed from live blocks.",
    ),
}
WEXEL = protocol.load(ROOT / "protocols" / "wexel")


def test_business_metrics_are_the_catalogues() -> None:
    """Exactly the names, labels and help texts of the catalogue, gauges every five minutes."""
    assert {gauge.name: (gauge.labels, gauge.help) for gauge in WEXEL.gauges} == GAUGES
    assert {counter.name: (set(counter.labels), counter.help) for counter in WEXEL.counters} == COUNTERS
    assert {gauge.period_s for gauge in WEXEL.gauges} == {300}


def test_volumes_count_dollars() -> None:
    """Amounts of six decimals are counted in dollars."""
    assert {counter.name: (counter.amount, counter.scale) for counter in WEXEL.counters if counter.amount} == {
        "usdx_deposits_volume_usd_total": ("principalUsd", 6),
        "usdx_marketplace_volume_usd_total": ("priceUsd", 6),
    }


def test_views_come_in_order() -> None:
    """Every promised view is there, after those it stands on."""
    assert [view.name for view in WEXEL.views] == [
        *(
            "deposits",
            "open_loans",
            "open_listings",
            "loans",
            "listings",
            "trades",
            "holdings",
            "wexels",
            "pools",
            "users",
        )
    ]
