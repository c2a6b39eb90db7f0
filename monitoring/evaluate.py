"""Ask a live Prometheus every query of a dashboard, as Grafana would."""

from __future__ import annotations

import json
import math
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from monitoring.dashboards.model import Board, Panel, Query

POINTS = 120


@dataclass(frozen=True, slots=True)
class Series:
    """One series of an answer: its labels and its (unix seconds, value) points."""

    labels: Mapping[str, str]
    points: Sequence[tuple[float, float]]

    @property
    def blank(self) -> bool:
        """No point, or nothing but NaN."""
        return all(math.isnan(value) for _, value in self.points)

    def legend(self, template: str) -> str:
        """Grafana's legend of it; a label that it lacks stays blank."""
        text = template
        while "{{" in text:
            before, _, rest = text.partition("{{")
            name, _, after = rest.partition("}}")
            text = before + self.labels.get(name.strip(), "") + after
        return text.strip()


@dataclass(frozen=True, slots=True)
class Answered:
    """A query of a panel and what Prometheus made of it."""

    panel: Panel
    query: Query
    series: Sequence[Series]


class Prometheus:
    """A Prometheus server's HTTP API, asked with the variables of a dashboard filled in."""

    def __init__(self, url: str, window_s: float, step_s: float, rate_interval: str = "4m") -> None:
        self._url = url.rstrip("/")
        self._window_s = window_s
        self._step_s = step_s
        self._variables = {
            "$__rate_interval": rate_interval,
            "$job": ".+",
            "$instance": ".+",
            "$chain": ".+",
            "$asset": ".+",
        }

    def board(self, board: Board, at_s: float | None = None) -> Iterator[Answered]:
        """Every query of every panel over the window that ends at `at_s`, now by default."""
        end = time.time() if at_s is None else at_s
        for panel in board.panels:
            for query in panel.queries:
                yield Answered(panel, query, self.range(query.full, end))

    def range(self, expr: str, end_s: float) -> list[Series]:
        """A range query over the window."""
        asked = {"query": self._filled(expr), "start": f"{end_s - self._window_s:.3f}", "end": f"{end_s:.3f}"}
        found = self._get("/api/v1/query_range", asked | {"step": f"{self._step_s:g}"})
        return [
            Series(one["metric"], [(float(at), float(value)) for at, value in one["values"]]) for one in found["result"]
        ]

    def instant(self, expr: str) -> list[Series]:
        """An instant query, now."""
        found = self._get("/api/v1/query", {"query": self._filled(expr)})
        return [Series(one["metric"], [(float(one["value"][0]), float(one["value"][1]))]) for one in found["result"]]

    def labels(self, metric: str, name: str) -> list[str]:
        """What `label_values(metric, name)` offers."""
        found = self._get(f"/api/v1/label/{name}/values", {"match[]": metric})
        return [str(one) for one in found]

    def _filled(self, expr: str) -> str:
        for name, value in self._variables.items():
            expr = expr.replace(name, value)
        return expr

    def _get(self, path: str, parameters: Mapping[str, str]) -> Any:
        address = f"{self._url}{path}?{urllib.parse.urlencode(parameters)}"
        with urllib.request.urlopen(address, timeout=30) as answer:  # noqa: S310  the operator's own Prometheus
            return json.load(answer)["data"]


def faults(answered: Sequence[Answered]) -> list[str]:
    """Panels that would be empty, NaN or without a name, in words."""
    out = []
    for one in answered:
        where = f"{one.panel.title}: {one.query.full}"
        if not one.series:
            out.append(f"{where} is empty")
        elif all(series.blank for series in one.series):
            out.append(f"{where} is NaN")
        elif one.panel.kind != "table" and any(not series.legend(one.query.legend) for series in one.series):
            out.append(f"{where} has a series without a name")
    return out
