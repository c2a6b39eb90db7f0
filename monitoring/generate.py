"""Every generated file: rules, routes and dashboards."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from monitoring import alerts, recordings, slo
from monitoring.channels import Channels
from monitoring.dashboards import BOARDS
from monitoring.dashboards.build import text as dashboard
from monitoring.document import reference
from monitoring.render import alertmanager, text

RULES = Path("docker/prometheus/rules")
ROUTES = Path("docker/alertmanager/alertmanager.yml")
DASHBOARDS = Path("docker/grafana/dashboards")
REFERENCE = Path("docs/reference/alerts.md")
SECRETS = Path("/run/secrets/alerting")


def files() -> Mapping[Path, str]:
    """Every generated file, from the project's root, with its text."""
    return {
        RULES / "usdx.rules.yml": text((recordings.SERVICES, *alerts.GROUPS)),
        RULES / "usdx.slo.rules.yml": text(slo.GROUPS),
        ROUTES: alertmanager(Channels(SECRETS)),
        REFERENCE: reference(),
    } | {DASHBOARDS / f"{board.uid}.json": dashboard(board) for board in BOARDS}
