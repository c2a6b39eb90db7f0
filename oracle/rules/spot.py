"""A pool's momentary price is near its time-weighted one."""

from __future__ import annotations

from decimal import Decimal

from oracle.model import Quote, Refused
from oracle.reasons import Reason


def spot_deviation(quote: Quote, limit_bps: Decimal | None) -> Refused | None:
    """Refuse an average that the pool's own spot left by more than `limit_bps`: the market runs, or is pushed."""
    apart = spot_deviation_bps(quote)
    if limit_bps is None or apart is None or apart <= limit_bps:
        return None
    return Refused(Reason.SPOT_DEVIATION, f"spot {quote.spot:.8g} is {apart:.1f} bps away, limit {limit_bps} bps")


def spot_deviation_bps(quote: Quote) -> Decimal | None:
    """How far spot is from the average, or None where the source has no spot."""
    return None if quote.spot is None else abs(quote.spot - quote.price) / quote.price * 10_000
