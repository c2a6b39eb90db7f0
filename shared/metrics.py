"""One process's registry of metric families: declare, expose, list.

A room declares `Family` values and asks the `Registry` it was handed for a counter, gauge or histogram. Children are
cached; label values past a label's cap become `other` and are counted; a gauge without truth is absent, never 0.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector
from prometheus_client.exposition import generate_latest as generate_text
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics

from shared.family import (
    BATCH,
    CAPS,
    DATABASE,
    DEFAULT_CAP,
    DELAY,
    DEPTH,
    LATENCY,
    LOOP,
    OTHER,
    RPC,
    Family,
    Kind,
    Labels,
    Sample,
)
from shared.series import Counters, Gauges, Guard, Histograms, Infos, Read, Readers, Scraped, Unbounded

__all__ = [
    "BATCH",
    "CAPS",
    "DATABASE",
    "DEFAULT_CAP",
    "DELAY",
    "DEPTH",
    "LATENCY",
    "LOOP",
    "OTHER",
    "RPC",
    "Counters",
    "Family",
    "Gauges",
    "Histograms",
    "Infos",
    "Kind",
    "Labels",
    "Registry",
    "Sample",
    "Scraped",
    "catalogue",
]

LABEL_OVERFLOW = Family(
    "usdx_metrics_label_overflow_total",
    "counter",
    'Label values folded into "other" by the cardinality guard.',
    ("label",),
)
READ_ERRORS = Family(
    "usdx_metrics_read_errors_total",
    "counter",
    "Reads of state by a scrape that failed; what they would have said is missing from that scrape.",
)
FAMILIES = (LABEL_OVERFLOW, READ_ERRORS)


F = TypeVar("F", Counters, Gauges, Histograms, Infos)


class Registry:
    """All families of one process. Asking twice for the same family gives the same object."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry(auto_describe=False)
        self._known: dict[str, Counters | Gauges | Histograms | Infos] = {}
        self._scraped: dict[str, Family] = {}
        self._readers: dict[tuple[Family, ...], Readers] = {}
        self._overflow = Counters(LABEL_OVERFLOW, Unbounded(), self._registry)
        self._known[LABEL_OVERFLOW.name] = self._overflow
        self._guard = Guard(self._overflow.inc)
        self._read_errors = self.counter(READ_ERRORS)

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
            readers = self._readers[families] = Readers(families, self._guard, self._read_errors.inc)
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
