"""What a metric is called, what it counts and which labels it has."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple

Kind = Literal["counter", "gauge", "histogram", "info"]
Fold = Literal["sum", "max", "min"]
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
    "stream": 128,
    "table": 128,
    "type": 32,
    "method": 8,
    "status": 12,
    "loop": 16,
    "task": 16,
}
DEFAULT_CAP = 32
CAPPED_WITHIN: Mapping[str, str] = {
    "status": "route",
    "provider": "chain",
}  # the cap of the first counts per value of the second
FOLDS: Mapping[Fold, Callable[[Iterable[float]], float]] = {"sum": sum, "max": max, "min": min}


@dataclass(frozen=True, slots=True)
class Family:
    """One metric as the catalogue lists it; `name` is the exposed one, with `_total` or `_info`.

    `fold` is what values become that are read at scrape time and fold into one series: the sum of amounts, the largest
    of most states, the smallest where that is the one to worry about. Counters are always added up.
    """

    name: str
    kind: Kind
    help: str
    labels: Labels = ()
    unit: str = ""
    buckets: tuple[float, ...] = ()
    fold: Fold = "max"

    def __post_init__(self) -> None:
        suffix = {"counter": "_total", "info": "_info"}.get(self.kind, "")
        if not self.name.endswith(suffix):
            raise ValueError(f"{self.kind} {self.name} must end in {suffix}")
        if (self.kind == "histogram") != bool(self.buckets):
            raise ValueError(f"{self.name}: buckets belong to histograms, and to all of them")

    @property
    def exposed_unit(self) -> str:
        """The unit as OpenMetrics may say it: one that the name ends in."""
        return self.unit if self.name.removesuffix("_total").endswith(f"_{self.unit}") else ""

    def together(self, values: Iterable[float]) -> float:
        """The one value of several series that became one."""
        return FOLDS["sum" if self.kind == "counter" else self.fold](values)


class Sample(NamedTuple):
    """One value read at scrape time."""

    family: Family
    value: float
    labels: Labels = ()
