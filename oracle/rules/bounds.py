"""A price is within the bounds that its owner set."""

from __future__ import annotations

from decimal import Decimal

from oracle.model import Refused
from oracle.reasons import Reason


def out_of_bounds(price: Decimal, least: Decimal | None, most: Decimal | None) -> Refused | None:
    """Refuse a price below `least` or above `most`; the bounds themselves pass (feeds stuck at their minAnswer)."""
    if least is not None and price < least:
        return Refused(Reason.OUT_OF_BOUNDS, f"{price} is below {least}")
    if most is not None and price > most:
        return Refused(Reason.OUT_OF_BOUNDS, f"{price} is above {most}")
    return None
