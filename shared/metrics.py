"""Declare metric families, keep their children within bounds, and expose them.

A room declares `Family` values and asks the `Registry` it was handed for a counter, gauge or histogram. Children are
cached; label values past a label's cap become `other` and are counted; a gauge without truth is absent, never 0.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, TypeVar

import prometheus_client
from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.exposition import generate_latest as generate_text
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics
from prometheus_client.registry import Collector

Kind = Literal["counter", "gauge", "histogram", "info"]
Labels = tuple[str, ...]
OTHER = "other"

LATENCY = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 3.0, 5.0, 10.0)
DATABASE = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
RPC = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
DELAY = (1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0)
BATCH = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
DEPTH = (1.0, 2.0, 3.0, 5.0, 8.0, 13.0, 21.0, 34.0, 64.0)
LOOP = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0)

CAPS: Mapping[str, int] = {
    "chain": 16,
    "pool": 64,
    "asset": 64,
    "source": 16,
    "provider": 8,
    "route": 64,
    "table": 32,
    "type": 32,
    "method": 8,
    "status": 12,
    "loop": 16,
    "task": 16,
}
DEFAULT_CAP = 32
CAPPED_WITHIN: Mapping[str, str] = {"status": "route", "provider": "chain"}  # the cap of the first counts per value of the second


@dataclass(frozen=True, slots=True)
class Family:
    """One metric as the catalogue lists it; `name` is the exposed one, with `_total` or `_info`."""

    name: str
    kind: Kind
    help: str
    labels: Labels = ()
    unit: str = ""
    buckets: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        suffix = {"counter": "_total", "info": "_info"}.get(self.kind, "")
        if not self.name.endswith(suffix):
            raise ValueError(f"{self.kind} {self.name} must end in {suffix}")
        if (self.kind == "histogram") != bool(self.buckets):
            raise ValueError(f"{self.name}: buckets belong to histograms, and to all of them")


class Sample(NamedTuple):
    """One value read at scrape time."""

    family: Family
    value: float
    labels: Labels = ()


LABEL_OVERFLOW = Family(
    "usdx_metrics_label_overflow_total",
    "counter",
    'Label values folded into "other" by the cardinality guard.',
    ("label",),
)
FAMILIES = (LABEL_OVERFLOW,)


class _Guard:
    """Bounds how many values each label of a family may take."""

    def __init__(self) -> None:
        self._seen: dict[Hashable, set[str]] = {}
        self.overflowed: Callable[[str], None] = lambda label: None

    def bound(self, family: Family, values: Labels) -> Labels:
        """The values to use: each one as given, or `other` when its label is full."""
        if len(values) != len(family.labels):
            raise ValueError(f"{family.name} takes labels {family.labels}, got {values}")
        out: list[str] = []
        for label, value in zip(family.labels, values, strict=True):
            within = CAPPED_WITHIN.get(label)
            scope = out[family.labels.index(within)] if within in family.labels else None
            out.append(self._admit((family.name, label, scope), label, value))
        return tuple(out)

    def _admit(self, key: Hashable, label: str, value: str) -> str:
        seen = self._seen.setdefault(key, set())
        if value in seen or value == OTHER:
            return value
        if len(seen) >= CAPS.get(label, DEFAULT_CAP):
            self.overflowed(label)
            return OTHER
        seen.add(value)
        return value


class _Counter(prometheus_client.Counter):
    def _child_samples(self) -> Iterable[Any]:
        return [sample for sample in super()._child_samples() if sample.name != "_created"]


class _Histogram(prometheus_client.Histogram):
    def _child_samples(self) -> Iterable[Any]:
        return [sample for sample in super()._child_samples() if sample.name != "_created"]


M = TypeVar("M", _Counter, _Histogram)


def _child(metric: M, children: dict[Labels, M], guard: _Guard, family: Family, labels: Labels) -> M:
    child = children.get(labels)
    if child is None:
        bounded = guard.bound(family, labels)
        child = children.get(bounded)
        if child is None:
            child = children[bounded] = metric.labels(*bounded) if bounded else metric
    return child


class Counters:
    """A counter family with its children."""

    __slots__ = ("_children", "_guard", "_metric", "family")

    def __init__(self, family: Family, guard: _Guard, registry: CollectorRegistry) -> None:
        self.family = family
        self._guard = guard
        self._metric = _Counter(family.name, family.help, family.labels, registry=registry)
        self._children: dict[Labels, _Counter] = {}

    def start(self, *labels: str) -> None:
        """Make the series exist at 0, so that its first increment is visible to `rate()`."""
        self.of(*labels)

    def inc(self, *labels: str, by: float = 1, exemplar: dict[str, str] | None = None) -> None:
        """Add `by` (≥ 0)."""
        self.of(*labels).inc(by, exemplar)

    def of(self, *labels: str) -> prometheus_client.Counter:
        """The cached child, for hot paths that keep it."""
        return _child(self._metric, self._children, self._guard, self.family, labels)


class Histograms:
    """A histogram family with its children."""

    __slots__ = ("_children", "_guard", "_metric", "family")

    def __init__(self, family: Family, guard: _Guard, registry: CollectorRegistry) -> None:
        self.family = family
        self._guard = guard
        self._metric = _Histogram(family.name, family.help, family.labels, buckets=family.buckets, registry=registry)
        self._children: dict[Labels, _Histogram] = {}

    def start(self, *labels: str) -> None:
        """Make the series exist at 0."""
        self.of(*labels)

    def observe(self, value: float, *labels: str, exemplar: dict[str, str] | None = None) -> None:
        """Count one value, in the family's base unit."""
        self.of(*labels).observe(value, exemplar)

    def of(self, *labels: str) -> prometheus_client.Histogram:
        """The cached child, for hot paths that keep it."""
        return _child(self._metric, self._children, self._guard, self.family, labels)


