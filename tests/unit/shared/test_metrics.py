"""Laws of metric families and their series."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import pytest

from shared.metrics import CAPS, DEFAULT_CAP, LOOP, Family, Registry, Sample, catalogue

EVENTS = Family("usdx_events_total", "counter", "Events.", ("chain", "type"))
PRICE = Family("usdx_price", "gauge", "Price.", ("asset",), "usd")
DURATION = Family("usdx_step_duration_seconds", "histogram", "Duration.", ("loop",), "seconds", LOOP)
BUILD = Family("usdx_build_info", "info", "Build.", ("version",))
REQUESTS = Family("usdx_requests_total", "counter", "Requests.", ("route", "status"))


def test_a_counter_starts_at_zero(registry: Registry) -> None:
    """A known series exists before its first event, so that `rate()` sees that one."""
    events = registry.counter(EVENTS)
    events.start("base", "Transfer")
    assert registry.value("usdx_events_total", chain="base", type="Transfer") == 0
    events.inc("base", "Transfer", by=3)
    assert registry.value("usdx_events_total", chain="base", type="Transfer") == 3


def test_counters_and_histograms_without_labels_exist_from_the_start(registry: Registry) -> None:
    """Nothing has to happen first."""
    registry.counter(Family("usdx_x_total", "counter", "X."))
    registry.histogram(Family("usdx_y_seconds", "histogram", "Y.", (), "seconds", LOOP))
    assert registry.value("usdx_x_total") == 0
    assert registry.value("usdx_y_seconds_count") == 0


def test_a_gauge_without_truth_is_absent(registry: Registry) -> None:
    """A gauge says nothing before it is set, and nothing after it is removed."""
    price = registry.gauge(PRICE)
    assert registry.value("usdx_price", asset="ETH") is None
    price.set(2000, "ETH")
    assert registry.value("usdx_price", asset="ETH") == 2000
    price.remove("ETH")
    assert registry.value("usdx_price", asset="ETH") is None
    price.remove("ETH")


def test_a_gauge_can_be_moved(registry: Registry) -> None:
    """`add` starts from zero."""
    price = registry.gauge(PRICE)
    price.add(2, "ETH")
    price.add(-1, "ETH")
    assert price.value("ETH") == registry.value("usdx_price", asset="ETH") == 1


FOLDED = (
    (Family("usdx_sold_total", "counter", "Sold.", ("pool",)), sum),
    (Family("usdx_held", "gauge", "Held.", ("pool",), fold="sum"), sum),
    (Family("usdx_seen", "gauge", "Seen.", ("pool",)), max),
    (Family("usdx_up", "gauge", "Up.", ("pool",), fold="min"), min),
)


@pytest.mark.parametrize(("family", "together"), FOLDED, ids=lambda one: getattr(one, "name", ""))
def test_what_is_read_past_the_cap_is_one_series(
    registry: Registry, family: Family, together: Callable[[Iterable[float]], float]
) -> None:
    """Samples that are folded into `other` are one series: amounts added up, of states the one the family asks for."""
    count = CAPS["pool"] + 3
    registry.collector(lambda: [Sample(family, float(n), (f"p{n}",)) for n in range(count)], family)
    exposed = [(name, labels["pool"]) for name, labels, _ in registry.samples() if name == family.name]
    assert len(exposed) == len(set(exposed)) == CAPS["pool"] + 1
    assert registry.value(family.name, pool="other") == together(map(float, range(CAPS["pool"], count)))
    assert registry.value("usdx_metrics_label_overflow_total", label="pool") == 2 * 3  # at each of two scrapes


def test_what_is_gone_makes_room(registry: Registry) -> None:
    """What is read at a scrape is capped by what there is, not by all there ever was."""
    up, names = Family("usdx_up", "gauge", "Up.", ("target",), fold="min"), ["a"]
    registry.collector(lambda: [Sample(up, 1.0, (name,)) for name in names], up)
    for number in range(3 * DEFAULT_CAP):
        names[:] = [f"t{number}", "b"]
        assert registry.value("usdx_up", target=f"t{number}") == registry.value("usdx_up", target="b") == 1
    assert registry.value("usdx_metrics_label_overflow_total", label="target") == 0


def test_any_number_of_label_names(registry: Registry) -> None:
    """Label names are written by us and by whoever writes a metrics.toml: there may be many, and each is watched."""
    for number in range(40):
        label = f"l{number}"
        counter = registry.counter(Family(f"usdx_c{number}_total", "counter", "C.", (label,)))
        for value in range(DEFAULT_CAP + 1):
            counter.inc(str(value))
        assert registry.value("usdx_metrics_label_overflow_total", label=label) == 1


@pytest.mark.parametrize("label", sorted(CAPS))
def test_values_past_the_cap_become_other(registry: Registry, label: str) -> None:
    """A label holds as many values as its cap; the rest is one series `other`, and is counted."""
    family = Family("usdx_capped_total", "counter", "Capped.", (label,))
    counter = registry.counter(family)
    for number in range(CAPS[label] + 7):
        counter.inc(f"v{number}")
        counter.inc(f"v{number}")
    series = [sample for sample in registry.samples() if sample[0] == "usdx_capped_total"]
    assert len(series) == CAPS[label] + 1
    assert registry.value("usdx_capped_total", **{label: "other"}) == 14
    assert registry.value("usdx_capped_total", **{label: "v0"}) == 2
    assert registry.value("usdx_metrics_label_overflow_total", label=label) == 14


@pytest.mark.parametrize("letter", ["a", "é", "中", "🙂"])
@pytest.mark.parametrize("length", [50, 51, 200, 201, 5000])
def test_a_label_is_never_too_long_for_a_scrape(registry: Registry, letter: str, length: int) -> None:
    """A value of more than 200 bytes is shortened, so that it cannot cost the scrape, and stays apart from others."""
    values = {letter * length, letter * length + "x", letter * length + "y"}
    price = registry.gauge(PRICE)
    for value in values:
        registry.counter(EVENTS).inc(value, "Named")
        price.set(1, value)
        price.add(1, value)
    shown = {labels["chain"] for name, labels, _ in registry.samples() if name == EVENTS.name}
    assert len(shown) == 3
    assert all(len(value.encode()) <= 200 for value in shown)
    assert values & shown == {value for value in values if len(value.encode()) <= 200}
    assert [price.value(value) for value in values] == [2, 2, 2]
    for value in values:
        price.remove(value)
    assert not [name for name, _, _ in registry.samples() if name == PRICE.name]


def test_gauges_and_histograms_are_capped_too(registry: Registry) -> None:
    """The cap holds for every kind of family."""
    price, duration = registry.gauge(PRICE), registry.histogram(DURATION)
    for number in range(200):
        price.set(number, f"a{number}")
        duration.observe(0.1, f"l{number}")
    names = [name for name, _, _ in registry.samples()]
    assert names.count("usdx_price") == CAPS["asset"] + 1
    assert names.count("usdx_step_duration_seconds_count") == CAPS["loop"] + 1


def test_statuses_are_capped_within_their_route(registry: Registry) -> None:
    """Twelve statuses for each route, not for all routes together."""
    requests = registry.counter(REQUESTS)
    for route in ("/a", "/b"):
        for status in range(200, 220):
            requests.inc(route, str(status))
    series = [labels for name, labels, _ in registry.samples() if name == "usdx_requests_total"]
    assert len(series) == 2 * (CAPS["status"] + 1)


def test_overflow_is_counted_from_zero(registry: Registry) -> None:
    """The overflow counter exists for every label in use before anything overflows."""
    registry.counter(EVENTS)
    assert registry.value("usdx_metrics_label_overflow_total", label="chain") == 0
    assert registry.value("usdx_metrics_label_overflow_total", label="type") == 0


def test_children_are_cached(registry: Registry) -> None:
    """The same labels give the same child."""
    assert registry.counter(EVENTS).of("base", "Sold") is registry.counter(EVENTS).of("base", "Sold")
    assert registry.histogram(DURATION).of("follow") is registry.histogram(DURATION).of("follow")


def test_a_family_is_declared_once(registry: Registry) -> None:
    """Two rooms may ask for the same family, but not for two families of the same name."""
    assert registry.counter(EVENTS) is registry.counter(EVENTS)
    with pytest.raises(ValueError, match="declared differently"):
        registry.counter(Family("usdx_events_total", "counter", "Others.", ("chain",)))


def test_a_family_keeps_its_kind(registry: Registry) -> None:
    """A gauge cannot be asked for as a counter."""
    with pytest.raises(ValueError, match="is a gauge, not a counter"):
        registry.counter(PRICE)


@pytest.mark.parametrize(("kind", "name"), [("counter", "usdx_x"), ("info", "usdx_x")])
def test_names_end_as_their_kind_demands(kind: str, name: str) -> None:
    """Counters end in _total, infos in _info."""
    with pytest.raises(ValueError, match="must end in"):
        Family(name, kind, "X.")  # type: ignore[arg-type]


def test_buckets_belong_to_histograms() -> None:
    """A histogram has buckets, nothing else has."""
    with pytest.raises(ValueError, match="buckets"):
        Family("usdx_x_seconds", "histogram", "X.")
    with pytest.raises(ValueError, match="buckets"):
        Family("usdx_x", "gauge", "X.", buckets=(1.0,))


def test_wrong_labels_are_refused(registry: Registry) -> None:
    """A series has exactly its family's labels."""
    with pytest.raises(ValueError, match="takes labels"):
        registry.counter(EVENTS).inc("base")
    with pytest.raises(ValueError, match="takes labels"):
        registry.gauge(PRICE).set(1)
    with pytest.raises(ValueError, match="takes"):
        registry.info(BUILD).set({"wrong": "1"})


