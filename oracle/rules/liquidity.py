"""Enough volume or liquidity stands behind a price."""

from __future__ import annotations

from decimal import Decimal

from oracle.model import Quote, Refused
from oracle.reasons import Reason


def illiquid(quote: Quote, min_volume: Decimal | None, min_liquidity: Decimal | None) -> Refused | None:
    """Refuse a quote from a thin market (Inverse Finance 2022, Mango 2022). A missing number counts as none at all."""
    for name, found, least in (("volume", quote.volume, min_volume), ("liquidity", quote.liquidity, min_liquidity)):
        if least is not None and (found is None or found < least):
            return Refused(Reason.ILLIQUID, f"{name} {found if found is not None else 'unknown'}, least {least}")
    return None
