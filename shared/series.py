"""The series of a family: cached, within the caps of their labels, absent while there is no truth."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

import prometheus_client
import structlog
from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.registry import Collector

from shared.family import CAPPED_WITHIN, CAPS, DEFAULT_CAP, OTHER, Family, Labels, Sample

LONGEST_BYTES = 200
"""Of a label's value, in UTF-8: the `label_value_length_limit` of the Prometheus files we ship. A longer one would cost
the whole scrape."""
DIGEST_DIGITS = 16


def shortened(value: str) -> str:
    """The value where it is short enough, else its beginning and a digest of it all, which keeps it apart."""
    if len(value) * 4 <= LONGEST_BYTES or len(raw := value.encode("utf-8", "replace")) <= LONGEST_BYTES:
        return value
    end = f"~{hashlib.sha256(raw).hexdigest()[:DIGEST_DIGITS]}"
    return raw[: LONGEST_BYTES - len(end)].decode("utf-8", "ignore") + end


class Guard:
    """Bounds how many values each label of a family may take, and how long they are; `overflowed` hears of each that is
    one too many."""

    def __init__(self, overflowed: Callable[[str], None]) -> None:
        self._seen: dict[Hashable, set[str]] = {}
        self._overflowed = overflowed

    def anew(self) -> Guard:
        """One that has seen nothing yet."""
        return Guard(self._overflowed)

    def bound(self, family: Family, values: Labels) -> Labels:
        """The values to use: each one as given or `shortened`, or `other` when its label is full."""
        if len(values) != len(family.labels):
            raise ValueError(f"{family.name} takes labels {family.labels}, got {values}")
        out: list[str] = []
        for label, value in zip(family.labels, values, strict=True):
            within = CAPPED_WITHIN.get(label)
            scope = out[family.labels.index(within)] if within in family.labels else None
            out.append(self._admit((family.name, label, scope), label, shortened(value)))
        return tuple(out)

    def _admit(self, key: Hashable, label: str, value: str) -> str:
        seen = self._seen.setdefault(key, set())
        if value in seen or value == OTHER:
            return value
        if len(seen) >= CAPS.get(label, DEFAULT_CAP):
            self._overflowed(label)
            return OTHER
        seen.add(value)
        return value


class Unbounded(Guard):
    """Lets every value pass, for labels whose values are written in the code."""

    def __init__(self) -> None:
        super().__init__(lambda label: None)

    def _admit(self, key: Hashable, label: str, value: str) -> str:
        return value


class _Counter(prometheus_client.Counter):
    def _child_samples(self) -> Iterable[Any]:
        return [sample for sample in super()._child_samples() if sample.name != "_created"]


class _Histogram(prometheus_client.Histogram):
    def _child_samples(self) -> Iterable[Any]:
        return [sample for sample in super()._child_samples() if sample.name != "_created"]


def _shortened(labels: Labels) -> Labels:
    return tuple(map(shortened, labels))


M = TypeVar("M", _Counter, _Histogram)


def _child(metric: M, children: dict[Labels, M], guard: Guard, family: Family, labels: Labels) -> M:
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

    def __init__(self, family: Family, guard: Guard, registry: CollectorRegistry) -> None:
        self.family = family
        self._guard = guard
        self._metric = _Counter(family.name, family.help, family.labels, unit=family.exposed_unit, registry=registry)
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

    def __init__(self, family: Family, guard: Guard, registry: CollectorRegistry) -> None:
        self.family = family
        self._guard = guard
        self._metric = _Histogram(
            *(family.name, family.help, family.labels),
            unit=family.exposed_unit,
            buckets=family.buckets,
            registry=registry,
        )
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

    def __init__(self, family: Family, guard: Guard, registry: CollectorRegistry) -> None:
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
        self.set((self.value(*labels) or 0.0) + by, *labels)

    def remove(self, *labels: str) -> None:
        """Make the series absent again: nothing is known."""
        self._values.pop(_shortened(labels), None)

    def value(self, *labels: str) -> float | None:
        """What was last set, if anything."""
        return self._values.get(_shortened(labels))

    def describe(self) -> Iterable[Metric]:
        return [metric_of(self.family)]

    def collect(self) -> Iterable[Metric]:
        metric = metric_of(self.family)
        for labels, value in dict(self._values).items():
            metric.add_metric(labels, value)  # type: ignore[attr-defined]
        yield metric


class Infos(Collector):
    """An info family: constant facts as labels of one sample of value 1."""

    def __init__(self, family: Family, guard: Guard, registry: CollectorRegistry) -> None:
        self.family = family
        self._facts: Mapping[str, str] | None = None
        registry.register(self)

    def set(self, facts: Mapping[str, str]) -> None:
        """Replace the facts; keys are exactly the family's labels."""
        if tuple(sorted(facts)) != tuple(sorted(self.family.labels)):
            raise ValueError(f"{self.family.name} takes {self.family.labels}, got {tuple(facts)}")
        self._facts = {label: shortened(value) for label, value in facts.items()}

    def describe(self) -> Iterable[Metric]:
        return [metric_of(self.family)]

    def collect(self) -> Iterable[Metric]:
        metric = InfoMetricFamily(self.family.name.removesuffix("_info"), self.family.help)
        if self._facts is not None:
            metric.add_metric([], dict(self._facts))
        yield metric


