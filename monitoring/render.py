"""Write the rules as the files that Prometheus reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from monitoring import alerts, recordings, slo
from monitoring.model import Alert, Group, Recording

RULES = Path("docker/prometheus/rules")
_HEADER = "# Written by `python -m monitoring` from monitoring/; change it there.\n"


def files() -> Mapping[Path, str]:
    """Every generated file, from the project's root, with its text."""
    return {
        RULES / "usdx.rules.yml": text((recordings.SERVICES, *alerts.GROUPS)),
        RULES / "usdx.slo.rules.yml": text(slo.GROUPS),
    }


def text(groups: Sequence[Group]) -> str:
    """Groups as a Prometheus rule file."""
    body = {"groups": [{"name": group.name, "rules": [_rule(rule) for rule in group.rules]} for group in groups]}
    return _HEADER + str(yaml.safe_dump(body, sort_keys=False, width=1 << 20, allow_unicode=True))


def _rule(rule: Recording | Alert) -> dict[str, Any]:
    if isinstance(rule, Recording):
        out: dict[str, Any] = {"record": rule.name, "expr": rule.expr}
        return out | ({"labels": dict(rule.labels)} if rule.labels else {})
    labels = {"severity": rule.severity} | ({"service": rule.service} if rule.service else {}) | dict(rule.labels)
    out = {"alert": rule.name, "expr": rule.expr}
    if rule.hold != "0m":
        out["for"] = rule.hold
    if rule.keep_firing:
        out["keep_firing_for"] = rule.keep_firing
    annotations = {
        "summary": rule.summary,
        "description": rule.description,
        "runbook_url": rule.runbook,
        "dashboard_uid": rule.dashboard,
    }
    return out | {"labels": labels, "annotations": annotations}
