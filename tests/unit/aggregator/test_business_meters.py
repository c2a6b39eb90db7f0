"""What the aggregator says of the freshness of its business figures."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from types import SimpleNamespace
from typing import Any, cast

import pytest

from aggregator.business import UnusableAnswer, figures_of
from aggregator.everything import Everything
from aggregator.metrics import Meters
from aggregator.model import Fetched, Figure, Reading, Refresh, Sweep, Target
from aggregator.wiring import Rooms
from shared.clock import system_clock
from shared.errors import DatabaseUnavailable
from shared.health import Health
from shared.metrics import Registry
from shared.protocol import GaugeSpec
from shared.runtime import Stop

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
SUCCESS = "usdx_business_metrics_last_success_timestamp_seconds"


def gauge(name: str, period_s: float = 300.0, labels: tuple[str, ...] = (), unit: str = "") -> GaugeSpec:
    return GaugeSpec(name, "Help.", unit, labels, "select 1 as value", period_s, 5.0)


def meters(registry: Registry, *gauges: GaugeSpec) -> Meters:
    return Meters(registry, {one.name: one for one in gauges})


def reading(age_s: float = 0.0) -> Reading:
    return Reading(NOW - timedelta(seconds=age_s), (Figure((), Decimal(1)),))


def refresh(ages_s: dict[str, float], asked: Sequence[str], broken: Sequence[str] = (), took_s: float = 1.0) -> Refresh:
    readings = {name: reading(age_s) for name, age_s in ages_s.items()}
    return Refresh(readings, tuple(asked), dict.fromkeys(broken, "no"), NOW, took_s)


def results(registry: Registry) -> dict[str, float | None]:
    name = "usdx_business_metrics_refreshes_total"
    return {one: registry.value(name, result=one) for one in ("success", "partial", "failure")}


def test_the_oldest_figure_counts(registry: Registry) -> None:
    """One broken gauge makes the figures old, however young the others are; each says its own age and limit."""
    found = meters(registry, gauge("usdx_a"), gauge("usdx_b"))
    found.refreshed(refresh({"usdx_a": 3 * 86400, "usdx_b": 0}, ["usdx_a", "usdx_b"], broken=["usdx_a"]))
    assert registry.value(SUCCESS) == NOW.timestamp() - 3 * 86400
    own = "usdx_business_figure_last_success_timestamp_seconds"
    assert registry.value(own, gauge="usdx_a") == NOW.timestamp() - 3 * 86400
    assert registry.value(own, gauge="usdx_b") == NOW.timestamp()
    assert registry.value("usdx_business_figure_max_age_seconds", gauge="usdx_a") == 900


def test_a_figure_may_be_as_old_as_its_period(registry: Registry) -> None:
    """A gauge that is asked once an hour does not make those of five minutes look old, until it is overdue itself."""
    found = meters(registry, gauge("usdx_slow", 3600.0), gauge("usdx_quick", 300.0))
    found.refreshed(refresh({"usdx_slow": 3000, "usdx_quick": 10}, ["usdx_quick"]))
    assert registry.value(SUCCESS) == NOW.timestamp() - 10
    found.refreshed(refresh({"usdx_slow": 5000, "usdx_quick": 10}, ["usdx_quick"]))
    assert registry.value(SUCCESS) == NOW.timestamp() - (5000 - 3300)


def test_a_broken_gauge_asked_again_is_no_failed_refresh(registry: Registry) -> None:
    """What is counted is how all gauges stand after a refresh; a second attempt at one does not set the duration."""
    found = meters(registry, gauge("usdx_a"), gauge("usdx_b"))
    found.refreshed(refresh({"usdx_a": 0}, ["usdx_a", "usdx_b"], ["usdx_b"], took_s=2.0))
    for _ in range(6):
        found.refreshed(refresh({"usdx_a": 0}, ["usdx_b"], ["usdx_b"], took_s=0.01))
    assert results(registry) == {"success": 0, "partial": 7, "failure": 0}
    assert registry.value("usdx_business_metrics_last_duration_seconds") == 2.0
    assert registry.value("usdx_business_figure_errors_total", gauge="usdx_b") == 7
    found.refreshed(refresh({"usdx_a": 0, "usdx_b": 0}, ["usdx_b"], took_s=0.01))
    assert results(registry) == {"success": 1, "partial": 7, "failure": 0}
    found.refreshed(refresh({"usdx_a": 9, "usdx_b": 9}, ["usdx_a", "usdx_b"], ["usdx_a", "usdx_b"]))
    assert results(registry) == {"success": 1, "partial": 7, "failure": 1}


async def test_a_refresh_that_fails_whole_is_counted(registry: Registry) -> None:
    """When the database is away nothing is read, and that is a failure."""
    stop = Stop()

    async def fail() -> Refresh:
        stop.set()
        raise DatabaseUnavailable("away")

    found = meters(registry, gauge("usdx_a"))
    business = SimpleNamespace(refresh=fail, gauges={"usdx_a": gauge("usdx_a")})
    clock = system_clock()
    worker = SimpleNamespace(health=Health(registry, clock), clock=clock)
    rooms = Rooms(found, cast(Any, business), *cast(Any, [None] * 5))
    await rooms.tasks(cast(Any, worker))["business"](stop)
    assert results(registry) == {"success": 0, "partial": 0, "failure": 1}


def pools(count: int, unit: str = "usd") -> tuple[GaugeSpec, list[dict[str, object]]]:
    rows: list[dict[str, object]] = [{"chain": "base", "pool": str(n), "value": n} for n in reversed(range(count))]
    return gauge("usdx_pools", labels=("chain", "pool"), unit=unit), rows


@pytest.mark.parametrize("count", [64, 65, 1024, 1025, 3000])
def test_any_number_of_pools_adds_up(registry: Registry, count: int) -> None:
    """As many pools as their cap have series of their own, the first by number; the rest is one series `other`, is
    counted, and lacks in no sum. What is kept is bounded, too."""
    spec, rows = pools(count)
    figures = figures_of(spec, rows)
    assert len(figures) <= 1025
    meters(registry, spec).refreshed(Refresh({spec.name: Reading(NOW, figures)}, (spec.name,), {}, NOW))
    exposed = [(labels["pool"], value) for name, labels, value in registry.samples() if name == spec.name]
    assert sum(value for _, value in exposed) == sum(range(count))
    assert [pool for pool, _ in exposed if pool != "other"] == [str(n) for n in range(64)]
    assert (registry.value("usdx_metrics_label_overflow_total", label="pool") or 0) >= min(1, count - 64)


def test_times_do_not_add_up() -> None:
    """Of times that are folded the newest stays."""
    assert figures_of(*pools(1030, unit="seconds"))[-1] == Figure(("other", "other"), Decimal(1029))


def test_a_lost_worker_is_not_hidden_by_those_before_it(registry: Registry) -> None:
    """However often workers have moved, each of those there are now has a series; one that is down says nothing of
    samples, and those that are gone leave nothing behind."""
    found = meters(registry)
    for number in range(40):
        found.fetched(fetched(f"10.0.0.{number}:9101", up=False))
        found.swept(Sweep(float(number), (fetched(f"10.0.0.{number}:9101", up=False),)))
        registry.exposition()
    found.fetched(fetched("10.0.1.1:9101", up=True))
    found.merged(Everything("", {"indexer@10.0.1.1:9101": 7}, 0, 0))
    found.swept(Sweep(98.0, (fetched("10.0.1.1:9101", up=True),)))
    assert registry.value("usdx_aggregator_merged_samples", target="indexer@10.0.1.1:9101") == 7
    lost = fetched("10.0.1.1:9101", up=False)
    found.fetched(lost)
    found.swept(Sweep(99.0, (lost, fetched("10.0.1.2:9101", up=True))))
    up = [
        (labels["target"], value) for name, labels, value in registry.samples() if name == "usdx_aggregator_target_up"
    ]
    assert up == [("indexer@10.0.1.1:9101", 0.0), ("indexer@10.0.1.2:9101", 1.0)]
    assert registry.value("usdx_aggregator_merged_samples", target="indexer@10.0.1.1:9101") is None
    errors = {
        target: registry.value("usdx_aggregator_fetch_errors_total", target=target, kind="connect") for target, _ in up
    }
    assert errors == {"indexer@10.0.1.1:9101": 1, "indexer@10.0.1.2:9101": 0}


def fetched(instance: str, *, up: bool) -> Fetched:
    target = Target("indexer", instance, f"http://{instance}/metrics")
    return Fetched(target, 0.1, {}) if up else Fetched(target, 0.1, None, "connect", "refused")


def test_a_label_is_never_null() -> None:
    """A row whose label is null is no figure of anything; the message names gauge and label."""
    with pytest.raises(UnusableAnswer, match="usdx_a: the label pool"):
        figures_of(gauge("usdx_a", labels=("chain", "pool")), [{"chain": "x", "pool": None, "value": 1}])


@pytest.mark.parametrize("value", ["1e309", "-1e400", "NaN", "Infinity"])
def test_a_figure_is_finite(value: str) -> None:
    """A value that a scrape could only call infinite is refused."""
    with pytest.raises(UnusableAnswer, match="finite"):
        figures_of(gauge("usdx_a"), [{"value": Decimal(value)}])