Read = Callable[[], Iterable[Sample]]


MISTAKES = (ArithmeticError, AssertionError, AttributeError, LookupError, RuntimeError, TypeError, ValueError)


class Readers(Collector):
    """Families whose samples several functions give, each its own. `failed` hears of each read that ended in a mistake:
    its series are missing from that scrape, and all others are in it."""

    def __init__(self, families: Sequence[Family], guard: Guard, failed: Callable[[], None]) -> None:
        self._families = families
        self._guard = guard
        self._failed = failed
        self._said = ""
        self.reads: list[Read] = []

    def describe(self) -> Iterable[Metric]:
        return [metric_of(family) for family in self._families]

    def collect(self) -> Iterable[Metric]:
        """Each series once. Caps are for what is read now: a series that is gone makes room for another."""
        guard = self._guard.anew()
        found: dict[str, dict[Labels, float]] = {family.name: {} for family in self._families}
        for family, value, labels in [sample for read in tuple(self.reads) for sample in self._samples(read)]:
            series, bound = found[family.name], guard.bound(family, labels)
            series[bound] = family.together((series[bound], value)) if bound in series else value
        for family in self._families:
            metric = metric_of(family)
            for bound, value in found[family.name].items():
                metric.add_metric(bound, value)  # type: ignore[attr-defined]
            yield metric

    def _samples(self, read: Read) -> Sequence[Sample]:
        try:
            return tuple(read())
        except MISTAKES as exc:
            self._failed()
            if self._said != (said := f"{type(exc).__name__}: {exc}"):
                families = ", ".join(family.name for family in self._families)
                structlog.get_logger("metrics").error("state not read", families=families, error=said, exc_info=exc)
            self._said = said
            return ()


class Scraped:
    """State that is read at scrape time by a function that does no I/O."""

    def __init__(self, readers: Readers, read: Read) -> None:
        self._readers = readers
        self._read = read
        readers.reads.append(read)

    def close(self) -> None:
        """Stop being read; its series vanish."""
        self._readers.reads.remove(self._read)


def metric_of(family: Family) -> Metric:
    """An empty exposition of a gauge, counter or info family."""
    if family.kind == "counter":
        return CounterMetricFamily(family.name, family.help, labels=family.labels, unit=family.exposed_unit)
    if family.kind == "info":
        return InfoMetricFamily(family.name.removesuffix("_info"), family.help)
    return GaugeMetricFamily(family.name, family.help, labels=family.labels, unit=family.exposed_unit)
