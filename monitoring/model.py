"""The nouns of the rules: Alert, Recording, Group."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Severity = Literal["critical", "warning", "info", "none"]


@dataclass(frozen=True, slots=True)
class Alert:
    """One alerting rule.

    `service` is the rule's own label; None where the series carries the label already. `dashboard` is the uid of the
    dashboard to look at first. `summary` and `description` are templates in Prometheus's own language.
    """

    name: str
    severity: Severity
    service: str | None
    hold: str
    expr: str
    summary: str
    description: str
    dashboard: str
    keep_firing: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    page: str | None = None

    @property
    def runbook(self) -> str:
        """The page to open, from the project's root: the alert's own unless it shares one."""
        return f"docs/runbooks/{self.page or self.name}.md"


@dataclass(frozen=True, slots=True)
class Recording:
    """One recording rule."""

    name: str
    expr: str
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Group:
    """Rules that are evaluated together, in order."""

    name: str
    rules: tuple[Recording | Alert, ...]
