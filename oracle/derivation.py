"""Write down how an observation came about, so that a person can follow it and a machine can repeat it."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec

from oracle.limits import FeedLimits
from oracle.model import Conversion, Input, Observation

VERSION = 1
_ENCODER = msgspec.json.Encoder(decimal_format="string")


def derivation(observation: Observation, limits: FeedLimits) -> str:
    """The derivation as JSON: numbers that are prices or bps as text, times in unix seconds."""
    document: dict[str, Any] = {
        "version": VERSION,
        "limits": _limits(limits),
        "inputs": [_input(one, observation.observed_at_s) for one in observation.inputs],
        "legs": {str(pair): _leg(one) for pair, one in observation.legs.items()},
        "groups": observation.groups,
        "oldest_input_age_s": _age_s(observation),
        "clock_skew_s": observation.clock_skew_s,
    }
    return _ENCODER.encode(document).decode()


def _limits(limits: FeedLimits) -> dict[str, Any]:
    return {
        "max_deviation_bps": limits.max_deviation_bps,
        "min_sources": limits.min_sources,
        "on_outlier": limits.on_outlier,
        "max_age_s": limits.max_age_s,
        "max_jump_bps": limits.max_jump_bps,
    }


def _input(one: Input, now_s: float) -> dict[str, Any]:
    quote = one.quote
    return {
        "source": one.source,
        "verdict": one.verdict,
        "group": one.group,
        "reason": one.reason,
        "detail": one.detail,
        "pair": str(quote.pair) if quote else None,
        "quoted": quote.price if quote else None,
        "price": one.price,
        "slack_bps": _short(one.slack_bps),
        "deviation_bps": _short(one.deviation_bps),
        "age_s": round(now_s - quote.oldest_s, 3) if quote else None,
    }


def _leg(one: Conversion) -> dict[str, Any]:
    return {
        "price": one.price,
        "spread_bps": one.spread_bps,
        "observed_at_s": one.observed_at_s,
        "reason": one.refused.reason if one.refused else None,
        "detail": one.refused.detail if one.refused else "",
    }


def _age_s(observation: Observation) -> float | None:
    oldest_s = observation.oldest_input_at_s
    return None if oldest_s is None else round(observation.observed_at_s - oldest_s, 3)


def _short(value: Decimal | None) -> Decimal | None:
    return None if value is None else round(value, 4)
