"""No panel is empty: every query of every dashboard, asked of a live Prometheus on a running demo."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from demo.drill.live import world
from monitoring.dashboards import BOARDS
from monitoring.evaluate import Prometheus, faults

PATIENCE_S = 240
WINDOW_S, STEP_S = 60, 5


@pytest.mark.timeout(600)
async def test_every_panel_shows_something(tmp_path: Path) -> None:
    """Within minutes of a demo's start each query gives series that are no NaN and have a name, and the variables have
    choices; and the healthy demo fires nothing but the watchdog."""
    async with world(tmp_path / "demo") as running:
        server = Prometheus(running.urls["prometheus"], WINDOW_S, STEP_S, rate_interval="1m")
        empty = ["not asked yet"]
        async with asyncio.timeout(PATIENCE_S):
            while empty:
                await asyncio.sleep(10)
                empty = await asyncio.to_thread(_faults, server)
        for board in BOARDS:
            for variable in board.variables:
                assert server.labels(variable.metric, variable.name), (board.uid, variable.name)
        firing = {one.labels["alertname"] for one in server.instant('ALERTS{alertstate="firing"}')}
        assert firing == {"Watchdog"}


def _faults(server: Prometheus) -> list[str]:
    return [fault for board in BOARDS for fault in faults(list(server.board(board)))]
