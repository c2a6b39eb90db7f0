"""Write rules and routes as the files that Prometheus and Alertmanager read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import yaml

from monitoring import routes
from monitoring.channels import Channels
from monitoring.model import Alert, Group, Recording

_HEADER = "# Written by `python -m monitoring` from monitoring/; change it there.\n"


def text(groups: Sequence[Group]) -> str:
    """Groups as a Prometheus rule file."""
    body = {"groups": [{"name": group.name, "rules": [_rule(rule) for rule in group.rules]} for group in groups]}
    return _HEADER + _yaml(body)


def alertmanager(channels: Channels, **options: Any) -> str:
    """Alertmanager's configuration file for the channels that are on; options as for `routes.config`."""
    on = ", ".join(sorted({"webhook"} | channels.on))
    return f"{_HEADER}# Channels: {on}. `usdx channels` writes it anew for those whose secrets are in place.\n" + _yaml(
        routes.config(channels, **options)
    )


def _yaml(body: object) -> str:
    return str(yaml.dump(body, Dumper=_Plain, sort_keys=False, width=1 << 20, allow_unicode=True))


class _Plain(yaml.SafeDumper):
    """Writes a thing that occurs twice twice, not by reference."""

    def ignore_aliases(self, data: object) -> bool:
        return True


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
