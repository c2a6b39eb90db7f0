"""Turn the configuration into feeds with their sources, limits and legs, or say everything that is wrong with it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TypeAlias

from oracle.aggregate import Feed
from oracle.convert import Graph, NoRoute, cycle, follow
from oracle.limits import FeedLimits, SourceLimits, Terms
from oracle.model import Leg, Pair
from oracle.onchain import Reader
from oracle.params import Params, decimal, optional, seconds, word
from oracle.rules import quorum
from oracle.sources import MANUAL, READERS, VENUES
from oracle.sources.generic import Description
from oracle.sources.generic import venue as described_venue
from oracle.venue import Budget, Venue
from shared.problems import Problem, refuse
from shared.settings import FeedSettings, Settings, VenueSettings

CHAINLINK_HEARTBEAT_S = 3600.0
GRACE = 1.1  # a heartbeat may be late by a tenth before the feed counts as dead


@dataclass(frozen=True, slots=True)
class AskVenue:
    """Ask the venue of this name for a symbol."""

    venue: str
    symbol: str
    stream_symbol: str = ""


@dataclass(frozen=True, slots=True)
class AskChain:
    """Ask a chain's contracts."""

    chain: str
    reader: Reader


@dataclass(frozen=True, slots=True)
class AskPerson:
    """Look at what a person set for this pair."""

    pair: Pair


Ask: TypeAlias = AskVenue | AskChain | AskPerson


