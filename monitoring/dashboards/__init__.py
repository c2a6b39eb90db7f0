"""Every dashboard, one file per question that somebody opens Grafana with."""

from __future__ import annotations

from monitoring.dashboards import api, business, database, indexer, nodes, oracle, overview, platform, slo
from monitoring.dashboards.model import Board

BOARDS: tuple[Board, ...] = (
    overview.BOARD,
    business.BOARD,
    api.BOARD,
    indexer.BOARD,
    nodes.BOARD,
    oracle.BOARD,
    database.BOARD,
    slo.BOARD,
    platform.BOARD,
)
