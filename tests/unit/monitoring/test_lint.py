"""The house rules hold for every dashboard and rule, and each of them can be broken noticeably."""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import dashboard, prometheus
from grafana_foundation_sdk.models.dashboard import Dashboard
from jsonschema import Draft202012Validator as Validator

from monitoring import alerts, recordings, slo
from monitoring.dashboards import BOARDS
from monitoring.dashboards.build import FORMATS, text
from monitoring.dashboards.model import Board
from monitoring.lint import board_faults, rule_faults
from monitoring.model import Alert, Group, Recording
from shared import protocol
from tests.unit.monitoring.grafana_schema import schema

ROOT = Path(__file__).parents[3]
ROOMS = (
    *(
        f"shared.{room}"
        for room in ("build", "db", "health", "http", "log", "metrics", "rpc_metrics", "runtime", "tls")
    ),
    "indexer.metrics",
    "indexer.audit_metrics",
    "indexer.proxy_watch",
    "oracle.metrics",
    "aggregator.families",
)
GROUPS = (recordings.SERVICES, *alerts.GROUPS, *slo.GROUPS)
RECORDED = {rule.name for group in GROUPS for rule in group.rules if isinstance(rule, Recording)}
BOARD_UIDS = {board.uid for board in BOARDS}
RUNBOOKS = {f"docs/runbooks/{path.name}" for path in (ROOT / "docs/runbooks").glob("*.md")}


def known() -> set[str]:
    """Every family of every room and of the reference protocol."""
    names = {family.name for room in ROOMS for family in importlib.import_module(room).FAMILIES}
    found = protocol.load(ROOT / "protocols/wexel")
    return names | {one.name for one in (*found.gauges, *found.counters)}


def as_json(board: Board) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(text(board))
    return found


@pytest.mark.parametrize("board", BOARDS, ids=lambda board: board.uid)
def test_dashboards_keep_the_house_rules(board: Board) -> None:
    """Every panel has its unit, description, selectors and legend, and reads metrics that exist."""
    assert board_faults(as_json(board), known(), RECORDED) == []


@pytest.mark.parametrize("board", BOARDS, ids=lambda board: board.uid)
def test_dashboards_survive_the_sdk(board: Board) -> None:
    """Grafana's own types know every key that we write, at any depth."""
    written = as_json(board)
    for annotation in written["annotations"]["list"]:
        for key in FORMATS[annotation["name"]]:
            del annotation[key]
    read = json.loads(json.dumps(Dashboard.from_json(deepcopy(written)), cls=JSONEncoder))
    assert read == written


def schema_faults(board: dict[str, Any]) -> list[str]:
    """What Grafana's types do not allow: in the dashboard, and in each panel's own options."""
    board = deepcopy(board)
    for annotation in board["annotations"]["list"]:
        for key in FORMATS[annotation["name"]]:
            annotation.pop(key, None)
    every = board.pop("panels")
    panels = [one for one in every if one["type"] != "row"]
    queries = [target for one in panels for target in one.pop("targets")]
    found = [*Validator(schema(dashboard.Dashboard)).iter_errors(board)]
    for one in every:
        kind = dashboard.RowPanel if one["type"] == "row" else dashboard.Panel
        found += Validator(schema(kind)).iter_errors(one)
    for query in queries:
        found += Validator(schema(prometheus.Dataquery)).iter_errors(query)
    for one in panels:
        room = importlib.import_module(f"grafana_foundation_sdk.models.{one['type']}")
        found += Validator(schema(room.Options)).iter_errors(one.get("options", {}))
        if hasattr(room, "FieldConfig"):
            custom = one["fieldConfig"]["defaults"].get("custom", {})
            found += Validator(schema(room.FieldConfig)).iter_errors(custom)
    return [f"{error.json_path}: {error.message[:120]}" for error in found]


@pytest.mark.parametrize("board", BOARDS, ids=lambda board: board.uid)
def test_dashboards_have_grafanas_types(board: Board) -> None:
    """Every value is of the type, and from the set, that Grafana's SDK declares, in each panel's options too."""
    assert schema_faults(as_json(board)) == []


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("refresh",), 30),
        (("panels", 1, "gridPos", "h"), "8"),
        (("panels", 1, "fieldConfig", "defaults", "thresholds", "mode"), "relative"),
        (("panels", 1, "options", "graphMode"), "pie"),
        (("panels", 1, "targets", 0, "instant"), "no"),
        (("templating", "list", 1, "refresh"), 9),
        (("timezoon",), "utc"),
    ],
)
def test_a_wrong_type_is_found(path: tuple[Any, ...], value: object) -> None:
    """A string for a number, a word outside the set, a key that does not exist: each is named."""
    board = as_json(BOARDS[0])
    place: Any = board
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    assert schema_faults(board)


