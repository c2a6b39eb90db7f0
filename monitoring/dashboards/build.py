"""Turn boards into Grafana's JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from grafana_foundation_sdk.builders import (
    common,
    gauge,
    heatmap,
    prometheus,
    stat,
    table,
    timeseries,
)
from grafana_foundation_sdk.builders import dashboard as builder
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.common import (
    GraphDrawStyle,
    GraphThresholdsStyleMode,
    LegendDisplayMode,
    LegendPlacement,
    StackingMode,
    TooltipDisplayMode,
)
from grafana_foundation_sdk.models.dashboard import (
    Dashboard,
    DashboardLinkType,
    DataSourceRef,
    GridPos,
    RowPanel,
    Threshold,
    ThresholdsMode,
    VariableOption,
    VariableRefresh,
)
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

from monitoring.dashboards.model import Board, Panel, Query, Variable

SOURCE = DataSourceRef(type_val="prometheus", uid="${datasource}")
GREEN, YELLOW, RED = "green", "yellow", "red"
_LABELS = (
    Variable("job", "Job", "up"),
    Variable("instance", "Instance", "up"),
)


FIRING = 'ALERTS{alertstate="firing",alertname!="Watchdog"}'
DEPLOYED = (
    'group by (service, version) (usdx_build_info{job=~"$job"})'
    ' unless group by (service, version) (usdx_build_info{job=~"$job"} offset 2m)'
)
FORMATS = {
    "Alerts": {"titleFormat": "{{alertname}}", "textFormat": "{{service}} {{chain}} {{asset}}", "step": "60s"},
    "Deploys": {
        "titleFormat": "{{service}} {{version}}",
        "textFormat": "a version seen for the first time",
        "step": "60s",
    },
}
"""What an annotation of the Prometheus data source has beside what the SDK's type knows."""


def text(board: Board) -> str:
    """The dashboard's JSON, as Grafana reads it."""
    out = json.loads(json.dumps(dashboard(board), cls=JSONEncoder))
    for annotation in out["annotations"]["list"]:
        annotation.update(FORMATS[annotation["name"]])
    return json.dumps(out, indent=2, ensure_ascii=False) + "\n"


def dashboard(board: Board) -> Dashboard:
    """The dashboard as the SDK models it, with panel ids that follow their order."""
    out = (
        builder.Dashboard(f"USDX / {board.title}")
        .uid(board.uid)
        .description(board.description)
        .tags(["usdx"])
        .readonly()
        .refresh("30s")
        .time("now-6h", "now")
        .timezone("browser")
        .with_variable(builder.DatasourceVariable("datasource").label("Data source").type("prometheus"))
    )
    for variable in (*_LABELS, *board.variables):
        out = out.with_variable(_variable(variable))
    for annotation in _annotations():
        out = out.annotation(annotation)
    out = out.link(
        builder.DashboardLink("USDX")
        .type(DashboardLinkType.DASHBOARDS)
        .tags(["usdx"])
        .as_dropdown(True)
        .include_vars(True)
        .keep_time(True)
        .icon("external link")
    )
    y = 0
    for row in board.rows:
        out = out.with_row(builder.Row(row.title).grid_pos(GridPos(h=1, w=24, x=0, y=y)))
        y += 1
        for places, panel in _placed(row.panels, y):
            out = out.with_panel(_panel(panel).grid_pos(places))
            y = max(y, places.y + places.h)
    built = out.build()
    for number, item in enumerate(built.panels or [], start=1):
        item.id_val = number
        if isinstance(item, RowPanel):
            item.panels = []
    return built


def _placed(panels: Sequence[Panel], y: int) -> list[tuple[GridPos, Panel]]:
    """Panels side by side, wrapped at 24 columns."""
    out, x, height = [], 0, 0
    for panel in panels:
        if x + panel.width > 24:
            x, y, height = 0, y + height, 0
        out.append((GridPos(h=panel.height, w=panel.width, x=x, y=y), panel))
        x, height = x + panel.width, max(height, panel.height)
    return out


