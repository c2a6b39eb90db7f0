"""Repeat the last good price for a short while, ever less sure of it."""

from __future__ import annotations

from decimal import Decimal


def decayed(confidence: Decimal, age_s: float, cache_s: float) -> Decimal | None:
    """The confidence left after `age_s`, falling to zero in a straight line; None when the time is over."""
    if not 0 <= age_s <= cache_s:
        return None
    left = 1 - Decimal(str(round(age_s, 3))) / Decimal(str(cache_s)) if cache_s else Decimal(0)
    return (confidence * left).quantize(Decimal("0.0001"))
