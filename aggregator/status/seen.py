"""Ask the database what the status page shows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from aggregator.alerts import WATCHDOG
from aggregator.figures import trend
from aggregator.status.judge import LEVELS, UNDECODED_COUNTED
from aggregator.status.model import AlertStatus, Curve, FeedStatus, Incident, Level, Trends
from shared.db import Connection
from shared.protocol import GaugeSpec

ALERTS_SHOWN = 20
INCIDENTS_SHOWN = 12
FEED_WINDOW = timedelta(hours=1)
FIGURE_WINDOW = timedelta(hours=24)
CURVE_POINTS = 96


@dataclass(frozen=True, slots=True)
class Indexed:
    """What is stored of a chain: its slowest stream's cursor, the reorgs of the last day, and how many logs are kept
    undecoded, counted up to UNDECODED_COUNTED."""

    block_number: int
    block_time: datetime | None
    reorgs: int
    undecoded: int


@dataclass(frozen=True, slots=True)
class Seen:
    """What the database said: of the alerts the worst, and of those beyond them how many of each level there are. With
    `error` it could not be asked, and the rest is what it said before."""

    chains: Mapping[str, Indexed] = field(default_factory=dict)
    feeds: Sequence[FeedStatus] = ()
    alerts: Sequence[AlertStatus] = ()
    alerts_total: int = 0
    alerts_unseen: Mapping[Level, int] = field(default_factory=dict)
    watchdog_at: datetime | None = None
    incidents: Sequence[Incident] = ()
    error: str | None = None


async def look(cx: Connection) -> Seen:
    """Ask the database, all in the caller's snapshot."""
    rows = await cx.fetch(ALERTS_SQL, WATCHDOG, ALERTS_SHOWN, on="active_alerts")
    return Seen(
        {row["chain"]: Indexed(*row[1:]) for row in await cx.fetch(CHAINS_SQL, UNDECODED_COUNTED, on="cursors")},
        [FeedStatus(**_plain(row)) for row in await cx.fetch(FEEDS_SQL, on="latest_prices")],
        [AlertStatus(**{name: row[name] for name in AlertStatus.__struct_fields__}) for row in rows],
        rows[0]["total"] if rows else 0,
        {level: rows[0][level] - sum(one["severity"] == name for one in rows) for name, level in LEVELS.items()}
        if rows
        else {},
        await cx.fetchval(WATCHDOG_SQL, WATCHDOG, on="alert_notifications"),
        [Incident(**row) for row in await cx.fetch(INCIDENTS_SQL, INCIDENTS_SHOWN, on="observations")],
    )


async def trends(cx: Connection, gauges: Mapping[str, GaugeSpec], now: datetime) -> Trends:
    """The curves: each feed's last hour, each business figure's last day."""
    since = now - FEED_WINDOW
    feeds: dict[str, Curve] = {}
    for row in await cx.fetch(FEED_CURVES_SQL, since, CURVE_POINTS, on="observations"):
        curve = feeds.setdefault(row["feed"], Curve(row["feed"], [], []))
        curve.times.append(row["at"])
        curve.values.append(row["value"])
    figures = []
    for name, gauge in gauges.items():
        if gauge.unit != "seconds":
            points = await trend(cx, gauge, now - FIGURE_WINDOW, CURVE_POINTS)
            times = [at.timestamp() for at, _ in points]
            figures.append(Curve(name, times, [float(value) for _, value in points]))
    return Trends(list(feeds.values()), figures)


def _plain(row: Any) -> dict[str, Any]:
    return {name: f"{value:f}" if isinstance(value, Decimal) else value for name, value in row.items()}


CHAINS_SQL = """
with slowest as (
    select distinct on (chain) chain, block_number, block_time from usdx.cursors order by chain, block_number
)
select chain, block_number, block_time,
    (
        select count(*) from usdx.reorgs r
        where r.chain = slowest.chain and r.seen_at > now() - interval '1 day'
    ) as reorgs,
    (select count(*) from (
        select from usdx.cursors c join usdx.undecoded_logs u using (stream) where c.chain = slowest.chain limit $1
    ) kept) as undecoded
from slowest"""
FEEDS_SQL = """
select f.feed, p.price, p.result, p.reason, p.detail, p.observed_at, f.heartbeat_s, f.required, p.spread_bps,
    p.sources_used, p.sources_dropped
from usdx.feeds f
left join lateral (
    select * from usdx.observations o where o.feed = f.feed order by o.observed_at desc limit 1
) p on true
where f.active order by f.required desc, f.feed"""
ALERTS_SQL = """
select fingerprint, alertname, severity, service, coalesce(annotations->>'summary', '') as summary, starts_at,
    acknowledged_by, count(*) over () as total, count(*) filter (where severity = 'critical') over () as trouble,
    count(*) filter (where severity = 'warning') over () as attention
from usdx.active_alerts where alertname <> $1
order by array_position(array['critical', 'warning', 'info', 'none'], severity), starts_at desc limit $2"""
WATCHDOG_SQL = """
select max(last_received_at) from usdx.alert_notifications where alertname = $1 and status = 'firing'"""
INCIDENTS_SQL = """
(select 'refusal' as kind, observed_at as at, feed as about, concat_ws(': ', reason, detail) as text
from usdx.observations where result = 'refused' and observed_at > now() - interval '1 day'
order by observed_at desc limit $1)
union all
(select 'reorg', seen_at, chain, case from_block - ancestor
    when 1 then format('Block %s was replaced', from_block)
    else format('Blocks %s to %s were replaced', ancestor + 1, from_block)
    end || case events when 0 then '' when 1 then '; 1 event taken back'
    else format('; %s events taken back', events) end
from usdx.reorgs where seen_at > now() - interval '1 day' order by id desc limit $1)
order by at desc limit $1"""
FEED_CURVES_SQL = """
with known as (
    select feed, observed_at, price from usdx.observations where observed_at >= $1 and price is not null
), piece as (
    select greatest((max(observed_at) - min(observed_at)) / $2, interval '1 second') as width from known
), binned as (
    select feed, date_bin(width, observed_at, 'epoch') as bin, observed_at, price from known, piece
)
select distinct on (feed, bin) feed, extract(epoch from observed_at)::float8 as at, price::float8 as value
from binned order by feed, bin, observed_at desc"""
