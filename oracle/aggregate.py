"""Bring the quotes of one round to one observation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal, localcontext

from oracle.convert import convert
from oracle.limits import FeedLimits, Moment, Terms
from oracle.model import Conversion, Input, Observation, Pair, Quote, Refused
from oracle.reasons import Reason
from oracle.rules import deviation, quorum
from oracle.rules.bounds import out_of_bounds
from oracle.rules.clock import clock, skew_s
from oracle.rules.confidence import wide_confidence
from oracle.rules.fallback import decayed
from oracle.rules.frozen import Track, follow, frozen
from oracle.rules.future import future
from oracle.rules.jump import Baseline, insists, jump, wait
from oracle.rules.liquidity import illiquid
from oracle.rules.positive import positive
from oracle.rules.scale import scale
from oracle.rules.spot import spot_deviation
from oracle.rules.stale import stale
from oracle.rules.wrong_pair import wrong_pair

EXACT_DIGITS = 100
ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Good:
    """The last fresh observation, as much of it as a fallback needs."""

    price: Decimal
    confidence: Decimal
    observed_at_s: float
    oldest_input_at_s: float | None
    groups: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Memory:
    """What a feed remembers from round to round. An empty one is a feed that never ran."""

    baseline: Baseline = field(default_factory=Baseline)
    good: Good | None = None
    tracks: Mapping[str, Track] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Feed:
    """The part of a feed that decides: its pair, its limits and the terms of each source."""

    pair: Pair
    limits: FeedLimits
    terms: Mapping[str, Terms]


@dataclass(slots=True)
class _Draft:
    """An input in the making: it stands until a rule refuses it."""

    terms: Terms
    group: str
    quote: Quote | None = None
    price: Decimal | None = None
    slack_bps: Decimal = ZERO
    refused: Refused | None = None
    deviation_bps: Decimal | None = None
    unchanged_s: float = 0.0

    def input(self) -> Input:
        """As it came out."""
        refused = self.refused
        return Input(
            self.terms.source,
            "used" if refused is None else "failed" if self.quote is None else "dropped",
            self.group,
            self.quote,
            self.price,
            self.slack_bps,
            refused.reason if refused else None,
            refused.detail if refused else "",
            self.deviation_bps,
            self.unchanged_s,
        )


def aggregate(
    feed: Feed,
    outcomes: Mapping[str, Quote | Refused],
    conversions: Mapping[Pair, Conversion],
    memory: Memory,
    moment: Moment,
) -> tuple[Observation, Memory]:
    """One observation and the memory after it. Pure: the same arguments give the same answer, today and in a replay."""
    with localcontext(prec=EXACT_DIGITS):
        drafts = [_judged(feed, feed.terms[name], outcomes[name], moment) for name in sorted(outcomes)]
        skew, stopped = _clocked(feed, drafts)
        for one in drafts:
            _convert(feed, one, conversions)
        _scale(drafts, memory, moment, feed.limits)
        tracks = _thaw(feed, drafts, memory.tracks)
        verdict = _settle(feed, drafts, stopped)
        inputs = tuple(one.input() for one in drafts)
        draft = Observation(feed.pair, "refused", moment.now_s, inputs=inputs, legs=conversions, clock_skew_s=skew)
        return _concluded(feed.limits, draft, verdict, Memory(memory.baseline, memory.good, tracks), moment)


def _judged(feed: Feed, terms: Terms, outcome: Quote | Refused, moment: Moment) -> _Draft:
    """One source against the rules that need nobody else."""
    group = quorum.group(terms)
    if isinstance(outcome, Refused):
        return _Draft(terms, group, refused=outcome)
    limits = terms.limits
    max_age_s = feed.limits.max_age_s if limits.max_age_s is None else limits.max_age_s
    refused = (
        positive(outcome.price)
        or wrong_pair(outcome, str(terms.pair))
        or future(outcome, moment.now_s, feed.limits.future_s)
        or stale(outcome, moment, max_age_s)
        or wide_confidence(outcome, limits.max_confidence_bps)
        or illiquid(outcome, limits.min_volume, limits.min_liquidity)
        or spot_deviation(outcome, limits.max_spot_deviation_bps)
    )
    return _Draft(terms, group, quote=outcome, refused=refused)


def _clocked(feed: Feed, drafts: Sequence[_Draft]) -> tuple[float | None, Refused | None]:
    """When our own clock is the odd one out, say so once instead of blaming every venue."""
    live = [one.quote for one in drafts if one.quote is not None and one.terms.timing == "live"]
    wrong = clock(live, feed.limits.future_s, feed.limits.max_age_s)
    for one in drafts if wrong else ():
        if one.refused is None or one.refused.reason in (Reason.FUTURE, Reason.STALE):
            one.refused = wrong
    return skew_s(live), wrong


def _convert(feed: Feed, one: _Draft, conversions: Mapping[Pair, Conversion]) -> None:
    if one.refused is not None or one.quote is None:
        return
    found = convert(one.quote, one.terms.legs, conversions)
    if isinstance(found, Refused):
        one.refused = found
        return
    one.price, one.slack_bps = found
    limits = one.terms.limits
    one.refused = out_of_bounds(one.price, limits.min_price, limits.max_price) or out_of_bounds(
        one.price, feed.limits.min_price, feed.limits.max_price
    )


def _standing(drafts: Sequence[_Draft]) -> list[tuple[_Draft, Decimal]]:
    """Those that nobody refused so far, with their prices."""
    return [(one, one.price) for one in drafts if one.refused is None and one.price is not None]


def _scale(drafts: Sequence[_Draft], memory: Memory, moment: Moment, limits: FeedLimits) -> None:
    """Against the recent price, else against the middle of three or more."""
    standing, recent = _standing(drafts), memory.baseline
    if recent.price is not None and moment.now_s - recent.at_s <= limits.jump_window_s:
        reference = recent.price
    elif len(standing) >= 3:
        reference = deviation.median([price for _, price in standing])
    else:
        return
    for one, price in standing:
        one.refused = scale(price, reference)


def _thaw(feed: Feed, drafts: Sequence[_Draft], tracks: Mapping[str, Track]) -> dict[str, Track]:
    """Against standing still. Tracks of sources that gave no quote this time are kept."""
    standing, limits, after = _standing(drafts), feed.limits, dict(tracks)
    for one, _ in standing:
        if one.quote is None or one.terms.timing != "live":
            continue
        others = [price for other, price in standing if other is not one]
        peers = deviation.median(others) if others else None
        track = after[one.terms.source] = follow(tracks.get(one.terms.source), one.quote, peers)
        one.unchanged_s = one.quote.received_mono_s - track.since_mono_s
        one.refused = frozen(track, one.quote, peers, limits.frozen_after_s, limits.frozen_moved_bps)
    return after


@dataclass(frozen=True, slots=True)
class _Settled:
    price: Decimal | None = None
    spread_bps: Decimal | None = None
    refused: Refused | None = None


def _settle(feed: Feed, drafts: Sequence[_Draft], stopped: Refused | None) -> _Settled:
    """The median of those that agree, or why there is none; marks who does not agree."""
    standing = _standing(drafts)
    if stopped or not standing:
        return _Settled(refused=stopped or Refused(Reason.NO_QUOTES, _tally(drafts)))
    limits, points = feed.limits, [(price, one.slack_bps) for one, price in standing]
    agreement = deviation.agree(points, limits.max_deviation_bps, drop=limits.on_outlier == "drop")
    for i, (one, _) in enumerate(standing):
        one.deviation_bps = apart = agreement.distances_bps[i]
        if i not in agreement.agreed:
            detail = f"{apart:.1f} bps from the median, limit {limits.max_deviation_bps} bps"
            one.refused = Refused(Reason.DEVIATION, detail)
    if not agreement.agreed:
        spread = deviation.spread_bps(points)
        detail = f"{len(points)} sources, spread {spread:.1f} bps, limit {limits.max_deviation_bps} bps"
        return _Settled(spread_bps=spread, refused=Refused(Reason.DEVIATION, detail))
    agreed = [points[i] for i in agreement.agreed]
    price, spread = deviation.median([price for price, _ in agreed]), deviation.spread_bps(agreed)
    found = quorum.counted(standing[i][0].group for i in agreement.agreed)
    return _Settled(price, spread, quorum.quorum(found, limits.min_sources))


def _tally(drafts: Sequence[_Draft]) -> str:
    return ", ".join(f"{one.terms.source} {one.refused.reason}" for one in drafts if one.refused) or "no sources"


def _concluded(
    limits: FeedLimits, draft: Observation, settled: _Settled, memory: Memory, moment: Moment
) -> tuple[Observation, Memory]:
    """Guard against jumps, then accept, or fall back."""
    now_s, baseline = moment.now_s, memory.baseline
    draft = replace(draft, spread_bps=settled.spread_bps)
    if settled.refused or settled.price is None:
        refused = settled.refused or Refused(Reason.NO_QUOTES)
        return _fallen_back(limits, draft, refused, memory, now_s)
    jumped = jump(baseline, settled.price, now_s, limits.max_jump_bps, limits.jump_window_s)
    if jumped:
        baseline = wait(baseline, settled.price, limits.max_deviation_bps)
    if jumped and not insists(baseline, limits.reseed_rounds):
        return _fallen_back(limits, draft, jumped, replace(memory, baseline=baseline), now_s)
    return _accepted(draft, settled.price, memory, now_s)


def _accepted(draft: Observation, price: Decimal, memory: Memory, now_s: float) -> tuple[Observation, Memory]:
    used = draft.used
    found = quorum.counted(one.group for one in used)
    oldest = min(one.quote.oldest_s for one in used if one.quote is not None)
    sure = quorum.confidence(found)
    observation = replace(draft, result="fresh", price=price, confidence=sure, groups=found, oldest_input_at_s=oldest)
    good = Good(price, sure, now_s, oldest, found)
    return observation, replace(memory, baseline=Baseline(price, now_s), good=good)


def _fallen_back(
    limits: FeedLimits, draft: Observation, refused: Refused, memory: Memory, now_s: float
) -> tuple[Observation, Memory]:
    """The last good price while it is young enough, marked as cached; else nothing."""
    draft = replace(draft, reason=refused.reason, detail=refused.detail)
    good = memory.good
    left = decayed(good.confidence, now_s - good.observed_at_s, limits.cache_s) if good else None
    if good is None or left is None:
        return draft, memory
    cached = replace(
        draft,
        result="cached",
        price=good.price,
        confidence=left,
        groups=good.groups,
        oldest_input_at_s=good.oldest_input_at_s,
    )
    return cached, memory