def _variable(variable: Variable) -> builder.QueryVariable:
    matchers = 'job=~"usdx-.+"' + (',job=~"$job"' if variable.name != "job" else "")
    query = f"label_values({variable.metric}{{{matchers}}}, {variable.name})"
    return (
        builder.QueryVariable(variable.name)
        .label(variable.label)
        .datasource(SOURCE)
        .query(query)
        .refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)
        .multi(True)
        .include_all(True)
        .all_value(".+")
        .current(VariableOption(selected=True, text="All", value="$__all"))
    )


def _annotations() -> list[builder.AnnotationQuery]:
    return [_annotation("Alerts", RED, FIRING), _annotation("Deploys", "blue", DEPLOYED)]


def _annotation(name: str, color: str, expr: str) -> builder.AnnotationQuery:
    return builder.AnnotationQuery().name(name).datasource(SOURCE).enable(True).icon_color(color).expr(expr)


def _panel(panel: Panel) -> Any:
    out = _BUILDERS[panel.kind](panel)
    out = out.title(panel.title).description(panel.description).datasource(SOURCE).unit(panel.unit)
    if panel.least is not None and panel.kind != "table":
        out = out.min(panel.least)
    if panel.decimals is not None:
        out = out.decimals(panel.decimals)
    for position, query in enumerate(panel.queries):
        out = out.with_target(_target(panel, query, chr(ord("A") + position)))
    return out.thresholds(_thresholds(panel))


def _target(panel: Panel, query: Query, ref: str) -> prometheus.Dataquery:
    out = prometheus.Dataquery().expr(query.full).legend_format(query.legend).ref_id(ref).datasource(SOURCE)
    if panel.kind == "table":
        return out.instant().format(PromQueryFormat.TABLE)
    if panel.kind == "heatmap":
        return out.range().format(PromQueryFormat.HEATMAP)
    return out.range()


def _thresholds(panel: Panel) -> builder.ThresholdsConfig:
    limits = sorted((value, color) for value, color in ((panel.warn, YELLOW), (panel.bad, RED)) if value is not None)
    values, colors = [value for value, _ in limits], [color for _, color in limits]
    shown = [*colors, GREEN] if panel.low_is_bad else [GREEN, *colors]
    steps = [Threshold(value=value, color=color) for value, color in zip([None, *values], shown, strict=True)]
    return builder.ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE).steps(steps)


def _legend() -> common.VizLegendOptions:
    return (
        common.VizLegendOptions()
        .display_mode(LegendDisplayMode.LIST)
        .placement(LegendPlacement.BOTTOM)
        .show_legend(True)
        .calcs(["lastNotNull"])
    )


def _lines(panel: Panel) -> timeseries.Panel:
    out = (
        timeseries.Panel()
        .draw_style(GraphDrawStyle.BARS if panel.kind == "bars" else GraphDrawStyle.LINE)
        .line_width(1)
        .fill_opacity(60 if panel.kind == "bars" else 25 if panel.stacked else 8)
        .legend(_legend())
        .tooltip(common.VizTooltipOptions().mode(TooltipDisplayMode.MULTI))
    )
    if panel.stacked:
        out = out.stacking(common.StackingConfig().mode(StackingMode.NORMAL).group("A"))
    if panel.warn is not None or panel.bad is not None:
        out = out.thresholds_style(common.GraphThresholdsStyleConfig().mode(GraphThresholdsStyleMode.DASHED))
    return out


def _last() -> common.ReduceDataOptions:
    return common.ReduceDataOptions().calcs(["lastNotNull"]).fields("").values(False)


_BUILDERS: dict[str, Any] = {
    "lines": _lines,
    "bars": _lines,
    "stat": lambda panel: stat.Panel().reduce_options(_last()),
    "gauge": lambda panel: gauge.Panel().reduce_options(_last()),
    "table": lambda panel: table.Panel().show_header(True),
    "heatmap": lambda panel: heatmap.Panel().calculate(False),
}
