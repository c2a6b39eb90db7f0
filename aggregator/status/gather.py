"""Gather what the status page shows from the database, the workers and the last refresh of the business figures."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from aggregator.alerts import WATCHDOG
from aggregator.figures import trend
from aggregator.model import Reading, Refresh, Sweep
from aggregator.status.judge import (
    UNDECODED_COUNTED,
    judge_alerts,
    judge_chain,
    judge_feed,
    judge_figure,
    judge_worker,
    sorted_concerns,
    verdict_of,
)
from aggregator.status.model import (
    AlertStatus,
    ChainStatus,
    Concern,
    Curve,
    FeedStatus,
    FigureStatus,
    Incident,
    Part,
    Phase,
    Status,
    Trends,
    WorkerStatus,
)
from aggregator.status.samples import Facts, Rates
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
    """What the database said; `error` when it could not be asked, the rest is then what it said before."""

    chains: Mapping[str, Indexed] = field(default_factory=dict)
    feeds: Sequence[FeedStatus] = ()
    alerts: Sequence[AlertStatus] = ()
    alerts_total: int = 0
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
        await cx.fetchval(WATCHDOG_SQL, WATCHDOG, on="alert_notifications"),
        [Incident(**row) for row in await cx.fetch(INCIDENTS_SQL, INCIDENTS_SHOWN, on="observations")],
    )


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
    acknowledged_by, count(*) over () as total
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


@dataclass(frozen=True, slots=True)
class Scene:
    """Everything that a status is made of."""

    now: datetime
    seen: Seen
    sweep: Sweep
    facts: Facts
    rates: Rates
    refresh: Refresh
    gauges: Mapping[str, GaugeSpec]
    lag_thresholds: Mapping[str, float]
    version: str


def status_of(scene: Scene) -> Status:
    """Put the page together and judge it."""
    now, seen = scene.now, scene.seen
    chains = [_chain(scene, name) for name in sorted({*scene.lag_thresholds, *seen.chains})]
    figures = [_figure(scene, name, gauge) for name, gauge in scene.gauges.items()]
    workers = [
        WorkerStatus(one.target.service, one.target.instance, one.up, one.detail, one.duration_s)
        for one in scene.sweep.fetched
    ]
    concerns = [Concern("trouble", "database", f"{seen.error}.")] if seen.error else []
    for chain in chains:
        concerns += judge_chain(chain, now)
    for feed in seen.feeds:
        concerns += judge_feed(feed, now)
    for figure in figures:
        concerns += judge_figure(figure, now)
    for worker in workers:
        concerns += judge_worker(worker)
    concerns = sorted_concerns([*concerns, *judge_alerts(seen.alerts, seen.watchdog_at, now)])
    verdict, sentence = verdict_of(concerns)
    return Status(
        now,
        verdict,
        sentence,
        concerns,
        chains,
        list(seen.feeds),
        figures,
        workers,
        list(seen.alerts),
        seen.alerts_total,
        seen.watchdog_at,
        list(seen.incidents),
        scene.version,
    )


def _chain(scene: Scene, chain: str) -> ChainStatus:
    facts = scene.facts
    stored = scene.seen.chains.get(chain)
    block_time = stored.block_time if stored is not None else None
    threshold_s = scene.lag_thresholds.get(chain, 300.0)
    return ChainStatus(
        chain,
        _phase(facts, chain, block_time, threshold_s, scene.now),
        stored.block_number if stored is not None else None,
        block_time,
        _whole(facts.get("usdx_indexer_chain_head_block", chain)),
        threshold_s,
        scene.rates.per_s("usdx_indexer_events_processed_total", chain),
        scene.rates.per_s("usdx_indexer_blocks_processed_total", chain),
        facts.get("usdx_indexer_backfill_eta_seconds", chain),
        facts.get("usdx_indexer_backfill_ratio", chain),
        stored.reorgs if stored is not None else None,
        stored.undecoded if stored is not None else None,
    )


def _phase(facts: Facts, chain: str, block_time: datetime | None, threshold_s: float, now: datetime) -> Phase:
    if facts.get("usdx_indexer_halted", chain):
        return "halted"
    if facts.get("usdx_indexer_backfill_active", chain):
        return "catching up"
    if block_time is None:
        return "unknown"
    return "following" if (now - block_time).total_seconds() <= threshold_s else "behind"


def _figure(scene: Scene, name: str, gauge: GaugeSpec) -> FigureStatus:
    reading = scene.refresh.readings.get(name)
    return FigureStatus(
        name,
        title_of(name),
        gauge.help,
        gauge.unit,
        _together(reading, gauge),
        []
        if reading is None or not gauge.labels
        else [Part(dict(zip(gauge.labels, one.labels, strict=True)), f"{one.value:f}") for one in reading.figures],
        None if reading is None else reading.at,
        gauge.period_s,
        scene.refresh.broken.get(name),
    )


def _together(reading: Reading | None, gauge: GaugeSpec) -> str | None:
    """The parts as one number: added up, but the newest of times."""
    if reading is None or not reading.figures:
        return None
    values = [figure.value for figure in reading.figures]
    return f"{max(values) if gauge.unit == 'seconds' else sum(values, Decimal(0)):f}"


def title_of(gauge: str) -> str:
    """A gauge's name for a person: `usdx_total_loans_outstanding_usd` → `Total loans outstanding`."""
    words = gauge.removeprefix("usdx_")
    for suffix in ("_timestamp_seconds", "_seconds", "_usd", "_count", "_ratio"):
        words = words.removesuffix(suffix)
    return words.replace("_", " ").capitalize()


async def trends(cx: Connection, gauges: Mapping[str, GaugeSpec]) -> Trends:
    """The curves: each feed's last hour, each business figure's last day."""
    now = datetime.now(UTC)
    since = now - FEED_WINDOW
    feeds: dict[str, Curve] = {}
    for row in await cx.fetch(FEED_CURVES_SQL, since, CURVE_POINTS, on="observations"):
        curve = feeds.setdefault(row["feed"], Curve(row["feed"], [], []))
        curve.times.append(row["at"])
        curve.values.append(row["value"])
    figures = []
    for name, gauge in gauges.items():
        if gauge.unit != "seconds":
            points = await trend(cx, name, now - FIGURE_WINDOW, CURVE_POINTS)
            times = [at.timestamp() for at, _ in points]
            figures.append(Curve(name, times, [float(value) for _, value in points]))
    return Trends(list(feeds.values()), figures)


def _whole(value: float | None) -> int | None:
    return None if value is None else int(value)


def _plain(row: Any) -> dict[str, Any]:
    return {name: f"{value:f}" if isinstance(value, Decimal) else value for name, value in row.items()}
