"""One look says whether all is well."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from aggregator.figures import together
from aggregator.status.gather import title_of
from aggregator.status.judge import (
    duration,
    judge_alerts,
    judge_chain,
    judge_feed,
    judge_figure,
    judge_worker,
    sorted_concerns,
    verdict_of,
)
from aggregator.status.model import (
    AlertStatus,
    ChainStatus,
    Concern,
    FeedStatus,
    FigureStatus,
    Phase,
    WorkerStatus,
)
from shared.protocol import GaugeSpec

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def ago(seconds: float) -> datetime:
    return NOW - timedelta(seconds=seconds)


def chain(lag_s: float | None, phase: Phase = "following", undecoded: int = 0) -> ChainStatus:
    at = None if lag_s is None else ago(lag_s)
    return ChainStatus("base", phase, 1, at, 1, 30.0, 1.0, 1.0, None, None, 0, undecoded)


def feed(age_s: float | None, result: str = "fresh", required: bool = True) -> FeedStatus:
    at = None if age_s is None else ago(age_s)
    return FeedStatus("ETH/USD", "1", result, "spread", "x", at, 60.0, required, "1", 3, 0)  # type: ignore[arg-type]


def levels(concerns: object) -> list[str]:
    return [one.level for one in concerns]  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (chain(5), []),
        (chain(31), ["attention"]),
        (chain(181), ["trouble"]),
        (chain(1000, "catching up"), ["note"]),
        (chain(5, "halted"), ["trouble"]),
        (chain(None, "unknown"), ["attention"]),
        (chain(5, undecoded=2), ["attention"]),
    ],
)
def test_chains(status: ChainStatus, expected: list[str]) -> None:
    """A chain may lag as far as its threshold, is in trouble at six times that, and may take its time to catch up."""
    assert levels(judge_chain(status, NOW)) == expected


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (feed(5), []),
        (feed(61), ["trouble"]),
        (feed(61, required=False), ["attention"]),
        (feed(5, "refused"), ["trouble"]),
        (feed(5, "cached"), ["attention"]),
        (feed(None), ["trouble"]),
    ],
)
def test_feeds(status: FeedStatus, expected: list[str]) -> None:
    """A required feed that is silent or refused is trouble, another one asks for attention."""
    assert levels(judge_feed(status, NOW)) == expected


def test_figures() -> None:
    """A figure is late after three periods; a query that fails is named."""
    good = FigureStatus("g", "G", "", "", "1", [], ago(20), 10.0, None)
    late = FigureStatus("g", "G", "", "", "1", [], ago(60), 10.0, None)
    broken = FigureStatus("g", "G", "", "", "1", [], ago(5), 10.0, "no such table")
    assert [levels(judge_figure(one, NOW)) for one in (good, late, broken)] == [[], ["attention"], ["attention"]]
    assert "no such table" in next(iter(judge_figure(broken, NOW))).text


def test_workers_and_alerts() -> None:
    """A worker that is down and a critical alert are trouble; a watchdog that fell silent asks for attention."""
    assert levels(judge_worker(WorkerStatus("indexer", "a:1", False, "refused", 0.1))) == ["trouble"]
    alert = AlertStatus("f", "X", "critical", "indexer", "words", NOW, None)
    assert levels(judge_alerts([alert], None, NOW)) == ["trouble"]
    assert levels(judge_alerts([], ago(301), NOW)) == ["attention"]
    assert levels(judge_alerts([], None, NOW)) == []


def test_verdict() -> None:
    """The worst decides; notes alone are well."""
    trouble, attention, note = (Concern(level, "x", "y") for level in ("trouble", "attention", "note"))  # type: ignore[arg-type]
    assert verdict_of([note], {}) == ("well", "All is well.")
    assert verdict_of([attention, note], {}) == ("attention", "One thing to look at.")
    assert verdict_of([trouble, attention], {}) == ("trouble", "One thing is broken, one thing more to look at.")
    assert verdict_of([trouble, trouble], {})[1] == "2 things are broken."
    assert (
        verdict_of([trouble], {"trouble": 1518, "attention": 2})[1]
        == "1,519 things are broken, 2 things more to look at."
    )
    assert sorted_concerns([note, trouble, attention]) == [trouble, attention, note]


def test_words() -> None:
    """Names and durations are written for people."""
    assert title_of("usdx_total_loans_outstanding_usd") == "Total loans outstanding"
    assert title_of("usdx_last_deposit_timestamp_seconds") == "Last deposit"
    assert [duration(s) for s in (3, 119, 300, 9000, 200_000)] == ["3 s", "119 s", "5 min", "2.5 h", "2.3 d"]


@pytest.mark.parametrize(("unit", "value"), [("usd", "1.3"), ("ratio", "0.7"), ("seconds", "0.7")])
def test_a_figure_is_folded_by_its_kind(unit: str, value: str) -> None:
    """Amounts add up; of ratios and times the largest counts."""
    assert str(together([Decimal("0.6"), Decimal("0.7")], GaugeSpec("x", "", unit, (), "", 1, 1).fold)) == value


def test_no_digit_is_lost() -> None:
    """A sum of amounts has every digit of them."""
    large, small = Decimal("12345678901.123456789012345678"), Decimal("0.000000000000000001")
    assert str(together([large, small], "sum")) == "12345678901.123456789012345679"
