"""Draw a picture of each dashboard from live data: `python -m monitoring.preview --prometheus URL --into FOLDER`.

No Grafana is needed. The picture shows layout, titles, units, legends, thresholds and data; not Grafana's own look.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
import matplotlib as mpl
from matplotlib import dates as mdates
from matplotlib import pyplot as plt
from matplotlib.axes import Axes

from monitoring.dashboards import BOARDS
from monitoring.dashboards.build import dashboard
from monitoring.dashboards.model import Board, Panel
from monitoring.evaluate import Answered, Prometheus, Series

INK, PAPER, CARD, FAINT = "#d8d9da", "#111217", "#181b1f", "#3a3d44"
COLORS = ("#73bf69", "#f2cc0c", "#8ab8ff", "#ff780a", "#f2495c", "#5794f2", "#b877d9", "#37872d", "#fade2a", "#96d98d")
COLUMN_IN, ROW_IN = 0.72, 0.36
MOST_NAMES = 12
STYLE: Any = {
    "figure.facecolor": PAPER,
    "axes.facecolor": CARD,
    "axes.edgecolor": FAINT,
    "text.color": INK,
    "axes.labelcolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "font.size": 7.5,
    "axes.grid": True,
    "grid.color": "#24272d",
}


def _short(value: float) -> str:
    for size, letter in ((1e9, "B"), (1e6, "M"), (1e4, "K")):
        if abs(value) >= size:
            return f"{value / (1e3 if letter == 'K' else size):.1f}{letter}"
    return f"{value:,.4g}"


def _duration(value: float) -> str:
    for size, letter in ((86400, "d"), (3600, "h"), (60, "min"), (1, "s")):
        if abs(value) >= size:
            return f"{value / size:.3g} {letter}"
    return f"{value * 1000:.3g} ms"


SCALES = {
    "currencyUSD": lambda value: f"${_short(value)}",
    "percentunit": lambda value: f"{value * 100:.3g}%",
    "s": _duration,
    "bytes": lambda value: f"{value / 2**20:.1f} MiB",
    "reqps": lambda value: f"{value:.3g} req/s",
    "ops": lambda value: f"{value:.3g}/s",
}


def shown(panel: Panel, value: float) -> str:
    """A value with its unit, as a person reads it."""
    return SCALES.get(panel.unit, _short)(value)


def draw(board: Board, answered: Sequence[Answered], target: Path) -> None:
    """Write the dashboard's picture."""
    built = list(dashboard(board).panels or [])
    height = max(panel.grid_pos.y + panel.grid_pos.h for panel in built if panel.grid_pos)
    with mpl.rc_context(STYLE):
        figure = plt.figure(figsize=(24 * COLUMN_IN, (height + 1) * ROW_IN), dpi=72)
        figure.text(0.005, 1 - 0.5 / (height + 1), f"USDX / {board.title}", fontsize=13, va="center", weight="bold")
        panels = iter(board.panels)
        for item in built:
            place = item.grid_pos
            assert place is not None
            box = (place.x / 24, 1 - (place.y + place.h + 1) / (height + 1), place.w / 24, place.h / (height + 1))
            if item.type_val == "row":
                figure.text(
                    box[0] + 0.005, box[1] + box[3] / 2, str(item.title), fontsize=9, va="center", color="#9fa3a8"
                )
                continue
            panel = next(panels)
            found = [one for one in answered if one.panel is panel]
            inner = (box[0] + 0.036, box[1] + 0.9 / (height + 1), box[2] - 0.044, box[3] - 1.9 / (height + 1))
            axes = figure.add_axes(inner)
            axes.set_title(panel.title, loc="left", fontsize=8.5, pad=4)
            _draw_panel(axes, panel, found)
        figure.savefig(target)
        plt.close(figure)


def _draw_panel(axes: Axes, panel: Panel, found: Sequence[Answered]) -> None:
    named = [(series.legend(one.query.legend) or "value", series) for one in found for series in one.series]
    if not named:
        axes.text(0.5, 0.5, "No data", ha="center", va="center", transform=axes.transAxes, color="#9fa3a8")
        axes.set_axis_off()
    elif panel.kind in ("stat", "gauge"):
        _figures(axes, panel, named)
    elif panel.kind == "table":
        _table(axes, panel, [series for _, series in named])
    elif panel.kind == "heatmap":
        _heatmap(axes, panel, named)
    else:
        _curves(axes, panel, named)


def _color(panel: Panel, value: float) -> str:
    worse = (lambda limit: value < limit) if panel.low_is_bad else (lambda limit: value >= limit)
    if panel.bad is not None and worse(panel.bad):
        return "#f2495c"
    return "#f2cc0c" if panel.warn is not None and worse(panel.warn) else "#73bf69"


