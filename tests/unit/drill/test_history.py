"""A history is told to Prometheus as promtool tells it to itself."""

from __future__ import annotations

import pytest

from demo.drill.faults import FAULTS
from demo.drill.history import expanded, openmetrics, samples, seconds
from demo.drill.outcome import Outcome
from demo.drill.replay import plays
from demo.drill.run import planned
from monitoring import alerts, slo
from monitoring.histories import Case
from shared.errors import ConfigError


@pytest.mark.parametrize(
    ("notation", "values"),
    [
        ("1", [1.0]),
        ("1x2", [1.0, 1.0, 1.0]),
        ("1+2x3", [1.0, 3.0, 5.0, 7.0]),
        ("0-0.5x2", [0.0, -0.5, -1.0]),
        ("-9x1", [-9.0, -9.0]),
        ("1 _ 2x1", [1.0, None, 2.0, 2.0]),
        ("_x2 3", [None, None, 3.0]),
    ],
)
def test_the_notation_is_promtools(notation: str, values: list[float | None]) -> None:
    """`a+bxn` is n more samples a step of b apart; `_` is a missing one."""
    assert expanded(notation) == values


def test_durations_are_summed() -> None:
    """1h15m is 4,500 seconds."""
    assert [seconds(text) for text in ("15s", "1h15m", "2d")] == [15, 4500, 172800]


def test_the_past_ends_now_and_timestamps_move_with_it() -> None:
    """The case's `at` is now, nothing lies in the future, and a point in time keeps its distance to it."""
    case = Case("X", True, {'up{job="a"}': "1x9", "x_timestamp_seconds": "0x9"}, "1m", "a law")
    found = list(samples(case, 10_000.0))
    assert max(at_s for _, at_s, _ in found) == 10_000.0
    assert {value for name, _, value in found if name.startswith("x_")} == {9_940.0}
    text = openmetrics(found)
    assert text.endswith("# EOF\n")
    assert 'up{job="a"} 1.0 10000.000' in text


def test_every_rule_has_a_play() -> None:
    """Nothing that is shipped goes undrilled."""
    assert [play.alert for play in plays()] == [*alerts.ALERTS, *slo.ALERTS]
    assert {name for fault in FAULTS for name, _ in fault.raises} <= {alert.name for alert in alerts.ALERTS}


def test_a_name_that_is_no_alert_is_refused() -> None:
    """A misspelt alert is not drilled silently as nothing."""
    with pytest.raises(ConfigError, match="ServiceDwon"):
        planned(["ServiceDwon"])


@pytest.mark.parametrize(
    "change",
    [{"fired_s": None}, {"reached": ("webhook",)}, {"resolved_s": None}, {"unexpected": ("DeepReorg",)}],
    ids=lambda change: next(iter(change)),
)
def test_a_miss_or_a_false_alarm_fails(change: dict[str, object]) -> None:
    """A drill passes only when the alert fired, reached everyone, resolved, and stayed alone."""
    good = {
        "fired_s": 1.0,
        "expected": ("webhook", "slack-info"),
        "reached": ("webhook", "slack-info"),
        "resolved_s": 2.0,
    }
    assert Outcome("X", "history", **good).ok  # type: ignore[arg-type]
    assert not Outcome("X", "history", **(good | change)).ok  # type: ignore[arg-type]
