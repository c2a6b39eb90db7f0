"""Keep the values of business gauges, so that replicas share them, restarts find them and trends can be drawn."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal, localcontext

from aggregator.model import Figure, Reading
from shared.db import Connection
from shared.family import Fold
from shared.protocol import GaugeSpec

ON = "figures"
LOCK_KEY = 0x75736478_62697A  # "usdxbiz": held by the one replica that refreshes


async def last_good(cx: Connection, gauges: Mapping[str, GaugeSpec]) -> dict[str, Reading]:
    """Each gauge's newest values; a gauge that never succeeded is missing, and so is one that had other labels then."""
    rows = await cx.fetch(
        """select r.gauge, r.at, f.labels, f.value
        from usdx.figure_refreshes r left join usdx.figures f using (gauge, at)
        where r.gauge = any($1) order by f.labels""",
        list(gauges),
        on=ON,
    )
    found: dict[str, tuple[datetime, list[Figure]]] = {}
    for row in rows:
        _, figures = found.setdefault(row["gauge"], (row["at"], []))
        if row["labels"] is not None:
            figures.append(Figure(tuple(row["labels"]), row["value"]))
    return {
        gauge: Reading(at, tuple(sorted(figures, key=lambda figure: figure.place)))
        for gauge, (at, figures) in found.items()
        if all(len(figure.labels) == len(gauges[gauge].labels) for figure in figures)
    }


async def keep(cx: Connection, answers: Mapping[str, Reading], duration_s: float) -> None:
    """Make these the newest values."""
    await cx.executemany(
        "insert into usdx.figures (gauge, at, labels, value) values ($1, $2, $3, $4)",
        [
            (gauge, reading.at, list(figure.labels), figure.value)
            for gauge, reading in answers.items()
            for figure in reading.figures
        ],
        on=ON,
    )
    await cx.executemany(
        """insert into usdx.figure_refreshes (gauge, at, duration_s) values ($1, $2, $3)
        on conflict (gauge) do update set at = excluded.at, duration_s = excluded.duration_s""",
        [(gauge, reading.at, duration_s) for gauge, reading in answers.items()],
        on=ON,
    )


async def prune(cx: Connection, at: datetime) -> None:
    """Forget what is older than eight days, but for the newest values of each gauge."""
    await cx.execute(
        """delete from usdx.figures f where f.at < $1::timestamptz - interval '8 days'
        and not exists (select from usdx.figure_refreshes r where r.gauge = f.gauge and r.at = f.at)""",
        at,
        on=ON,
    )


def together(values: Iterable[Decimal], fold: Fold) -> Decimal:
    """Several values of a gauge as one, to the last digit. There is at least one."""
    if fold != "sum":
        return max(values) if fold == "max" else min(values)
    with localcontext(prec=1000):
        return sum(values, Decimal(0))


async def trend(cx: Connection, gauge: GaugeSpec, since: datetime, points: int) -> list[tuple[datetime, Decimal]]:
    """A gauge's history, oldest first, the values of one time as one, thinned to about `points` values: the last one of
    each equally long piece of time."""
    rows = await cx.fetch(
        f"""with sums as (
            select at, {gauge.fold}(value) as value, ntile($3) over (order by at) as piece
            from usdx.figures where gauge = $1 and at >= $2 group by at
        )
        select distinct on (piece) at, value from sums order by piece, at desc""",  # noqa: S608 (one of our own words)
        gauge.name,
        since,
        points,
        on=ON,
    )
    return [(row["at"], row["value"]) for row in rows]