@dataclass(frozen=True, slots=True)
class VenuePlan:
    """A venue as it is reached here. `headers` carry its token and are never shown."""

    venue: Venue
    base_url: str
    stream_url: str = ""
    streaming: bool = False
    headers: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class FeedPlan:
    """A feed: what decides about it, whom it asks, and when."""

    feed: Feed
    asks: Mapping[str, Ask]
    every_s: float
    timeout_s: float
    heartbeat_s: float
    required: bool
    publish_deviation_bps: Decimal = Decimal(0)

    @property
    def pair(self) -> Pair:
        return self.feed.pair

    @property
    def legs(self) -> frozenset[Pair]:
        """The feeds that convert for this one."""
        return frozenset(leg.pair for terms in self.feed.terms.values() for leg in terms.legs)


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything the oracle is to do. Feeds that convert come before those that need them."""

    feeds: tuple[FeedPlan, ...]
    venues: Mapping[str, VenuePlan]

    def feed(self, pair: Pair) -> FeedPlan:
        """The plan of one feed. Raises KeyError."""
        return next((one for one in self.feeds if one.pair == pair), None) or _missing(pair)


def _missing(pair: Pair) -> FeedPlan:
    raise KeyError(str(pair))


def plan(settings: Settings) -> Plan:
    """The plan of a configuration. Raises ConfigError that names every problem with its key, value and expectation."""
    reading = _Reading(settings)
    venues = {name: one for name in reading.venue_names() if (one := reading.venue(name))}
    feeds = [found for name, one in settings.feeds.items() if (found := reading.feed(name, one, venues))]
    needs = {one.pair: sorted(one.legs) for one in feeds}
    if circle := cycle(needs):
        reading.problem("feeds", " → ".join(map(str, circle)), "no feeds that convert through each other")
    if reading.problems:
        raise refuse(reading.problems)
    return Plan(_in_order(feeds, needs), venues)


def _in_order(feeds: Iterable[FeedPlan], needs: Mapping[Pair, list[Pair]]) -> tuple[FeedPlan, ...]:
    def depth(pair: Pair) -> int:
        return 1 + max((depth(need) for need in needs.get(pair, ())), default=0)

    return tuple(sorted(feeds, key=lambda one: depth(one.pair)))


class _Reading:
    """One pass over the configuration, collecting problems."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.problems: list[Problem] = []
        self.pairs = frozenset(filter(None, map(_pair, settings.feeds)))
        self.graph = Graph(self.pairs)

    def problem(self, key: str, value: object, expected: str) -> None:
        self.problems.append(Problem(self.settings.origin(key), key, f"{str(value)[:80]!r}", f"expected {expected}"))

    def venue_names(self) -> tuple[str, ...]:
        """Every venue that a feed asks or the configuration describes."""
        asked = {self.kind(feed, name): name for feed in self.settings.feeds.values() for name in feed.sources}
        return tuple(dict.fromkeys([*self.settings.venues, *(kind for kind in asked if kind in VENUES)]))

    def kind(self, feed: FeedSettings, source: str) -> str:
        """The venue or reader a source stands for: its own `type`, else its name."""
        return str(feed.parameters.get(source, {}).get("type", source))

    def venue(self, name: str) -> VenuePlan | None:
        settings = self.settings.venues.get(name, VenueSettings())
        base = self._base(name, settings)
        if base is None:
            return None
        budget = base.budget
        if settings.requests or settings.per:
            budget = Budget(settings.requests or budget.requests, settings.per or budget.per_s, budget.symbols)
        found = replace(
            base,
            name=name,
            budget=budget,
            dollar=settings.dollar or base.dollar,
            standing=settings.standing or base.standing,
        )
        streaming = settings.transport == "stream"
        if streaming and found.stream is None:
            self.problem(f"venues.{name}.transport", "stream", f'"rest": {base.name} has no stream')
        stream_url = settings.stream_url or (found.stream.url if found.stream else "")
        base_url = (settings.base_url or base.base_url).rstrip("/")
        token = settings.token.get_secret_value() if settings.token else None
        headers = {**settings.headers, **(base.key(token) if token else {})}
        return VenuePlan(found, base_url, stream_url, streaming, headers)

    def _base(self, name: str, settings: VenueSettings) -> Venue | None:
        kind = settings.type or name
        if kind == "http":
            if not settings.base_url or not settings.price:
                self.problem(f"venues.{name}", kind, "base_url and price (and path, time…) beside it")
                return None
            described = Description(
                price=settings.price,
                path=settings.path or "",
                time=settings.time,
                time_unit=settings.time_unit,
                echo=settings.echo,
                volume=settings.volume,
                sequence=settings.sequence,
            )
            return described_venue(name, settings.base_url, described)
        if kind not in VENUES:
            self.problem(f"venues.{name}.type", kind, f"http or one of {', '.join(sorted(VENUES))}")
            return None
        return VENUES[kind]

    def feed(self, name: str, settings: FeedSettings, venues: Mapping[str, VenuePlan]) -> FeedPlan | None:
        pair = _pair(name)
        if pair is None:
            self.problem(f'feeds."{name}"', name, "a pair such as ETH/USD")
            return None
        before = len(self.problems)
        terms: dict[str, Terms] = {}
        asks: dict[str, Ask] = {}
        for source in dict.fromkeys(settings.sources):
            if settings.sources.count(source) > 1:
                self.problem(f'feeds."{name}".sources', source, "each source once")
            elif found := self.source(pair, source, settings, venues):
                terms[source], asks[source] = found
        if len(self.problems) == before:
            self._reachable(name, settings, terms)
        return FeedPlan(
            Feed(pair, _limits(settings), terms),
            asks,
            settings.every,
            settings.timeout,
            settings.heartbeat,
            settings.required,
            settings.publish_deviation_bps,
        )

    def _reachable(self, name: str, settings: FeedSettings, terms: Mapping[str, Terms]) -> None:
        groups = quorum.counted(quorum.group(one) for one in terms.values())
        if len(groups) < settings.min_sources:
            expected = f"at most {len(groups)}: its sources form the independent groups {', '.join(groups)}"
            self.problem(f'feeds."{name}".min_sources', settings.min_sources, expected)

    def source(
        self, target: Pair, source: str, settings: FeedSettings, venues: Mapping[str, VenuePlan]
    ) -> tuple[Terms, Ask] | None:
        """How a feed takes one source, and how it is asked; None after a problem."""
        params = Params(settings.parameters.get(source, {}))
        kind = params.take("type", word, source)
        key = f'feeds."{target}".{source}'
        before = len(self.problems)
        ask: Ask | None
        if kind in READERS:
            ask = self._chain(key, kind, params)
        elif kind == MANUAL:
            ask = AskPerson(target)
        elif kind in venues:
            ask = None
        elif kind in self.settings.venues:
            return None  # its own table is already a problem
        else:
            known = ", ".join(sorted({*VENUES, *READERS, MANUAL, *self.settings.venues}))
            self.problem(f'feeds."{target}".sources', source, f"a source or venue: {known}")
            return None
        venue = venues[kind].venue if kind in venues else None
        pair = self._pair_of(key, target, params, venue)
        legs = self._legs(key, pair, target, params)
        if venue is not None:
            ask = self._symbols(key, kind, venue, pair, params)
        terms = _terms(source, kind, pair, legs, params, ask, venue)
        params.finish()
        for problem, expected, value in params.problems:
            self.problem(f"{key}.{problem}", value, expected)
        return (terms, ask) if ask is not None and len(self.problems) == before else None

    def _chain(self, key: str, kind: str, params: Params) -> AskChain:
        chains = self.settings.chains
        chain = params.take("chain", word, next(iter(chains)) if len(chains) == 1 else "")
        if chain not in chains:
            self.problem(f"{key}.chain", chain, f"one of the chains {', '.join(chains) or '(none is configured)'}")
        return AskChain(chain, READERS[kind](params))

    def _pair_of(self, key: str, target: Pair, params: Params, venue: Venue | None) -> Pair:
        default = target
        if venue is not None and target.quote == "USD" and venue.dollar != "USD" and target.base != venue.dollar:
            default = Pair(target.base, venue.dollar)
        return params.take("pair", Pair.parse, default)

    def _legs(self, key: str, pair: Pair, target: Pair, params: Params) -> tuple[Leg, ...]:
        via = params.take("via", _pairs, None)
        try:
            if via is not None:
                legs = follow(pair, via, target)
            else:
                legs = () if pair == target else self.graph.route(pair, target)
        except NoRoute as exc:
            self.problem(f"{key}.pair", pair, f"a way to {target}: {exc}")
            return ()
        for leg in legs:
            if leg.pair not in self.pairs:
                self.problem(f"{key}.via", leg.pair, "a feed of this configuration")
        return legs

    def _symbols(self, key: str, kind: str, venue: Venue, pair: Pair, params: Params) -> AskVenue:
        symbol = params.take("symbol", word, venue.symbol(pair))
        default = venue.stream.symbol(pair) if venue.stream else ""
        if not symbol or (pair.quote == "USD" and venue.dollar != "USD" and pair.base == venue.dollar):
            self.problem(f"{key}.symbol", symbol, f"the market's own symbol and `pair`: {kind} has none for {pair}")
        return AskVenue(kind, symbol, params.take("stream_symbol", word, default))


