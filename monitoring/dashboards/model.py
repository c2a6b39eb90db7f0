"""The nouns of the dashboards: Board, Row, Panel, Query, Variable."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["lines", "bars", "stat", "gauge", "table", "heatmap"]
TARGET = 'job=~"$job",instance=~"$instance"'
"""What `@` in a query stands for: the workers that the reader chose."""


@dataclass(frozen=True, slots=True)
class Query:
    """One query and how its series are called. `{@}` in it is every selected worker; `legend` is Grafana's template."""

    expr: str
    legend: str

    @property
    def full(self) -> str:
        """The query with `@` written out."""
        return self.expr.replace("{@", "{" + TARGET)


@dataclass(frozen=True, slots=True)
class Panel:
    """One panel. `unit` is Grafana's name; `warn` and `bad` are thresholds, taken from the alerts' own.

    `low_is_bad` turns the colours round. `width` of 24, `height` in Grafana's rows.
    """

    title: str
    description: str
    queries: tuple[Query, ...]
    unit: str = "short"
    kind: Kind = "lines"
    warn: float | None = None
    bad: float | None = None
    low_is_bad: bool = False
    width: int = 12
    height: int = 8
    least: float | None = 0
    stacked: bool = False
    decimals: int | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """A heading and the panels under it."""

    title: str
    panels: tuple[Panel, ...]


@dataclass(frozen=True, slots=True)
class Variable:
    """A choice the reader has: the values of a label of a metric."""

    name: str
    label: str
    metric: str


@dataclass(frozen=True, slots=True)
class Board:
    """One dashboard; `uid` never changes."""

    uid: str
    title: str
    description: str
    rows: tuple[Row, ...]
    variables: tuple[Variable, ...] = ()

    @property
    def panels(self) -> tuple[Panel, ...]:
        """All panels, in order."""
        return tuple(panel for row in self.rows for panel in row.panels)


CHAIN = Variable("chain", "Chain", "usdx_indexer_lag_threshold_seconds")
ASSET = Variable("asset", "Asset", "usdx_oracle_heartbeat_seconds")


def one(expr: str, legend: str) -> tuple[Query, ...]:
    """A panel's only query."""
    return (Query(expr, legend),)