class Gauges(Collector):
    """A gauge family; a series exists from its first `set` until `remove`."""

    def __init__(self, family: Family, guard: _Guard, registry: CollectorRegistry) -> None:
        self.family = family
        self._guard = guard
        self._values: dict[Labels, float] = {}
        registry.register(self)

    def set(self, value: float, *labels: str) -> None:
        """What is true now."""
        if labels not in self._values:
            labels = self._guard.bound(self.family, labels)
        self._values[labels] = value

    def add(self, by: float, *labels: str) -> None:
        """Move the value by `by`, from 0 when it was absent."""
        self.set(self._values.get(labels, 0.0) + by, *labels)

    def remove(self, *labels: str) -> None:
        """Make the series absent again: nothing is known."""
        self._values.pop(labels, None)

    def value(self, *labels: str) -> float | None:
        """What was last set, if anything."""
        return self._values.get(labels)

    def describe(self) -> Iterable[Metric]:
        return [_metric(self.family)]

    def collect(self) -> Iterable[Metric]:
        metric = _metric(self.family)
        for labels, value in dict(self._values).items():
            metric.add_metric(labels, value)  # type: ignore[attr-defined]
        yield metric


class Infos(Collector):
    """An info family: constant facts as labels of one sample of value 1."""

    def __init__(self, family: Family, guard: _Guard, registry: CollectorRegistry) -> None:
        self.family = family
        self._facts: Mapping[str, str] | None = None
        registry.register(self)

    def set(self, facts: Mapping[str, str]) -> None:
        """Replace the facts; keys are exactly the family's labels."""
        if tuple(sorted(facts)) != tuple(sorted(self.family.labels)):
            raise ValueError(f"{self.family.name} takes {self.family.labels}, got {tuple(facts)}")
        self._facts = dict(facts)

    def describe(self) -> Iterable[Metric]:
        return [_metric(self.family)]

    def collect(self) -> Iterable[Metric]:
        metric = InfoMetricFamily(self.family.name.removesuffix("_info"), self.family.help)
        if self._facts is not None:
            metric.add_metric([], dict(self._facts))
        yield metric


Read = Callable[[], Iterable[Sample]]


class _Readers(Collector):
    """Families whose samples several functions give, each its own."""

    def __init__(self, families: Sequence[Family], guard: _Guard) -> None:
        self._families = families
        self._guard = guard
        self.reads: list[Read] = []

    def describe(self) -> Iterable[Metric]:
        return [_metric(family) for family in self._families]

    def collect(self) -> Iterable[Metric]:
        metrics = {family.name: _metric(family) for family in self._families}
        for family, value, labels in [sample for read in tuple(self.reads) for sample in read()]:
            metrics[family.name].add_metric(self._guard.bound(family, labels), value)  # type: ignore[attr-defined]
        return metrics.values()


class Scraped:
    """State that is read at scrape time by a function that does no I/O."""

    def __init__(self, readers: _Readers, read: Read) -> None:
        self._readers = readers
        self._read = read
        readers.reads.append(read)

    def close(self) -> None:
        """Stop being read; its series vanish."""
        self._readers.reads.remove(self._read)


