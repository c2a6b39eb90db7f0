"""Write the reference of alerts, objectives and dashboards."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from monitoring import alerts, slo
from monitoring.dashboards import BOARDS
from monitoring.model import Alert
from monitoring.routes import PACES, RECEIVERS

_HEAD = "<!-- Written by `python -m monitoring` from monitoring/; change it there. -->\n"


def reference() -> str:
    """Every alert with its expression, every objective, every dashboard, every route."""
    parts = [
        _HEAD,
        "# Alerts, objectives and dashboards\n",
        *(f"## {group.name.removeprefix('usdx-').capitalize()}\n\n{_alerts(group.rules)}" for group in alerts.GROUPS),
        f"## Objectives\n\n{_objectives()}",
        f"## Routes\n\n{_routes()}",
        f"## Dashboards\n\n{_boards()}",
    ]
    return "\n".join(parts)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["--"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in lines) + "\n"


def _alerts(rules: Iterable[object]) -> str:
    return _table(
        ("alert", "severity", "service", "for", "expression", "dashboard"),
        [
            (
                f"[{rule.name}](../runbooks/{rule.runbook.rpartition('/')[2]})",
                rule.severity,
                rule.service or "(of the series)",
                rule.hold,
                f"`{rule.expr}`",
                rule.dashboard,
            )
            for rule in rules
            if isinstance(rule, Alert)
        ],
    )


def _objectives() -> str:
    rows = [
        (
            f"[{one.slo}](../runbooks/{one.prefix}Burn.md)",
            f"{one.ratio:.1%}",
            one.meaning,
            one.by or "-",
            f"{one.budget:.2%}",
        )
        for one in slo.OBJECTIVES
    ]
    burns = [
        (f"…Burn{burn.word}", burn.severity, f"{burn.factor:g}", f"{burn.long} and {burn.short}", burn.hold)
        for burn in slo.BURNS
    ]
    return (
        _table(("objective", "over 30 days", "of what", "per", "budget"), rows)
        + "\nEach has four alerts on how fast its budget burns:\n\n"
        + _table(("alert", "severity", "times the allowed rate", "over", "for"), burns)
    )


def _routes() -> str:
    rows = [
        (severity, ", ".join(receivers), PACES[severity].wait, PACES[severity].interval, PACES[severity].repeat)
        for severity, receivers in RECEIVERS.items()
    ]
    return _table(("severity", "receivers when their channel is on", "waits", "grouped every", "repeated after"), rows)


def _boards() -> str:
    rows = [(f"[{board.uid}](../dashboards/{board.uid}.png)", board.title, board.description) for board in BOARDS]
    return _table(("dashboard", "title", "what it answers"), rows)
