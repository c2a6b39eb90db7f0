"""What the indexer says of itself: steps counted as they happen, states read at scrape."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from indexer.errors import DeepReorg
from indexer.horizon import Horizon
from indexer.model import Committed, Cursor, Idle, RolledBack, Step
from indexer.patience import WORLD
from indexer.progress import Pace, Progress, waits
from indexer.step import Worker
from shared.clock import Clock
from shared.errors import UsdxError
from shared.metrics import BATCH, DELAY, DEPTH, Family, Registry, Sample

C = ("chain",)
LAST_BLOCK = Family("usdx_indexer_last_block", "gauge", "Number of the last block committed.", C)
LAG = Family(
    "usdx_indexer_lag_seconds",
    "gauge",
    "Age of the last committed block, computed at scrape time.",
    C,
    "seconds",
)
LAST_TIME = Family(
    "usdx_indexer_last_block_timestamp_seconds", "gauge", "Timestamp of the last block committed.", C, "seconds"
)
HEAD = Family("usdx_indexer_chain_head_block", "gauge", "Highest block number reported by the RPC quorum.", C)
HEAD_TIME = Family(
    "usdx_indexer_chain_head_timestamp_seconds", "gauge", "Timestamp of the highest known block.", C, "seconds"
)
HEAD_SEEN = Family(
    "usdx_indexer_chain_head_fetched_timestamp_seconds",
    "gauge",
    "Wall-clock time the head was last fetched successfully.",
    C,
    "seconds",
)
FINALIZED = Family("usdx_indexer_finalized_block", "gauge", "Highest finalized block number.", C)
THRESHOLD = Family("usdx_indexer_lag_threshold_seconds", "gauge", "Configured lag alert threshold.", C, "seconds")
BACKFILL = Family("usdx_indexer_backfill_active", "gauge", "1 while historical sync is running.", C)
BACKFILL_RATIO = Family(
    "usdx_indexer_backfill_ratio", "gauge", "Part of the blocks from the first start block to the head that is done.", C
)
BACKFILL_ETA = Family(
    "usdx_indexer_backfill_eta_seconds",
    "gauge",
    "Time to the head at the present pace; absent without one.",
    C,
    "seconds",
)
HALTED = Family("usdx_indexer_halted", "gauge", "1 when the chain worker stopped on an unrecoverable error.", C)
RANGE = Family("usdx_indexer_range_blocks", "gauge", "Blocks in the widest range asked for last.", C)
STATES = (
    LAST_BLOCK, LAG, LAST_TIME, HEAD, HEAD_TIME, HEAD_SEEN, FINALIZED, THRESHOLD, BACKFILL, BACKFILL_RATIO,
    BACKFILL_ETA, HALTED, RANGE,
)  # fmt: skip

EVENTS = Family(
    "usdx_indexer_events_processed_total", "counter", "Contract events decoded and committed.", ("chain", "type")
)
BLOCKS = Family("usdx_indexer_blocks_processed_total", "counter", "Blocks committed.", C)
BLOCK_DELAY = Family(
    "usdx_indexer_block_delay_seconds",
    "histogram",
    "Delay from block timestamp to commit, live blocks only.",
    C,
    "seconds",
    DELAY,
)
BATCH_DURATION = Family(
    "usdx_indexer_batch_duration_seconds",
    "histogram",
    "Batch duration by pipeline stage.",
    ("chain", "stage"),
    "seconds",
    BATCH,
)
REORGS = Family("usdx_indexer_reorgs_total", "counter", "Chain reorganisations handled.", C)
REORG_DEPTH = Family(
    "usdx_indexer_reorg_depth_blocks", "histogram", "Depth of handled reorganisations in blocks.", C, "blocks", DEPTH
)
REVERTED = Family(
    "usdx_indexer_events_reverted_total", "counter", "Events rolled back by reorganisations.", ("chain", "type")
)
UNDECODED = Family("usdx_indexer_decode_errors_total", "counter", "Logs that failed to decode (quarantined).", C)
STEP_ERRORS = Family(
    "usdx_indexer_step_errors_total", "counter", "Steps given up and tried again, by reason.", ("chain", "reason")
)
STALLED = Family(
    "usdx_indexer_stalled_seconds_total",
    "counter",
    "Time spent waiting, by what was waited for.",
    ("chain", "on"),
    "seconds",
)
COUNTS = (
    EVENTS, BLOCKS, BLOCK_DELAY, BATCH_DURATION, REORGS, REORG_DEPTH, REVERTED, UNDECODED, STEP_ERRORS, STALLED,
)  # fmt: skip
FAMILIES = (*STATES, *COUNTS)

STAGES = ("fetch", "decode", "store")
WAITS = ("node", "decode", "database")


def _reasons(kinds: Iterable[type[UsdxError]]) -> Iterable[str]:
    for kind in kinds:
        yield kind.reason
        yield from _reasons(kind.__subclasses__())


REASONS = tuple(sorted({*_reasons(WORLD), DeepReorg.reason}))
"""Why a step may be given up and tried again."""


@dataclass(slots=True)
class ChainState:
    """What a scrape reads of one chain. `halted` is the message of the error that stopped it, `failing` what
    the last try failed for, the node or the database; nothing once something works again.

    A scrape is another thread, and workers hand streams over at any time: what is looked through is copied first.
    """

    name: str
    horizon: Horizon
    workers: Sequence[Worker]
    lag_threshold_s: float
    poll_s: float = 0.0
    backfilling: bool = False
    halted: str = ""
    failing: str = ""
    pace: Pace = field(default_factory=Pace)

    def cursor(self) -> Cursor | None:
        """Where the stream furthest behind stands, as last known."""
        known = [one for worker in self.workers for one in worker.seen.copy().values()]
        return min(known, key=lambda one: one.number, default=None)

    def progress(self, clock: Clock) -> Progress | None:
        """How far the chain is; None before anything is known."""
        cursor, tip = self.cursor(), self.horizon.tip
        if cursor is None or tip is None:
            return None
        now = clock.monotonic()
        return Progress(
            block=None if cursor.hash is None else cursor.number,
            behind_blocks=max(0, tip.number - cursor.number),
            lag_s=None if cursor.time is None else max(0.0, clock.now() - cursor.time),
            events_per_s=self.pace.events_per_s(now),
            blocks_per_s=self.pace.blocks_per_s(now),
            waits_for=self._waits_for(now),
            halted=self.halted,
            silent_s=self._silent_s(now),
        )

    def _silent_s(self, now: float) -> float:
        """How long nobody has told the head: at rest it is looked at every poll, whether the chain moves or not."""
        age_s = now - self.horizon.looked_at
        return age_s if age_s > self.lag_threshold_s + self.poll_s else 0.0

    def _waits_for(self, now: float) -> str:
        """What holds the chain up: what fails, else what the last commits waited for, else what is waited for now."""
        under_way = next(filter(None, (worker.waits_for for worker in self.workers)), "")
        return self.failing or self.pace.waits_for(now) or under_way

    def done_ratio(self) -> float | None:
        """Done blocks of all streams through all their blocks up to the tip."""
        if self.horizon.tip is None or not self.workers:
            return None
        tip = self.horizon.tip.number
        starts = {key: one.start_block for worker in self.workers for key, one in worker.streams.copy().items()}
        at = {key: one.number for worker in self.workers for key, one in worker.seen.copy().items()}
        total = sum(max(0, tip - start + 1) for start in starts.values())
        done = sum(max(0, min(at.get(key, -1), tip) - start + 1) for key, start in starts.items())
        return done / total if total else 1.0


class Meter:
    """The families of one chain."""

    def __init__(self, registry: Registry, state: ChainState, clock: Clock) -> None:
        self._state, self._clock = state, clock
        self._events, self._blocks = registry.counter(EVENTS), registry.counter(BLOCKS)
        self._delay, self._duration = registry.histogram(BLOCK_DELAY), registry.histogram(BATCH_DURATION)
        self._reorgs, self._depth = registry.counter(REORGS), registry.histogram(REORG_DEPTH)
        self._reverted, self._undecoded = registry.counter(REVERTED), registry.counter(UNDECODED)
        self._errors, self._stalled = registry.counter(STEP_ERRORS), registry.counter(STALLED)
        chain = state.name
        for family in (self._blocks, self._delay, self._reorgs, self._depth, self._undecoded):
            family.start(chain)
        for stage in STAGES:
            self._duration.start(chain, stage)
        for cause in WAITS:
            self._stalled.start(chain, cause)
        for reason in REASONS:
            self._errors.start(chain, reason)

    def start(self, event_names: Iterable[str]) -> None:
        """Let the series of these events exist at 0."""
        for name in event_names:
            self._events.start(self._state.name, name)
            self._reverted.start(self._state.name, name)

    def observe(self, step: Step) -> None:
        """Count what happened."""
        match step:
            case Committed():
                self._committed(step)
            case RolledBack():
                self._reorgs.inc(step.chain)
                self._depth.observe(step.depth, step.chain)
                for name, count in step.events.items():
                    self._reverted.inc(step.chain, name, by=count)
            case Idle():
                pass

    def failed(self, reason: str, lost_s: float, *, on: str) -> None:
        """A step was given up; it and the wait for the next try cost `lost_s`."""
        self._errors.inc(self._state.name, reason)
        self._stalled.inc(self._state.name, on, by=lost_s)

    def _committed(self, step: Committed) -> None:
        chain = step.chain
        self._blocks.inc(chain, by=len(step.range))
        for name, count in step.events.items():
            self._events.inc(chain, name, by=count)
        if step.undecoded:
            self._undecoded.inc(chain, by=step.undecoded)
        if step.live:
            self._delay.observe(max(0.0, step.committed_at - step.block.time), chain)
        timing = step.timing
        for stage, seconds in zip(STAGES, (timing.fetch_s, timing.decode_s, timing.store_s), strict=True):
            self._duration.observe(seconds, chain, stage)
        for on, seconds in waits(timing).items():
            self._stalled.inc(chain, on, by=seconds)
        self._state.pace.note(step, self._clock.monotonic())


def watch(registry: Registry, states: Sequence[ChainState], clock: Clock) -> None:
    """Read the states of all chains at every scrape."""
    registry.collector(lambda: _states(states, clock), *STATES)


def _states(states: Sequence[ChainState], clock: Clock) -> Iterable[Sample]:
    for state in states:
        chain = (state.name,)
        yield Sample(THRESHOLD, state.lag_threshold_s, chain)
        yield Sample(HALTED, float(bool(state.halted)), chain)
        yield Sample(BACKFILL, float(state.backfilling), chain)
        yield from _cursor(state, clock)
        yield from _horizon(state.horizon, chain)
        yield Sample(RANGE, max((worker.width for worker in state.workers), default=0), chain)


def _cursor(state: ChainState, clock: Clock) -> Iterable[Sample]:
    chain, progress, cursor = (state.name,), state.progress(clock), state.cursor()
    if cursor is not None and cursor.hash is not None:
        yield Sample(LAST_BLOCK, cursor.number, chain)
    if cursor is not None and cursor.time is not None:
        yield Sample(LAST_TIME, cursor.time, chain)
        yield Sample(LAG, max(0.0, clock.now() - cursor.time), chain)
    if progress is not None and state.backfilling and progress.eta_s is not None:
        yield Sample(BACKFILL_ETA, progress.eta_s, chain)
    ratio = state.done_ratio()
    if ratio is not None:
        yield Sample(BACKFILL_RATIO, ratio, chain)


def _horizon(horizon: Horizon, chain: tuple[str]) -> Iterable[Sample]:
    if horizon.tip is not None:
        yield Sample(HEAD, horizon.tip.number, chain)
        yield Sample(HEAD_TIME, horizon.tip.time, chain)
    if horizon.seen_at is not None:
        yield Sample(HEAD_SEEN, horizon.seen_at, chain)
    if horizon.finalized is not None:
        yield Sample(FINALIZED, horizon.finalized.number, chain)