def _metric(family: Family) -> Metric:
    """An empty exposition of a gauge, counter or info family."""
    if family.kind == "counter":
        return CounterMetricFamily(family.name, family.help, labels=family.labels)
    if family.kind == "info":
        return InfoMetricFamily(family.name.removesuffix("_info"), family.help)
    return GaugeMetricFamily(family.name, family.help, labels=family.labels)


F = TypeVar("F", Counters, Gauges, Histograms, Infos)


class Registry:
    """All families of one process. Asking twice for the same family gives the same object."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry(auto_describe=False)
        self._known: dict[str, Counters | Gauges | Histograms | Infos] = {}
        self._scraped: dict[str, Family] = {}
        self._readers: dict[tuple[Family, ...], _Readers] = {}
        self._guard = _Guard()
        self._overflow = self.counter(LABEL_OVERFLOW)
        self._guard.overflowed = self._overflow.inc

    @property
    def families(self) -> tuple[Family, ...]:
        """Every family declared so far, by name."""
        known = {name: facade.family for name, facade in self._known.items()} | self._scraped
        return tuple(known[name] for name in sorted(known))

    def counter(self, family: Family) -> Counters:
        """Declare a counter; without labels it exists at 0 from now on."""
        counters = self._declare(family, "counter", Counters)
        if not family.labels:
            counters.start()
        return counters

    def gauge(self, family: Family) -> Gauges:
        """Declare a gauge, absent until set."""
        return self._declare(family, "gauge", Gauges)

    def histogram(self, family: Family) -> Histograms:
        """Declare a histogram; without labels it exists at 0 from now on."""
        histograms = self._declare(family, "histogram", Histograms)
        if not family.labels:
            histograms.start()
        return histograms

    def info(self, family: Family) -> Infos:
        """Declare an info."""
        return self._declare(family, "info", Infos)

    def collector(self, read: Read, *families: Family) -> Scraped:
        """Read gauges or counters at scrape time; `read` runs in a thread and must only look at memory.

        Several may read the same families, each its own series.
        """
        readers = self._readers.get(families)
        if readers is None:
            readers = self._readers[families] = _Readers(families, self._guard)
            self._registry.register(readers)
            self._scraped |= {family.name: family for family in families}
            for family in families:
                self._watch(family)
        return Scraped(readers, read)

    def standard(self) -> None:
        """Add what every process says of itself: process_*, python_gc_*, python_info."""
        ProcessCollector(registry=self._registry)
        PlatformCollector(registry=self._registry)
        GCCollector(registry=self._registry)

    def exposition(self, *, openmetrics: bool = False) -> bytes:
        """The text a scrape gets; OpenMetrics carries exemplars but costs 1.6 times as much."""
        generate: Callable[[CollectorRegistry], bytes] = generate_openmetrics if openmetrics else generate_text
        return generate(self._registry)

    def samples(self) -> Iterator[tuple[str, dict[str, str], float]]:
        """Every sample as (name, labels, value)."""
        for metric in self._registry.collect():
            for sample in metric.samples:
                yield sample.name, sample.labels, sample.value

    def value(self, name: str, **labels: str) -> float | None:
        """One sample's value, None when the series is absent."""
        return self._registry.get_sample_value(name, labels)

    def _watch(self, family: Family) -> None:
        for label in family.labels:
            if family is not LABEL_OVERFLOW:
                self._overflow.start(label)

    def _declare(self, family: Family, kind: Kind, make: type[F]) -> F:
        if family.kind != kind:
            raise ValueError(f"{family.name} is a {family.kind}, not a {kind}")
        facade = self._known.get(family.name)
        if facade is None:
            facade = self._known[family.name] = make(family, self._guard, self._registry)
            self._watch(family)
        if facade.family != family:
            raise ValueError(f"{family.name} was declared differently before")
        assert isinstance(facade, make)
        return facade


def catalogue(families: Iterable[Family]) -> str:
    """The families as a Markdown table, sorted by name."""
    lines = ["| metric | type | labels | unit | buckets | help |", "|--|--|--|--|--|--|"]
    for family in sorted(families, key=lambda family: family.name):
        labels = ", ".join(family.labels) or "-"
        buckets = " ".join(f"{bucket:g}" for bucket in family.buckets) or "-"
        lines.append(
            f"| `{family.name}` | {family.kind} | {labels} | {family.unit or '-'} | {buckets} | {family.help} |"
        )
    return "\n".join(lines) + "\n"
