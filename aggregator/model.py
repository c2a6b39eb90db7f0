"""The nouns of the aggregator."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Literal

FetchFailure = Literal["dns", "connect", "timeout", "status", "too_large", "malformed"]
FETCH_FAILURES: tuple[FetchFailure, ...] = ("dns", "connect", "timeout", "status", "too_large", "malformed")


@dataclass(frozen=True, slots=True)
class Target:
    """One worker whose exposition we fetch; `name` tells it apart in our own metrics."""

    service: str
    instance: str
    url: str

    @property
    def job(self) -> str:
        """The Prometheus job of the worker, the same on both scrape profiles."""
        return f"usdx-{self.service}"

    @property
    def name(self) -> str:
        """Service and address, such as `indexer@10.0.0.7:9101`."""
        return f"{self.service}@{self.instance}"

    @property
    def labels(self) -> tuple[tuple[str, str], ...]:
        """What Prometheus would have put on the samples, had it fetched them itself."""
        return (("job", self.job), ("instance", self.instance), ("service", self.service))


@dataclass(frozen=True, slots=True)
class Fetched:
    """What came of fetching one target: its text, or why there is none."""

    target: Target
    duration_s: float
    text: str | None = None
    failure: FetchFailure | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Sweep:
    """All targets fetched at once; `at` is unix seconds."""

    at: float
    fetched: tuple[Fetched, ...] = ()

    @property
    def down(self) -> tuple[Fetched, ...]:
        """The targets that gave nothing."""
        return tuple(fetched for fetched in self.fetched if fetched.text is None)


@dataclass(frozen=True, slots=True)
class Figure:
    """One value of a business gauge. `labels` are in the order the gauge declares them."""

    gauge: str
    labels: tuple[str, ...]
    value: Decimal


@dataclass(frozen=True, slots=True)
class Broken:
    """A business gauge whose query failed, and Postgres's own words about it."""

    gauge: str
    message: str


@dataclass(frozen=True, slots=True)
class Refresh:
    """What one refresh of the business gauges gave, all of one snapshot taken at `at`."""

    at: datetime
    duration_s: float
    gauges: tuple[str, ...]
    figures: tuple[Figure, ...]
    broken: tuple[Broken, ...] = ()


@dataclass(frozen=True, slots=True)
class Adopted:
    """Another replica refreshed (or is refreshing): its last good figures."""

    at: datetime | None
    figures: tuple[Figure, ...] = ()
    taken_at: Mapping[str, datetime] = field(default_factory=dict)
