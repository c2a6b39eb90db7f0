"""A price is a finite number above zero."""

from __future__ import annotations

from decimal import Decimal

from oracle.model import Refused
from oracle.reasons import Reason


def positive(price: Decimal) -> Refused | None:
    """Refuse NaN, infinities, zero and less (Pyth, September 2021; WTI at −37 USD)."""
    if not price.is_finite():
        return Refused(Reason.NOT_FINITE, str(price))
    return Refused(Reason.NON_POSITIVE, str(price)) if price <= 0 else None
