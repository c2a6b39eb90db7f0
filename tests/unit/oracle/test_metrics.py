"""What the oracle says of itself in numbers."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from oracle.aggregate import Good, Memory
from oracle.desk import Exchange
from oracle.metrics import FAMILIES, ExchangeMetrics, RoundMetrics, States, StreamState, restore, watch
from oracle.model import Fetched, Pair, Quote, Refused, Round
from oracle.plan import AskPerson, AskVenue, FeedPlan, Plan
from oracle.pulse import status_line, word
from oracle.reasons import Reason
from shared.metrics import Registry
from tests.unit.oracle.feeds import ETH_USD, MOMENT, NOW_S, feed, later, observe, quote, terms

D = Decimal


def plan_of(count: int = 1, **limits: Any) -> Plan:
    feeds = []
    for i in range(count):
        pair = ETH_USD if i == 0 else Pair(f"A{i}", "USD")
        of = feed("a", "b", terms("manual", standing="manual", timing="update"), pair=pair, **limits)
        asks = {"a": AskVenue("a", "X"), "b": AskVenue("b", "X"), "manual": AskPerson(pair)}
        feeds.append(FeedPlan(of, asks, 5, 2, 60, True))
    return Plan(tuple(feeds), {})


def taken(
    plan: Plan, prices: dict[str, Any], memory: Memory | None = None, moment: Any = MOMENT
) -> tuple[Round, Memory]:
    seen, memory = observe(plan.feeds[0].feed, prices, memory, moment)
    seen = replace(seen, published=seen.result == "fresh")
    outcomes: dict[str, Quote | Refused] = {
        name: Refused(price, "") if isinstance(price, Reason) else quote(name, 1) for name, price in prices.items()
    }
    return Round(seen, tuple(Fetched(n, o, 0.1) for n, o in outcomes.items()), 0.2, missed_ticks=2), memory


def test_counters_exist_at_zero_and_gauges_without_truth_do_not() -> None:
    """Every known label set of a counter is there from the start; a price is absent until there is one."""
    registry = Registry()
    RoundMetrics(registry, plan_of())
    value = registry.value
    assert value("usdx_oracle_errors_total", source="a", kind="timeout") == 0
    assert value("usdx_oracle_updates_total", asset="ETH", source="b") == 0
    assert value("usdx_oracle_rejected_prices_total", asset="ETH", reason="stale") == 0
    assert value("usdx_oracle_refused_rounds_total", asset="ETH", reason="quorum") == 0
    assert value("usdx_oracle_rounds_total", asset="ETH", result="cached") == 0
    assert value("usdx_oracle_heartbeat_seconds", asset="ETH") == 60
    assert value("usdx_oracle_sources_required", asset="ETH") == 1
    assert value("usdx_oracle_max_jump_bps", asset="ETH") == 3000
    for name in ("median_price", "last_update_timestamp_seconds", "sources_healthy", "deviation_ratio"):
        assert value(f"usdx_oracle_{name}", asset="ETH") is None
    assert value("usdx_oracle_price", asset="ETH", source="a") is None


def test_a_round_in_numbers() -> None:
    """Prices, times, spread, groups and counters of one round."""
    registry, plan = Registry(), plan_of()
    metrics = RoundMetrics(registry, plan)
    stated = quote("a", 2000, time_s=NOW_S - 7)
    one, memory = taken(plan, {"a": stated, "b": 2010, "manual": Reason.EXPIRED})
    metrics.observe(one)
    value = registry.value
    assert value("usdx_oracle_price", asset="ETH", source="a") == 2000
    assert value("usdx_oracle_price_timestamp_seconds", asset="ETH", source="a") == NOW_S - 7
    assert value("usdx_oracle_price_received_timestamp_seconds", asset="ETH", source="a") == NOW_S
    assert value("usdx_oracle_median_price", asset="ETH") == 2005
    assert value("usdx_oracle_last_update_timestamp_seconds", asset="ETH") == NOW_S
    assert value("usdx_oracle_spread_bps", asset="ETH") == pytest.approx(49.875, abs=0.001)
    assert value("usdx_oracle_deviation_ratio", asset="ETH") == pytest.approx(0.00249, abs=0.0001)
    assert value("usdx_oracle_sources_healthy", asset="ETH") == 2
    assert value("usdx_oracle_confidence_ratio", asset="ETH") == 0.7
    assert value("usdx_oracle_errors_total", source="manual", kind="expired") is None
    assert value("usdx_oracle_rejected_prices_total", asset="ETH", reason="expired") == 1
    assert value("usdx_oracle_fetches_total", source="a") == 1
    assert value("usdx_oracle_missed_ticks_total", asset="ETH") == 2
    again, _ = taken(plan, {"a": stated, "b": 2010, "manual": Reason.EXPIRED}, memory, later(5))
    metrics.observe(again)
    assert value("usdx_oracle_price_changed_timestamp_seconds", asset="ETH", source="a") == NOW_S


def test_a_refused_round_in_numbers() -> None:
    """A jump opens the breaker; the published price and its time stay what they were; the reason is counted."""
    registry, plan = Registry(), plan_of()
    metrics = RoundMetrics(registry, plan)
    first, memory = taken(plan, {"a": 2000, "b": 2000, "manual": Reason.EXPIRED})
    metrics.observe(first)
    second, memory = taken(plan, {"a": 2900, "b": 2900, "manual": Reason.EXPIRED}, memory, later(5))
    metrics.observe(second)
    value = registry.value
    assert value("usdx_oracle_circuit_breaker_open", asset="ETH") == 1
    assert value("usdx_oracle_median_price", asset="ETH") == 2000
    assert value("usdx_oracle_last_update_timestamp_seconds", asset="ETH") == NOW_S
    assert value("usdx_oracle_refused_rounds_total", asset="ETH", reason="jump") == 1
    assert value("usdx_oracle_rounds_total", asset="ETH", result="cached") == 1
    assert value("usdx_oracle_sources_used", asset="ETH") == 0
    third, _ = taken(plan, {"a": 2000, "b": Reason.TIMEOUT, "manual": Reason.EXPIRED}, memory, later(10))
    metrics.observe(third)
    assert value("usdx_oracle_circuit_breaker_open", asset="ETH") == 0
    assert value("usdx_oracle_sources_healthy", asset="ETH") == 1


def test_dropped_prices_are_counted_by_reason() -> None:
    """A price that was fetched and not used counts as rejected, not as an error."""
    registry, plan = Registry(), plan_of()
    metrics = RoundMetrics(registry, plan)
    metrics.observe(taken(plan, {"a": -1, "b": 5, "manual": Reason.SEQUENCER_DOWN})[0])
    assert registry.value("usdx_oracle_rejected_prices_total", asset="ETH", reason="non_positive") == 1
    assert registry.value("usdx_oracle_rejected_prices_total", asset="ETH", reason="sequencer_down") == 1
    errors = [v for n, labels, v in registry.samples() if n == "usdx_oracle_errors_total"]
    assert sum(errors) == 0


def test_feeds_beyond_the_cap_are_counted_together() -> None:
    """A thousand feeds do not make a thousand times as many series."""
    registry = Registry()
    RoundMetrics(registry, plan_of(200))
    assets = {labels["asset"] for _, labels, _ in registry.samples() if "asset" in labels}
    assert len(assets) == 65
    assert "other" in assets


def test_requests_and_waits() -> None:
    """What waited for a budget is counted with its seconds."""
    registry = Registry()
    metrics = ExchangeMetrics(registry, ["kraken"])
    metrics.observe(Exchange("kraken", 3, 0.1, 0.0, None))
    metrics.observe(Exchange("kraken", 3, 0.1, 0.75, None))
    assert registry.value("usdx_oracle_requests_total", source="kraken") == 2
    assert registry.value("usdx_oracle_rate_limit_waits_total", source="kraken") == 1
    assert registry.value("usdx_oracle_rate_limit_wait_seconds_total", source="kraken") == 0.75


def test_states_are_read_at_the_scrape() -> None:
    """Streams, pauses and the journal are looked at when asked, twice the same; a restart tells the last update."""
    registry = Registry()
    states = States(
        desks=lambda: {"kraken": (1.5, 0.5)},
        streams=lambda: {"okx": StreamState(True, 123.0), "gate": StreamState(False, None)},
        journal=lambda: (7, 1),
    )
    watch(registry, states)
    restore(registry, {ETH_USD: (Memory(good=Good(D(5), D("0.9"), 99.0, 98.0, ("a",))), True)})
    for _ in range(2):
        assert registry.value("usdx_oracle_stream_up", source="okx") == 1
        assert registry.value("usdx_oracle_stream_last_message_timestamp_seconds", source="gate") is None
        assert registry.value("usdx_oracle_source_paused_seconds", source="kraken") == 1.5
        assert registry.value("usdx_oracle_rounds_waiting") == 7
        assert registry.value("usdx_oracle_rounds_lost_total") == 1
    assert registry.value("usdx_oracle_last_update_timestamp_seconds", asset="ETH") == 99
    assert len({family.name for family in FAMILIES}) == len(FAMILIES)


def test_the_status_line() -> None:
    """Status first: READY with prices and ages, or how many are silent and why."""
    plan = plan_of(2)
    fresh, memory = observe(plan.feeds[0].feed, {"a": "2000.123", "b": "2000.123", "manual": Reason.EXPIRED})
    silent, _ = observe(plan.feeds[1].feed, {"a": Reason.TIMEOUT, "b": Reason.TIMEOUT, "manual": Reason.EXPIRED})
    now_s = NOW_S + 1
    good, bad = word(plan.feeds[0], fresh, NOW_S, now_s), word(plan.feeds[1], silent, None, now_s)
    assert good.speaks
    assert not bad.speaks
    assert bad.detail.startswith("no update yet, refused: no_quotes")
    assert status_line([good], {ETH_USD: fresh}, now_s) == "READY 1 feed ETH/USD 2000.12 age 1s"
    line = status_line([good, bad], {ETH_USD: fresh, bad.pair: silent}, now_s)
    assert line == "WAITING 1 of 2 feeds silent: A1/USD no_quotes"
    optional = word(replace(plan.feeds[1], required=False), silent, None, now_s)
    assert status_line([good, optional], {ETH_USD: fresh}, now_s).startswith("READY 2 feeds")
    assert not word(plan.feeds[0], None, None, now_s).speaks
    assert not word(plan.feeds[0], fresh, NOW_S, NOW_S + 60.1).speaks
    assert memory.good is not None