def _pair(text: str) -> Pair | None:
    try:
        return Pair.parse(text)
    except ValueError:
        return None


def _pairs(value: object) -> tuple[Pair, ...]:
    if isinstance(value, str):
        return (Pair.parse(value),)
    if isinstance(value, list) and all(isinstance(one, str) for one in value):
        return tuple(Pair.parse(one) for one in value)
    raise ValueError("a feed or a list of feeds")


def _limits(settings: FeedSettings) -> FeedLimits:
    return FeedLimits(
        max_deviation_bps=settings.max_deviation_bps,
        min_sources=settings.min_sources,
        on_outlier=settings.on_outlier,
        max_age_s=settings.max_age,
        frozen_after_s=settings.frozen_after,
        frozen_moved_bps=settings.frozen_moved_bps,
        min_price=settings.min_price,
        max_price=settings.max_price,
        max_jump_bps=settings.max_jump_bps or None,
        jump_window_s=settings.jump_window,
        reseed_rounds=settings.reseed_rounds,
        cache_s=settings.cache,
    )


def _terms(
    source: str, kind: str, pair: Pair, legs: tuple[Leg, ...], params: Params, ask: Ask | None, venue: Venue | None
) -> Terms:
    heartbeat_s: float | None = params.take(
        "heartbeat", seconds, CHAINLINK_HEARTBEAT_S if kind == "chainlink" else None
    )
    limits = SourceLimits(
        max_age_s=params.take("max_age", optional(seconds), heartbeat_s * GRACE if heartbeat_s is not None else None),
        max_confidence_bps=params.take("max_confidence_bps", decimal, Decimal(100)),
        min_volume=params.take("min_volume", optional(decimal), None),
        min_liquidity=params.take("min_liquidity", optional(decimal), None),
        max_spot_deviation_bps=params.take("max_spot_deviation_bps", optional(decimal), None),
        min_price=params.take("min_price", optional(decimal), None),
        max_price=params.take("max_price", optional(decimal), None),
    )
    if isinstance(ask, AskPerson):
        return Terms(source, pair, legs, "manual", "update", limits)
    if isinstance(ask, AskChain):
        return Terms(source, pair, legs, "independent", ask.reader.timing, limits)
    return Terms(source, pair, legs, venue.standing if venue else "independent", "live", limits)
