"""Feeds and quotes with as little ceremony as a test wants."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

from oracle.aggregate import Feed, Memory, aggregate
from oracle.limits import FeedLimits, Moment, SourceLimits, Terms
from oracle.model import Conversion, Leg, Observation, Pair, Quote, Refused
from oracle.reasons import Reason

ETH_USD, ETH_USDT, USDT_USD = Pair("ETH", "USD"), Pair("ETH", "USDT"), Pair("USDT", "USD")
NOW_S = 1_800_000_000.0
MOMENT = Moment(NOW_S, 1000.0)


def later(seconds: float) -> Moment:
    return Moment(NOW_S + seconds, 1000.0 + seconds)


def terms(source: str, **more: Any) -> Terms:
    limits = {key: more.pop(key) for key in list(more) if key in SourceLimits.__dataclass_fields__}
    return Terms(source, more.pop("pair", ETH_USD), limits=SourceLimits(**limits), **more)


def via_usdt(source: str, **more: Any) -> Terms:
    return terms(source, pair=ETH_USDT, legs=(Leg(USDT_USD),), **more)


def feed(*sources: str | Terms, pair: Pair = ETH_USD, **limits: Any) -> Feed:
    """A feed of these sources; a bare name is an independent live source of the feed's own pair."""
    known = [one if isinstance(one, Terms) else terms(one, pair=pair) for one in sources]
    defaults: dict[str, Any] = {"min_sources": 1}
    return Feed(pair, FeedLimits(**{**defaults, **limits}), {one.source: one for one in known})


def quote(source: str, price: object, moment: Moment = MOMENT, pair: Pair = ETH_USD, **more: Any) -> Quote:
    known: dict[str, Any] = {
        "price": Decimal(str(price)),
        "received_at_s": moment.now_s,
        "received_mono_s": moment.mono_s,
    }
    return Quote(source=source, pair=pair, **{**known, **more})


def observe(
    of: Feed,
    prices: dict[str, object],
    memory: Memory | None = None,
    moment: Moment = MOMENT,
    legs: dict[Pair, Conversion] | None = None,
) -> tuple[Observation, Memory]:
    """One round. A price may be a number, a Quote (stamped anew when it was received), or a Reason."""
    outcomes: dict[str, Quote | Refused] = {}
    for name, value in prices.items():
        if isinstance(value, Reason):
            outcomes[name] = Refused(value, "test")
        elif isinstance(value, Quote):
            outcomes[name] = replace(value, source=name, received_at_s=moment.now_s, received_mono_s=moment.mono_s)
        else:
            outcomes[name] = quote(name, value, moment, of.terms[name].pair)
    return aggregate(of, outcomes, legs or {}, memory or Memory(), moment)


def leg(price: object, spread_bps: object = 0, refused: Refused | None = None) -> Conversion:
    return Conversion(Decimal(str(price)), Decimal(str(spread_bps)), NOW_S, refused)


def verdicts(seen: Observation) -> dict[str, str]:
    """Each source's verdict: used, or the reason it was not."""
    return {one.source: str(one.reason) if one.reason else one.verdict for one in seen.inputs}
