"""House rules for dashboards and alerts that Prometheus and Grafana do not enforce."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from monitoring.model import Alert, Group, Recording

METRIC = re.compile(r"\b(?:usdx|process|scrape|prometheus|alertmanager)_[a-z0-9_]+\b")
CHILD = re.compile(r"_(bucket|sum|count)$")
RANGE = re.compile(r"\[(\d+)([smhd])\]")
SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
SHORTEST_RANGE_S = 240
"""Sixteen scrapes: a shorter rate is mostly noise, and differs between Prometheus 2 and 3 at its edges."""
NEWER_THAN_2_42 = re.compile(r"\b(limitk|limit_ratio|sort_by_label|info)\(")


def metrics(expr: str) -> set[str]:
    """The metrics that an expression reads; recorded ones excepted."""
    bare = re.sub(r'"[^"]*"', '""', expr)
    bare = re.sub(r"\b\w+:[\w:]+", "", bare)
    bare = re.sub(r"\b(?:by|on|without|ignoring|group_left|group_right)\s*\([^)]*\)", "", bare)
    return {*METRIC.findall(bare), *re.findall(r"\b(?:up|ALERTS)\b", bare)}


def family(metric: str, known: Collection[str]) -> str:
    """The family a series belongs to: a histogram's `_bucket` belongs to the histogram."""
    return metric if metric in known else CHILD.sub("", metric)


def alert_faults(alert: Alert, runbooks: Collection[str], boards: Collection[str]) -> Iterator[str]:
    """What is wrong with an alert, in words."""
    if alert.severity not in ("critical", "warning", "info", "none"):
        yield f"{alert.name}: severity {alert.severity} is none of ours"
    if alert.service is None and not re.search(r"\b(service|up|usdx_|process_)", alert.expr):
        yield f"{alert.name}: no service label, neither its own nor from a series"
    for part, text in (("summary", alert.summary), ("description", alert.description)):
        if not text.strip():
            yield f"{alert.name}: no {part}"
    if any("$value" in value for value in alert.labels.values()):
        yield f"{alert.name}: $value in a label makes a new alert of every value"
    if "absent(" in alert.expr and alert.hold == "0m":
        yield f"{alert.name}: absent() without a hold fires at every restart"
    if alert.runbook not in runbooks:
        yield f"{alert.name}: {alert.runbook} does not exist"
    if alert.dashboard not in boards:
        yield f"{alert.name}: there is no dashboard {alert.dashboard}"


def expression_faults(where: str, expr: str, known: Collection[str], recorded: Collection[str]) -> Iterator[str]:
    """What is wrong with an expression, whoever uses it."""
    for metric in sorted(metrics(expr)):
        if metric.startswith("usdx_") and family(metric, known) not in known and metric not in recorded:
            yield f"{where}: {metric} is not in the catalogue"
    for name in re.findall(r"\b\w+:[\w:]+", re.sub(r'"[^"]*"', "", expr)):
        if name not in recorded:
            yield f"{where}: {name} is recorded by nobody"
    for amount, unit in RANGE.findall(expr):
        if int(amount) * SECONDS[unit] < SHORTEST_RANGE_S:
            yield f"{where}: [{amount}{unit}] is shorter than {SHORTEST_RANGE_S} s"
    for bound in re.findall(r'le="([^"]+)"', expr):
        if bound != "+Inf" and "." not in bound:
            yield f'{where}: le="{bound}" must be written as a float'
    if NEWER_THAN_2_42.search(expr):
        yield f"{where}: uses what Prometheus 2.42 does not know"
    if re.search(
        r"(?<![\w(])rate\(\s*\w+_(?!total|bucket|sum|count|seconds_total)\w*\b(?<!_total)(?<!_bucket)(?<!_sum)(?<!_count)[{\[]",
        expr,
    ):
        yield f"{where}: rate() of something that is no counter"


def rule_faults(
    groups: Sequence[Group], known: Collection[str], runbooks: Collection[str], boards: Collection[str]
) -> list[str]:
    """What is wrong with the rules, in words; empty when nothing is."""
    recorded = {rule.name for group in groups for rule in group.rules if isinstance(rule, Recording)}
    faults: list[str] = []
    for group in groups:
        for rule in group.rules:
            faults += expression_faults(rule.name, rule.expr, known, recorded)
            if isinstance(rule, Alert):
                faults += alert_faults(rule, runbooks, boards)
    return faults