def test_rules_keep_the_house_rules() -> None:
    """Every alert says what, where and what to do, and reads metrics that exist."""
    assert rule_faults(GROUPS, known(), RUNBOOKS, BOARD_UIDS) == []


def panel(board: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = next(one for one in board["panels"] if one["type"] == "timeseries")
    return found


BOARD_DEFECTS: dict[str, Callable[[dict[str, Any]], object]] = {
    "a metric that does not exist": lambda b: panel(b)["targets"][0].update(expr="max(usdx_tvl{@})"),
    "a recorded series that nobody records": lambda b: panel(b)["targets"][0].update(expr="service:usdx_x:rate5m"),
    "a panel without a unit": lambda b: panel(b)["fieldConfig"]["defaults"].pop("unit"),
    "a panel without a description": lambda b: panel(b).update(description=""),
    "a selector that ignores the job": lambda b: panel(b)["targets"][0].update(expr="max(usdx_indexer_lag_seconds)"),
    "a counter shown raw": lambda b: panel(b)["targets"][0].update(
        expr='usdx_indexer_reorgs_total{job=~"$job",instance=~"$instance"}'
    ),
    "a data source that is fixed": lambda b: panel(b)["datasource"].update(uid="prometheus"),
    "two panels in one place": lambda b: panel(b).update(gridPos={"h": 8, "w": 12, "x": 0, "y": 0}),
    "an id that is there twice": lambda b: panel(b).update(id=1),
    "a dashboard that anyone may edit": lambda b: b.update(editable=True),
    "a missing variable": lambda b: b["templating"].update(list=b["templating"]["list"][:1]),
    "links that lose the time": lambda b: b["links"][0].update(keepTime=False),
    "a legend that says nothing": lambda b: panel(b)["targets"][0].update(legendFormat=""),
}


@pytest.mark.parametrize("defect", BOARD_DEFECTS, ids=str)
def test_a_defect_in_a_dashboard_is_found(defect: str) -> None:
    """The rules are no decoration: each of these defects is named."""
    board = as_json(BOARDS[0])
    BOARD_DEFECTS[defect](board)
    assert board_faults(board, known(), RECORDED)


def test_a_misspelt_option_is_found() -> None:
    """A key that Grafana does not know is lost on the round trip."""
    board = as_json(BOARDS[0])
    panel(board)["options"]["legned"] = {}
    read = json.loads(json.dumps(Dashboard.from_json(deepcopy(board)), cls=JSONEncoder))
    assert read != board


LAG = next(alert for alert in alerts.ALERTS if alert.name == "IndexerHighLag")
RULE_DEFECTS = {
    "a metric that does not exist": replace(LAG, expr="usdx_indexer_lag > 3"),
    "a recorded series that nobody records": replace(LAG, expr="chain:usdx_lag:min > 3"),
    "a range too short": replace(LAG, expr="rate(usdx_indexer_reorgs_total[1m]) > 1"),
    "a bucket that 3.x cannot find": replace(LAG, expr='usdx_indexer_block_delay_seconds_bucket{le="300"} > 1'),
    "a rate of a gauge": replace(LAG, expr="rate(usdx_indexer_last_block[5m]) > 1"),
    "a value in a label": replace(LAG, labels={"lag": "{{ $value }}"}),
    "absent without a hold": replace(LAG, expr="absent(usdx_indexer_lag_seconds)", hold="0m"),
    "a runbook that is missing": replace(LAG, name="NobodyWroteThis"),
    "a dashboard that is missing": replace(LAG, dashboard="usdx-nowhere"),
    "an alert that says nothing": replace(LAG, summary=" "),
    "a severity of its own": replace(LAG, severity="urgent"),  # type: ignore[arg-type]
    "a function that 2.42 does not know": replace(LAG, expr="sort_by_label(usdx_indexer_lag_seconds) > 1"),
}


@pytest.mark.parametrize("defect", RULE_DEFECTS, ids=str)
def test_a_defect_in_a_rule_is_found(defect: str) -> None:
    """The rules about rules are no decoration either."""
    broken: Alert = RULE_DEFECTS[defect]
    faults = rule_faults(
        (recordings.SERVICES, Group("broken", (broken,))), known(), RUNBOOKS | {LAG.runbook}, BOARD_UIDS
    )
    assert [fault for fault in faults if fault.startswith(broken.name)]
