"""The nouns of the aggregator."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Literal

from aggregator.merge import Family

FetchFailure = Literal["dns", "connect", "timeout", "status", "too_large", "malformed"]
FETCH_FAILURES: tuple[FetchFailure, ...] = ("dns", "connect", "timeout", "status", "too_large", "malformed")


@dataclass(frozen=True, slots=True)
class Target:
    """One worker whose exposition we fetch; `name` tells it apart in our own metrics. `server_name` is what its
    certificate is made out to, where that is not the host of `url`."""

    service: str
    instance: str
    url: str
    server_name: str | None = None

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
    """What came of fetching one target: the families it exposed, or why there are none."""

    target: Target
    duration_s: float
    families: Mapping[str, Family] | None = None
    failure: FetchFailure | None = None
    detail: str = ""

    @property
    def up(self) -> bool:
        """Whether it answered."""
        return self.families is not None


@dataclass(frozen=True, slots=True)
class Sweep:
    """All targets fetched at once; `at` is unix seconds."""

    at: float
    fetched: tuple[Fetched, ...] = ()


@dataclass(frozen=True, slots=True)
class Figure:
    """One value of a business gauge. `labels` are in the order the gauge declares them."""

    labels: tuple[str, ...]
    value: Decimal

    @property
    def place(self) -> tuple[tuple[int, str], ...]:
        """Where it stands among the others: short labels first, so that numbers are in their order."""
        return tuple((len(label), label) for label in self.labels)


@dataclass(frozen=True, slots=True)
class Reading:
    """What one business gauge said in the snapshot taken at `at`: its last good values."""

    at: datetime
    figures: tuple[Figure, ...]


@dataclass(frozen=True, slots=True)
class Refresh:
    """What became of one refresh.

    `readings` hold every gauge's last good values, by gauge name, whoever took them. `asked` are the gauges this
    process asked itself, none when another replica was faster; `broken` are those of them that failed, with Postgres's
    own words.
    """

    readings: Mapping[str, Reading]
    asked: tuple[str, ...] = ()
    broken: Mapping[str, str] = field(default_factory=dict)
    at: datetime | None = None
    duration_s: float = 0.0


@dataclass(frozen=True, slots=True)
class AlertState:
    """What the alert store says now, by severity: how many alerts are active, when the oldest one that nobody
    acknowledged started, and when the watchdog was last heard. `known` is False until it was first asked."""

    known: bool = False
    active: Mapping[str, int] = field(default_factory=dict)
    unacknowledged_since: Mapping[str, datetime] = field(default_factory=dict)
    watchdog_at: datetime | None = None