def _figures(axes: Axes, panel: Panel, named: Sequence[tuple[str, Series]]) -> None:
    axes.set(xticks=[], yticks=[])
    for position, (name, series) in enumerate(named):
        value = series.points[-1][1]
        x = (position + 0.5) / len(named)
        axes.text(x, 0.58, shown(panel, value), ha="center", va="center", fontsize=15, color=_color(panel, value))
        axes.text(x, 0.18, name, ha="center", va="center", color="#9fa3a8")


def _table(axes: Axes, panel: Panel, series: Sequence[Series]) -> None:
    axes.set(xticks=[], yticks=[])
    for line, one in enumerate(series[:8]):
        labels = "  ".join(f"{key}={value}" for key, value in sorted(one.labels.items()))
        axes.text(
            0, 0.9 - line * 0.16, f"{labels}   {shown(panel, one.points[-1][1])}", va="center", family="monospace"
        )


def _times(series: Series) -> list[datetime]:
    return [datetime.fromtimestamp(at, UTC) for at, _ in series.points]


def _curves(axes: Axes, panel: Panel, named: Sequence[tuple[str, Series]]) -> None:
    for position, (name, series) in enumerate(named):
        values = [value for _, value in series.points]
        color = COLORS[position % len(COLORS)]
        axes.plot(_times(series), values, color=color, lw=1.1, label=f"{name}: {shown(panel, values[-1])}")  # type: ignore[arg-type]
        axes.fill_between(_times(series), values, alpha=0.08, color=color)  # type: ignore[arg-type]
    low, high = axes.get_ylim()
    peak = max(value for _, series in named for _, value in series.points)
    for limit, color in ((panel.warn, "#f2cc0c"), (panel.bad, "#f2495c")):
        if limit is not None and limit <= max(high * 3, 1e-9):
            axes.axhline(limit, color=color, lw=0.9, ls="--")
    if panel.least is not None:
        axes.set_ylim(panel.least, high * 1.3 if peak > 0 else 1.5 * (panel.bad or panel.warn or 1))
    else:
        axes.set_ylim(top=high + (high - low) * 0.3)
    axes.yaxis.set_major_formatter(lambda value, _: shown(panel, value))
    _clock(axes)
    handles, names = axes.get_legend_handles_labels()
    axes.legend(handles[:MOST_NAMES], names[:MOST_NAMES], loc="upper left", fontsize=6.5, frameon=False, ncols=2)


def _heatmap(axes: Axes, panel: Panel, named: Sequence[tuple[str, Series]]) -> None:
    ordered = sorted(named, key=lambda one: float(one[0]))
    times = _times(max((series for _, series in ordered), key=lambda series: len(series.points)))
    columns = {at: position for position, at in enumerate(times)}
    grid = [[0.0] * len(times) for _ in ordered]
    for row, (_, series) in enumerate(ordered):
        for at, (_, value) in zip(_times(series), series.points, strict=True):
            grid[row][columns[at]] = value
    parts = [
        [above - below for above, below in zip(grid[row], grid[row - 1], strict=True)] if row else grid[0]
        for row in range(len(grid))
    ]
    axes.pcolormesh(times, range(len(parts)), parts, cmap="inferno", shading="nearest")  # type: ignore[arg-type]
    axes.set_yticks(range(0, len(ordered), 2), [shown(panel, float(name)) for name, _ in ordered][::2])
    axes.grid(visible=False)
    _clock(axes)


def _clock(axes: Axes) -> None:
    axes.xaxis.set_major_formatter(mdates.DateFormatter("%H:%M:%S"))
    axes.xaxis.set_major_locator(mdates.AutoDateLocator(maxticks=6))


@click.command()
@click.option("--prometheus", required=True, help="Its URL.")
@click.option(
    "--into", type=click.Path(file_okay=False, path_type=Path), default=Path("docs/dashboards"), show_default=True
)
@click.option("--window", default=300.0, show_default=True, help="Seconds of history to show.")
@click.option("--step", default=2.0, show_default=True, help="Seconds between points.")
def main(prometheus: str, into: Path, window: float, step: float) -> None:
    """Draw a picture of every dashboard from live data."""
    into.mkdir(parents=True, exist_ok=True)
    server = Prometheus(prometheus, window, step, rate_interval="1m")
    for board in BOARDS:
        target = into / f"{board.uid}.png"
        draw(board, list(server.board(board)), target)
        click.echo(f"wrote {target}")


if __name__ == "__main__":
    main()