def test_an_info_is_absent_until_set(registry: Registry) -> None:
    """Facts are labels of one sample of value 1."""
    info = registry.info(BUILD)
    assert registry.value("usdx_build_info", version="1") is None
    info.set({"version": "1"})
    assert registry.value("usdx_build_info", version="1") == 1


def test_state_is_read_at_scrape_time(registry: Registry) -> None:
    """A collector's samples are as old as the scrape; closed, they are gone."""
    now = [1.0]
    scraped = registry.collector(lambda: [Sample(PRICE, now[0], ("ETH",))], PRICE)
    assert registry.value("usdx_price", asset="ETH") == 1
    now[0] = 2.0
    assert registry.value("usdx_price", asset="ETH") == 2
    scraped.close()
    assert registry.value("usdx_price", asset="ETH") is None


def test_one_bad_read_costs_only_itself(registry: Registry) -> None:
    """A read that fails gives no series and is counted; everything else is in the scrape."""

    def bad() -> list[Sample]:
        raise OverflowError("date value out of range")

    registry.collector(bad, Family("usdx_bad", "gauge", "Bad."))
    good = registry.collector(lambda: [Sample(PRICE, 1.0, ("ETH",))], PRICE)
    registry.exposition()
    assert registry.value("usdx_price", asset="ETH") == 1
    assert (registry.value("usdx_metrics_read_errors_total") or 0) > 0
    good.close()


