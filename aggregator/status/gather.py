"""Put together what the status page shows: what the database and the workers said, and the last business figures."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from aggregator.figures import together
from aggregator.model import Reading, Refresh, Sweep
from aggregator.status.judge import (
    judge_alerts,
    judge_chain,
    judge_feed,
    judge_figure,
    judge_worker,
    sorted_concerns,
    verdict_of,
)
from aggregator.status.model import (
    ChainStatus,
    Concern,
    FigureStatus,
    Part,
    Phase,
    Status,
    WorkerStatus,
)
from aggregator.status.samples import Facts, Rates
from aggregator.status.seen import Seen
from shared.protocol import GaugeSpec


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
    verdict, sentence = verdict_of(concerns, seen.alerts_unseen)
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
    """The parts as one number."""
    if reading is None or not reading.figures:
        return None
    return f"{together([figure.value for figure in reading.figures], gauge.fold):f}"


def title_of(gauge: str) -> str:
    """A gauge's name for a person: `usdx_total_loans_outstanding_usd` → `Total loans outstanding`."""
    words = gauge.removeprefix("usdx_")
    for suffix in ("_timestamp_seconds", "_seconds", "_usd", "_count", "_ratio"):
        words = words.removesuffix(suffix)
    return words.replace("_", " ").capitalize()


def _whole(value: float | None) -> int | None:
    return None if value is None else int(value)
