"""Are the objectives kept, and how fast do their budgets burn?"""

from __future__ import annotations

from monitoring.dashboards.model import Board, Panel, Query, Row, one
from monitoring.slo import BURNS, OBJECTIVES, Objective


def _row(objective: Objective) -> Row:
    where = f'{{slo="{objective.slo}"}}'
    by = objective.by or "slo"
    budget = objective.budget
    windows = sorted({burn.long for burn in BURNS} | {burn.short for burn in BURNS}, key=_minutes)
    return Row(
        f"{objective.slo}: {objective.ratio:.1%} {objective.meaning}",
        (
            Panel(
                "Budget left over three days",
                "1 is an untouched budget, 0 a spent one; at this pace of the last three days.",
                one(f"1 - slo:usdx_error:ratio_rate3d{where} / {budget}", f"{{{{{by}}}}}"),
                unit="percentunit",
                kind="stat",
                low_is_bad=True,
                warn=0.5,
                bad=0.1,
                width=8,
                decimals=1,
            ),
            Panel(
                "Burn rate",
                "How many times faster than allowed the budget burns. The alerts fire at "
                + ", ".join(f"{burn.factor:g} over {burn.long}" for burn in BURNS)
                + ".",
                tuple(
                    Query(f"slo:usdx_error:ratio_rate{window}{where} / {budget}", f"{{{{{by}}}}} {window}")
                    for window in windows
                ),
                warn=1,
                bad=BURNS[0].factor,
                width=16,
            ),
        ),
    )


def _minutes(window: str) -> int:
    return int(window[:-1]) * {"m": 1, "h": 60, "d": 1440}[window[-1]]


BOARD = Board(
    "usdx-slo",
    "Objectives",
    "Five objectives over 30 days: what is left of each budget, and how fast it burns.",
    tuple(_row(objective) for objective in OBJECTIVES),
)