def test_scraping_twice_changes_nothing(registry: Registry) -> None:
    """An exposition is a reading, not an event."""
    registry.counter(EVENTS).inc("base", "Sold")
    registry.histogram(DURATION).observe(0.2, "follow")
    registry.gauge(PRICE).set(1, "ETH")
    assert registry.exposition() == registry.exposition()


def test_no_created_series(registry: Registry) -> None:
    """Neither format spends a series on when a child was made."""
    registry.counter(EVENTS).inc("base", "Sold")
    registry.histogram(DURATION).observe(0.2, "follow")
    assert b"_created" not in registry.exposition()
    assert b"_created" not in registry.exposition(openmetrics=True)


def test_openmetrics_says_units(registry: Registry) -> None:
    """A unit that the name ends in is said, whatever the kind, and the names stay as they are; another is not."""
    size = Family("usdx_read_bytes_total", "counter", "Size.", ("path",), "bytes")
    registry.counter(size).inc("x")
    registry.histogram(DURATION).of("x").observe(1.0)
    registry.gauge(PRICE).set(1, "ETH")
    age = Family("usdx_age_seconds", "gauge", "Age.", (), "seconds")
    registry.collector(lambda: [Sample(age, 1.0)], age)
    text = registry.exposition(openmetrics=True).decode()
    told = {line for line in text.splitlines() if line.startswith("# UNIT usdx_")}
    assert {
        "# UNIT usdx_read_bytes bytes",
        "# UNIT usdx_step_duration_seconds seconds",
        "# UNIT usdx_age_seconds seconds",
    } <= told
    assert not any("usdx_price" in line for line in told)
    assert {'usdx_read_bytes_total{path="x"} 1.0', "usdx_age_seconds 1.0", 'usdx_price{asset="ETH"} 1.0'} <= {
        *text.splitlines()
    }
    assert "# UNIT" not in registry.exposition().decode()


def test_openmetrics_carries_exemplars(registry: Registry) -> None:
    """Trace ids go to exemplars, which only OpenMetrics has."""
    registry.histogram(DURATION).observe(0.2, "follow", exemplar={"trace_id": "abc"})
    registry.counter(EVENTS).inc("base", "Sold", exemplar={"trace_id": "def"})
    text = registry.exposition(openmetrics=True)
    assert b'trace_id="abc"' in text
    assert b'trace_id="def"' in text
    assert text.endswith(b"# EOF\n")
    assert b"trace_id" not in registry.exposition()


def test_standard_families(registry: Registry) -> None:
    """Every process tells its memory, CPU, garbage collection and Python."""
    registry.standard()
    text = registry.exposition()
    for name in (b"process_resident_memory_bytes", b"python_gc_collections_total", b"python_info"):
        assert name in text


def test_the_catalogue_lists_every_family(registry: Registry) -> None:
    """Declared families appear once, by name, with all that is known about them."""
    registry.counter(EVENTS)
    registry.histogram(DURATION)
    registry.collector(list, PRICE)
    assert [family.name for family in registry.families] == sorted(family.name for family in registry.families)
    table = catalogue(registry.families)
    assert "| `usdx_events_total` | counter | chain, type | - | - | Events. |" in table
    assert "| `usdx_price` | gauge | asset | usd | - | Price. |" in table
    assert "0.001 0.005 0.01 0.025 0.05 0.1 0.25 0.5 1 5" in table


def test_several_may_read_one_family(registry: Registry) -> None:
    """Two pools expose the same families, each its own series; the family appears once."""
    first = registry.collector(lambda: [Sample(PRICE, 1, ("ETH",))], PRICE)
    registry.collector(lambda: [Sample(PRICE, 2, ("BTC",))], PRICE)
    assert registry.exposition().count(b"# TYPE usdx_price gauge") == 1
    assert registry.value("usdx_price", asset="BTC") == 2
    first.close()
    assert registry.value("usdx_price", asset="ETH") is None
    assert registry.value("usdx_price", asset="BTC") == 2
