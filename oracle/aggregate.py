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


def aggregate(
    feed: Feed,
    outcomes: Mapping[str, Quote | Refused],
    conversions: Mapping[Pair, Conversion],
    memory: Memory,
    moment: Moment,
) -> tuple[Observation, Memory]:
    """One observation and the memory after it. Pure: the same arguments give the same answer, today and in a replay."""
    with localcontext(prec=EXACT_DIGITS):
        inputs = [_judged(feed, feed.terms[name], outcome, moment) for name, outcome in sorted(outcomes.items())]
        inputs, skew, stopped = _clocked(feed, inputs)
        inputs = [_converted(feed, one, conversions) for one in inputs]
        inputs = _scaled(inputs, memory, moment, feed.limits)
        inputs, tracks = _thawed(feed, inputs, memory.tracks)
        inputs, verdict = _settled(feed, inputs, stopped)
        draft = Observation(
            feed.pair, "refused", moment.now_s, inputs=tuple(inputs), legs=conversions, clock_skew_s=skew
        )
        return _concluded(feed.limits, draft, verdict, replace(memory, tracks=tracks), moment)


def _judged(feed: Feed, terms: Terms, outcome: Quote | Refused, moment: Moment) -> Input:
    """One source against the rules that need nobody else."""
    group = quorum.group(terms)
    if isinstance(outcome, Refused):
        return Input(terms.source, "failed", group, reason=outcome.reason, detail=outcome.detail)
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
    return _with(Input(terms.source, "used", group, quote=outcome), refused)


def _with(one: Input, refused: Refused | None) -> Input:
    if refused is None:
        return one
    return replace(one, verdict="dropped", reason=refused.reason, detail=refused.detail)


def _clocked(feed: Feed, inputs: Sequence[Input]) -> tuple[list[Input], float | None, Refused | None]:
    """When our own clock is the odd one out, say so once instead of blaming every venue."""
    live = [one.quote for one in inputs if one.quote is not None and feed.terms[one.source].timing == "live"]
    wrong = clock(live, feed.limits.future_s, feed.limits.max_age_s)
    if wrong:
        blamed = {Reason.FUTURE, Reason.STALE}
        inputs = [_with(one, wrong) if one.verdict == "used" or one.reason in blamed else one for one in inputs]
    return list(inputs), skew_s(live), wrong


def _converted(feed: Feed, one: Input, conversions: Mapping[Pair, Conversion]) -> Input:
    if one.verdict != "used" or one.quote is None:
        return one
    terms = feed.terms[one.source]
    found = convert(one.quote, terms.legs, conversions)
    if isinstance(found, Refused):
        return _with(one, found)
    price, slack_bps = found
    limits = terms.limits
    refused = out_of_bounds(price, limits.min_price, limits.max_price) or out_of_bounds(
        price, feed.limits.min_price, feed.limits.max_price
    )
    return _with(replace(one, price=price, slack_bps=slack_bps), refused)


def _scaled(inputs: Sequence[Input], memory: Memory, moment: Moment, limits: FeedLimits) -> list[Input]:
    """Against the recent price, else against the middle of three or more."""
    prices = [one.price for one in inputs if one.verdict == "used" and one.price is not None]
    reference = deviation.median(prices) if len(prices) >= 3 else None
    recent = memory.baseline
    if recent.price is not None and moment.now_s - recent.at_s <= limits.jump_window_s:
        reference = recent.price
    return [_with(one, scale(one.price, reference)) if _stands(one) and one.price else one for one in inputs]


def _stands(one: Input) -> bool:
    return one.verdict == "used" and one.price is not None


def _thawed(feed: Feed, inputs: Sequence[Input], tracks: Mapping[str, Track]) -> tuple[list[Input], dict[str, Track]]:
    """Against standing still. Tracks of sources that gave no quote this time are kept."""
    prices = {one.source: one.price for one in inputs if _stands(one) and one.price is not None}
    out, after = [], dict(tracks)
    for one in inputs:
        if one.source not in prices or one.quote is None or feed.terms[one.source].timing != "live":
            out.append(one)
            continue
        others = [price for name, price in prices.items() if name != one.source]
        peers = deviation.median(others) if others else None
        track = after[one.source] = follow(tracks.get(one.source), one.quote, peers)
        limits = feed.limits
        refused = frozen(track, one.quote, peers, limits.frozen_after_s, limits.frozen_moved_bps)
        unchanged_s = one.quote.received_mono_s - track.since_mono_s
        out.append(_with(replace(one, unchanged_s=unchanged_s), refused))
    return out, after


@dataclass(frozen=True, slots=True)
class _Settled:
    price: Decimal | None = None
    spread_bps: Decimal | None = None
    refused: Refused | None = None


def _settled(feed: Feed, inputs: Sequence[Input], stopped: Refused | None) -> tuple[list[Input], _Settled]:
    """The median of those that agree, or why there is none."""
    standing = [one for one in inputs if _stands(one)]
    points = [(one.price, one.slack_bps) for one in standing if one.price is not None]
    if stopped or not points:
        return list(inputs), _Settled(refused=stopped or Refused(Reason.NO_QUOTES, _tally(inputs)))
    limits = feed.limits
    agreement = deviation.agree(points, limits.max_deviation_bps, drop=limits.on_outlier == "drop")
    marked = _marked(inputs, standing, agreement, limits)
    if not agreement.agreed:
        spread = deviation.spread_bps(points)
        detail = f"{len(points)} sources, spread {spread:.1f} bps, limit {limits.max_deviation_bps} bps"
        return marked, _Settled(spread_bps=spread, refused=Refused(Reason.DEVIATION, detail))
    agreed = [points[i] for i in agreement.agreed]
    price, spread = deviation.median([price for price, _ in agreed]), deviation.spread_bps(agreed)
    found = quorum.counted(standing[i].group for i in agreement.agreed)
    return marked, _Settled(price, spread, quorum.quorum(found, limits.min_sources))


def _marked(
    inputs: Sequence[Input], standing: Sequence[Input], agreement: deviation.Agreement, limits: FeedLimits
) -> list[Input]:
    """Every input with its distance from the median; those that do not agree dropped."""
    at = {one.source: i for i, one in enumerate(standing)}
    out = []
    for one in inputs:
        i = at.get(one.source)
        if i is None:
            out.append(one)
            continue
        apart = agreement.distances_bps[i]
        lone = i not in agreement.agreed
        refused = Refused(Reason.DEVIATION, f"{apart:.1f} bps from the median, limit {limits.max_deviation_bps} bps")
        out.append(_with(replace(one, deviation_bps=apart), refused if lone else None))
    return out


def _tally(inputs: Sequence[Input]) -> str:
    return ", ".join(f"{one.source} {one.reason}" for one in inputs) or "no sources"


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
