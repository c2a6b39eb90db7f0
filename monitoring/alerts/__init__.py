"""Every alert, one file per thing that can be wrong."""

from __future__ import annotations

from monitoring.alerts import api, business, database, indexer, meta, nodes, ops, oracle, workers
from monitoring.model import Alert, Group

GROUPS: tuple[Group, ...] = (
    workers.GROUP,
    api.GROUP,
    database.GROUP,
    indexer.GROUP,
    nodes.GROUP,
    oracle.GROUP,
    business.GROUP,
    meta.GROUP,
    ops.GROUP,
)
ALERTS: tuple[Alert, ...] = tuple(rule for group in GROUPS for rule in group.rules if isinstance(rule, Alert))
