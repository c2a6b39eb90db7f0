"""A source is sure enough of its own price."""

from __future__ import annotations

from decimal import Decimal

from oracle.model import Quote, Refused
from oracle.reasons import Reason


def wide_confidence(quote: Quote, limit_bps: Decimal) -> Refused | None:
    """Refuse a quote whose own confidence interval is wider than `limit_bps` of its price; exactly that passes."""
    if quote.confidence is None or quote.confidence * 10_000 <= limit_bps * quote.price:
        return None
    return Refused(Reason.WIDE_CONFIDENCE, f"±{quote.confidence / quote.price * 10_000:.1f} bps, limit {limit_bps} bps")