def board_faults(board: Mapping[str, Any], known: Collection[str], recorded: Collection[str]) -> list[str]:
    """What is wrong with a dashboard's JSON, in words; empty when nothing is."""
    uid = board.get("uid") or "?"
    faults = [f"{uid}: {text}" for text in _board_faults(board)]
    panels = [panel for panel in board.get("panels", ()) if panel["type"] != "row"]
    for panel in panels:
        where = f"{uid}: {panel.get('title') or 'a panel without a title'}"
        faults += [f"{where}: {text}" for text in _panel_faults(panel)]
        for target in panel.get("targets", ()):
            faults += expression_faults(where, target["expr"], known, recorded)
            faults += [f"{where}: {text}" for text in _target_faults(target, panel)]
    return faults


def _board_faults(board: Mapping[str, Any]) -> Iterator[str]:
    if not str(board.get("uid", "")).startswith("usdx-"):
        yield "its uid does not begin with usdx-"
    if not str(board.get("title", "")).startswith("USDX / "):
        yield "its title does not begin with USDX /"
    if board.get("editable", True):
        yield "it is editable"
    if board.get("refresh") != "30s":
        yield "it does not refresh every 30 s"
    names = {variable["name"]: variable for variable in board.get("templating", {}).get("list", ())}
    for wanted in ("datasource", "job", "instance"):
        if wanted not in names:
            yield f"it has no variable {wanted}"
    for name, variable in names.items():
        if variable["type"] == "query" and (variable.get("allValue") != ".+" or not variable.get("multi")):
            yield f"variable {name} cannot choose all"
    ids = [panel.get("id") for panel in board.get("panels", ())]
    if None in ids or len(set(ids)) != len(ids):
        yield "panel ids are missing or twice there"
    if {one["name"] for one in board.get("annotations", {}).get("list", ())} < {"Alerts", "Deploys"}:
        yield "it lacks the annotations of alerts and deploys"
    if not any(link.get("keepTime") and link.get("includeVars") for link in board.get("links", ())):
        yield "its links lose the time or the variables"
    yield from _overlaps(board.get("panels", ()))


def _overlaps(panels: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    taken: dict[tuple[int, int], str] = {}
    for panel in panels:
        place = panel["gridPos"]
        for x in range(place["x"], place["x"] + place["w"]):
            for y in range(place["y"], place["y"] + place["h"]):
                if (x, y) in taken:
                    yield f"{panel['title']} lies on {taken[x, y]}"
                    return
                taken[x, y] = panel["title"]


def _panel_faults(panel: Mapping[str, Any]) -> Iterator[str]:
    defaults = panel.get("fieldConfig", {}).get("defaults", {})
    if not panel.get("title"):
        yield "no title"
    if not panel.get("description"):
        yield "no description"
    if not defaults.get("unit"):
        yield "no unit"
    if panel.get("datasource", {}).get("uid") != "${datasource}":
        yield "its data source is fixed"
    if not panel.get("targets"):
        yield "no query"
    place = panel["gridPos"]
    if place["x"] + place["w"] > 24:
        yield "it is wider than the page"


def _target_faults(target: Mapping[str, Any], panel: Mapping[str, Any]) -> Iterator[str]:
    expr = target["expr"]
    own = [metric for metric in metrics(expr) if metric.startswith(("usdx_", "process_", "scrape_")) or metric == "up"]
    if own and expr.count('job=~"$job",instance=~"$instance"') < len(own):
        yield "a selector ignores the chosen job and instance"
    if not target.get("legendFormat") and panel["type"] != "table":
        yield "no legend"
    counters = re.findall(r"(?<!rate\()(?<!increase\()\b(usdx_\w+_total)\b", expr)
    if counters:
        yield f"{counters[0]} is shown raw, without rate or increase"
    if "rate(" in expr and "$__rate_interval" not in expr and not re.search(r"\[(5m|1h)\]", expr):
        yield "rate() without $__rate_interval"
