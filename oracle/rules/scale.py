"""A price is not another one with its decimal point moved."""

from __future__ import annotations

from decimal import Decimal

from oracle.model import Refused
from oracle.reasons import Reason

NEAR = Decimal("0.05")


def scale(price: Decimal, reference: Decimal | None) -> Refused | None:
    """Refuse a price within 5 % of `reference` × 10^k for a k other than 0 (Ribbon, December 2025: 8 → 18 decimals)."""
    if reference is None:
        return None
    ratio = price / reference
    power = (ratio * Decimal("3.1622776601683793")).adjusted()  # the nearest power of ten, on a log scale
    if power == 0 or abs(ratio.scaleb(-power) - 1) > NEAR:
        return None
    return Refused(Reason.SCALE, f"{price} is 10^{power} times {reference:.8g}")
