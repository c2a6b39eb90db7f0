"""The nouns of the status page, as the API gives them."""

from typing import Annotated, Literal

import msgspec

from aggregator.api.answers import Amount, Instant

Level = Literal["trouble", "attention", "note"]
Verdict = Literal["well", "attention", "trouble"]
Phase = Literal["following", "catching up", "behind", "halted", "unknown"]


class Concern(msgspec.Struct):
    """One thing that is not as it should be."""

    level: Level
    about: Annotated[str, msgspec.Meta(description="What it is about, such as `chain base` or `feed ETH/USD`.")]
    text: str


class ChainStatus(msgspec.Struct):
    """How far a chain is indexed and how fast. What only the indexer can say is null while it cannot be asked."""

    chain: str
    phase: Phase
    block: int | None
    block_time: Instant | None
    head: int | None
    lag_threshold_s: float
    events_per_s: float | None
    blocks_per_s: float | None
    eta_s: float | None
    progress: Annotated[float | None, msgspec.Meta(description="Part of the history that is stored, 0 to 1.")]
    reorgs: Annotated[int | None, msgspec.Meta(description="Within the last 24 hours.")]
    undecoded: Annotated[
        int | None, msgspec.Meta(description="Logs that are kept as they came, counted up to a thousand.")
    ]


class FeedStatus(msgspec.Struct):
    """What a feed says and how far it can be trusted."""

    feed: str
    price: Amount | None
    result: Literal["fresh", "cached", "refused"] | None
    reason: str | None
    detail: str | None
    observed_at: Instant | None
    heartbeat_s: float
    required: bool
    spread_bps: Amount | None
    sources_used: int | None
    sources_dropped: int | None


class Part(msgspec.Struct):
    """One series of a business figure."""

    labels: dict[str, str]
    value: Amount


class FigureStatus(msgspec.Struct):
    """A business figure; `value` is its parts as one: added up, but the largest of ratios and the newest of times."""

    gauge: str
    title: str
    help: str
    unit: str
    value: Amount | None
    parts: list[Part]
    read_at: Instant | None
    period_s: float
    error: str | None


class WorkerStatus(msgspec.Struct):
    """Whether a worker answers."""

    service: str
    instance: str
    up: bool
    detail: str
    fetch_s: float


class AlertStatus(msgspec.Struct):
    """An alert that is active."""

    fingerprint: str
    alertname: str
    severity: str
    service: str
    summary: str
    starts_at: Instant
    acknowledged_by: str | None


class Incident(msgspec.Struct):
    """A price that was refused or a reorg, as it happened."""

    kind: Literal["refusal", "reorg"]
    at: Instant
    about: str
    text: str


class Status(msgspec.Struct):
    """Everything the status page shows but its curves."""

    at: Instant
    verdict: Verdict
    sentence: str
    concerns: list[Concern]
    chains: list[ChainStatus]
    feeds: list[FeedStatus]
    figures: list[FigureStatus]
    workers: list[WorkerStatus]
    alerts: list[AlertStatus]
    alerts_total: int
    watchdog_at: Instant | None
    incidents: list[Incident]
    version: str


class Curve(msgspec.Struct):
    """One curve: unix seconds and the values then, oldest first."""

    name: str
    times: list[float]
    values: list[float]


class Trends(msgspec.Struct):
    """The curves of the status page: feeds over the last hour, business figures over the last day."""

    feeds: list[Curve]
    figures: list[Curve]
