"""What the oracle says of itself in numbers: one `observe` a round, one an exchange, states read at scrape."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from oracle.aggregate import Memory
from oracle.desk import Exchange
from oracle.model import Fetched, Input, Pair, Refused, Round
from oracle.plan import AskChain, AskVenue, FeedPlan, Plan
from oracle.reasons import EXPLAINED, Reason
from oracle.rules import quorum
from oracle.rules.spot import spot_deviation_bps
from shared.metrics import CAPS, OTHER, RPC, Family, Registry, Sample

ASSET, BOTH = ("asset",), ("asset", "source")


def _gauge(name: str, help_: str, labels: tuple[str, ...], unit: str = "") -> Family:
    return Family(f"usdx_oracle_{name}", "gauge", help_, labels, unit)


def _counter(name: str, help_: str, labels: tuple[str, ...] = ()) -> Family:
    return Family(f"usdx_oracle_{name}", "counter", help_, labels)


PRICE = _gauge(
    "price", "Latest accepted price by source, in US dollars where the asset has no other quote.", BOTH, "usd"
)
UPDATES = _counter("updates_total", "Accepted price updates.", BOTH)
ERRORS = _counter("errors_total", "Failed price fetches by error class.", ("source", "kind"))
FETCHES = _counter("fetches_total", "Price fetch attempts.", ("source",))
FETCH_DURATION = Family(
    "usdx_oracle_fetch_duration_seconds", "histogram", "Price fetch latency.", ("source",), "seconds", RPC
)
PRICE_TIME = _gauge("price_timestamp_seconds", "Source timestamp of the latest accepted price.", BOTH, "seconds")
RECEIVED = _gauge("price_received_timestamp_seconds", "Time the latest accepted price was received.", BOTH, "seconds")
CHANGED = _gauge(
    "price_changed_timestamp_seconds", "Time since which the source has shown no sign of change.", BOTH, "seconds"
)
MEDIAN = _gauge(
    "median_price", "Published aggregate price, in US dollars where the asset has no other quote.", ASSET, "usd"
)
LAST_UPDATE = _gauge("last_update_timestamp_seconds", "Time the aggregate price was last published.", ASSET, "seconds")
HEARTBEAT = _gauge("heartbeat_seconds", "Configured maximum age of the aggregate price.", ASSET, "seconds")
DEVIATION = _gauge("deviation_ratio", "Largest relative deviation of a source from the median.", ASSET, "ratio")
SOURCE_DEVIATION = _gauge("source_deviation_bps", "Deviation of a source from the median in basis points.", BOTH)
SPREAD = _gauge("spread_bps", "Spread between the sources of the last round in basis points.", ASSET)
SPOT_DEVIATION = _gauge("spot_deviation_bps", "Distance of a pool's spot from its average in basis points.", BOTH)
HEALTHY = _gauge("sources_healthy", "Independent source groups contributing to the aggregate.", ASSET)
REQUIRED = _gauge("sources_required", "Configured quorum of independent source groups.", ASSET)
USED = _gauge("sources_used", "Sources used in the last round.", ASSET)
CONFIGURED = _gauge("sources_configured", "Configured sources.", ASSET)
CONFIDENCE = _gauge("confidence_ratio", "Confidence of the last observation.", ASSET, "ratio")
REJECTED = _counter("rejected_prices_total", "Prices rejected by sanity checks.", ("asset", "reason"))
REFUSED = _counter("refused_rounds_total", "Rounds without a fresh price by reason.", ("asset", "reason"))
ROUNDS = _counter("rounds_total", "Rounds by result.", ("asset", "result"))
MISSED = _counter("missed_ticks_total", "Ticks that came while a round was still under way.", ASSET)
ROUND_DURATION = Family(
    "usdx_oracle_round_duration_seconds", "histogram", "Duration of a round of one feed.", (), "seconds", RPC
)
BREAKER = _gauge("circuit_breaker_open", "1 when publication is frozen for the asset.", ASSET)
CLOCK_SKEW = _gauge("clock_skew_seconds", "How far the venues' clocks are ahead of ours.", (), "seconds")
MAX_DEVIATION = _gauge("max_deviation_bps", "Configured limit of disagreement in basis points.", ASSET)
MAX_AGE = _gauge("max_age_seconds", "Configured maximum age of a quote.", ASSET, "seconds")
MAX_JUMP = _gauge("max_jump_bps", "Configured limit of a jump in basis points.", ASSET)
INTERVAL = _gauge("interval_seconds", "Configured time between rounds.", ASSET, "seconds")
LIMIT_WAITS = _counter("rate_limit_waits_total", "Requests that waited for the venue's budget.", ("source",))
LIMIT_WAITED = _counter("rate_limit_wait_seconds_total", "Seconds spent waiting for the venue's budget.", ("source",))
REQUESTS = _counter("requests_total", "Joint requests sent to a venue or chain.", ("source",))
PAUSED = _gauge("source_paused_seconds", "For how much longer the venue is left alone.", ("source",), "seconds")
BUDGET_LEFT = _gauge("source_budget_left", "Requests left in the venue's budget.", ("source",))
STREAM_UP = _gauge("stream_up", "1 while the venue's push channel delivers.", ("source",))
STREAM_MESSAGE = _gauge(
    "stream_last_message_timestamp_seconds", "Time of the last message of the push channel.", ("source",), "seconds"
)
RECONNECTS = _counter("stream_reconnects_total", "Ends of push channels by reason.", ("source", "reason"))
WAITING = _gauge("rounds_waiting", "Rounds not yet stored.", ())
LOST = _counter("rounds_lost_total", "Rounds given up because the database was away for too long.")

FAMILIES = (
    PRICE, UPDATES, ERRORS, FETCHES, FETCH_DURATION, PRICE_TIME, RECEIVED, CHANGED, MEDIAN, LAST_UPDATE, HEARTBEAT,
    DEVIATION, SOURCE_DEVIATION, SPREAD, SPOT_DEVIATION, HEALTHY, REQUIRED, USED, CONFIGURED, CONFIDENCE, REJECTED,
    REFUSED, ROUNDS, MISSED, ROUND_DURATION, BREAKER, CLOCK_SKEW, MAX_DEVIATION, MAX_AGE, MAX_JUMP, INTERVAL,
    LIMIT_WAITS, LIMIT_WAITED, REQUESTS, PAUSED, BUDGET_LEFT, STREAM_UP, STREAM_MESSAGE, RECONNECTS, WAITING, LOST,
)  # fmt: skip

OF_CHAINS = (Reason.TIMEOUT, Reason.RPC, Reason.REVERTED, Reason.OLD_BLOCK, Reason.MALFORMED)
OF_VENUES = tuple(
    reason
    for reason, text in EXPLAINED.items()
    if text.where == "fetch" and reason not in (Reason.RPC, Reason.REVERTED, Reason.OLD_BLOCK)
)
OF_QUOTES = frozenset(reason for reason, text in EXPLAINED.items() if "quote" in text.where)
RESULTS = ("fresh", "cached", "refused")


class RoundMetrics:
    """Counts rounds. A series of every known label set exists from the start; a gauge without truth does not."""

    def __init__(self, registry: Registry, plan: Plan) -> None:
        counter, gauge = registry.counter, registry.gauge
        self._updates, self._errors, self._fetches = counter(UPDATES), counter(ERRORS), counter(FETCHES)
        self._rejected, self._refused, self._rounds = counter(REJECTED), counter(REFUSED), counter(ROUNDS)
        self._missed = counter(MISSED)
        self._fetch_s, self._round_s = registry.histogram(FETCH_DURATION), registry.histogram(ROUND_DURATION)
        self._by_source = {
            one: gauge(one) for one in (PRICE, PRICE_TIME, RECEIVED, CHANGED, SOURCE_DEVIATION, SPOT_DEVIATION)
        }
        self._by_asset = {
            one: gauge(one) for one in (MEDIAN, LAST_UPDATE, DEVIATION, SPREAD, HEALTHY, USED, CONFIDENCE, BREAKER)
        }
        self._skew = gauge(CLOCK_SKEW)
        named = sorted(plan.feeds, key=lambda one: not one.required)[: CAPS["asset"]]
        self._named = {feed.pair: feed.pair.asset for feed in named}
        for feed in plan.feeds:
            self._start(feed)
        for feed in named:
            self._expose_limits(registry, feed)

    def _start(self, feed: FeedPlan) -> None:
        asset = self._named.get(feed.pair, OTHER)
        for source, ask in feed.asks.items():
            self._fetches.start(source)
            self._fetch_s.start(source)
            self._updates.start(asset, source)
            kinds = OF_VENUES if isinstance(ask, AskVenue) else OF_CHAINS if isinstance(ask, AskChain) else ()
            for kind in kinds:
                self._errors.start(source, kind)
        for reason, text in EXPLAINED.items():
            if "quote" in text.where:
                self._rejected.start(asset, reason)
            if "observation" in text.where:
                self._refused.start(asset, reason)
        for result in RESULTS:
            self._rounds.start(asset, result)
        self._missed.start(asset)

    def _expose_limits(self, registry: Registry, feed: FeedPlan) -> None:
        limits, asset = feed.feed.limits, feed.pair.asset
        registry.gauge(HEARTBEAT).set(feed.heartbeat_s, asset)
        registry.gauge(REQUIRED).set(limits.min_sources, asset)
        registry.gauge(CONFIGURED).set(len(feed.asks), asset)
        registry.gauge(MAX_DEVIATION).set(float(limits.max_deviation_bps), asset)
        registry.gauge(MAX_AGE).set(limits.max_age_s, asset)
        registry.gauge(INTERVAL).set(feed.every_s, asset)
        if limits.max_jump_bps is not None:
            registry.gauge(MAX_JUMP).set(float(limits.max_jump_bps), asset)

    def observe(self, one: Round) -> None:
        """Count a round and say what it saw. Feeds beyond the cap of names are counted together and have no gauges."""
        seen = one.observation
        asset = self._named.get(seen.feed, OTHER)
        for fetched in one.fetched:
            self._fetched(fetched)
        for each in seen.inputs:
            self._input(asset, each)
        self._rounds.inc(asset, seen.result)
        self._round_s.observe(one.duration_s)
        if one.missed_ticks:
            self._missed.inc(asset, by=one.missed_ticks)
        if seen.reason is not None:
            self._refused.inc(asset, seen.reason)
        if asset is not OTHER:
            self._asset(asset, one)
        if seen.clock_skew_s is not None:
            self._skew.set(seen.clock_skew_s)

    def _fetched(self, one: Fetched) -> None:
        self._fetches.inc(one.source)
        self._fetch_s.observe(one.duration_s, one.source)
        if isinstance(one.outcome, Refused) and one.outcome.reason not in OF_QUOTES:
            self._errors.inc(one.source, one.outcome.reason)

    def _input(self, asset: str, one: Input) -> None:
        if one.reason is not None and one.reason in OF_QUOTES:
            self._rejected.inc(asset, one.reason)
        if one.verdict == "used":
            self._updates.inc(asset, one.source)
        if asset is not OTHER:
            self._source(asset, one)

    def _source(self, asset: str, one: Input) -> None:
        gauges, quote = self._by_source, one.quote
        if one.deviation_bps is not None:
            gauges[SOURCE_DEVIATION].set(float(one.deviation_bps), asset, one.source)
        if one.verdict != "used" or quote is None or one.price is None:
            return
        gauges[PRICE].set(float(one.price), asset, one.source)
        gauges[PRICE_TIME].set(quote.oldest_s, asset, one.source)
        gauges[RECEIVED].set(quote.received_at_s, asset, one.source)
        gauges[CHANGED].set(quote.received_at_s - one.unchanged_s, asset, one.source)
        apart = spot_deviation_bps(quote)
        if apart is not None:
            gauges[SPOT_DEVIATION].set(float(apart), asset, one.source)

    def _asset(self, asset: str, one: Round) -> None:
        seen, gauges = one.observation, self._by_asset
        used = seen.used
        gauges[USED].set(len(used) if seen.result == "fresh" else 0, asset)
        gauges[HEALTHY].set(len(quorum.counted(each.group for each in used)), asset)
        gauges[CONFIDENCE].set(float(seen.confidence), asset)
        gauges[BREAKER].set(float(seen.reason is Reason.JUMP), asset)
        apart = [each.deviation_bps for each in seen.inputs if each.deviation_bps is not None]
        if apart:
            gauges[DEVIATION].set(float(max(apart) / 10_000), asset)
        if seen.spread_bps is not None:
            gauges[SPREAD].set(float(seen.spread_bps), asset)
        if seen.published and seen.price is not None:
            gauges[MEDIAN].set(float(seen.price), asset)
            gauges[LAST_UPDATE].set(seen.observed_at_s, asset)


class ExchangeMetrics:
    """Counts requests to venues and chains."""

    def __init__(self, registry: Registry, sources: Iterable[str]) -> None:
        self._requests = registry.counter(REQUESTS)
        self._waits, self._waited = registry.counter(LIMIT_WAITS), registry.counter(LIMIT_WAITED)
        for source in sources:
            for one in (self._requests, self._waits, self._waited):
                one.start(source)

    def observe(self, one: Exchange) -> None:
        """Count one request and what it waited."""
        self._requests.inc(one.source)
        if one.waited_s:
            self._waits.inc(one.source)
            self._waited.inc(one.source, by=one.waited_s)


@dataclass(frozen=True, slots=True)
class StreamState:
    """A push channel as a scrape sees it."""

    up: bool
    last_message_at_s: float | None


@dataclass(frozen=True, slots=True)
class States:
    """Where a scrape looks: functions that only read memory."""

    desks: Callable[[], Mapping[str, tuple[float, float]]]
    streams: Callable[[], Mapping[str, StreamState]]
    journal: Callable[[], tuple[int, int]]


def watch(registry: Registry, states: States) -> None:
    """Read the states at every scrape."""

    def read() -> Iterable[Sample]:
        for source, (paused_s, left) in states.desks().items():
            yield Sample(PAUSED, paused_s, (source,))
            yield Sample(BUDGET_LEFT, left, (source,))
        for source, state in states.streams().items():
            yield Sample(STREAM_UP, float(state.up), (source,))
            if state.last_message_at_s is not None:
                yield Sample(STREAM_MESSAGE, state.last_message_at_s, (source,))
        waiting, lost = states.journal()
        yield Sample(WAITING, waiting)
        yield Sample(LOST, lost)

    registry.collector(read, PAUSED, BUDGET_LEFT, STREAM_UP, STREAM_MESSAGE, WAITING, LOST)


def restore(registry: Registry, memories: Mapping[Pair, tuple[Memory, bool]]) -> None:
    """Say after a restart when each feed was last published: a restart must not hide a silence."""
    for pair, (memory, published) in memories.items():
        if memory.good is not None and published:
            registry.gauge(LAST_UPDATE).set(memory.good.observed_at_s, pair.asset)
            registry.gauge(MEDIAN).set(float(memory.good.price), pair.asset)
