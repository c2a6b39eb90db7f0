"""A price is not from the future."""

from __future__ import annotations

from oracle.model import Quote, Refused
from oracle.reasons import Reason


def future(quote: Quote, now_s: float, tolerance_s: float) -> Refused | None:
    """Refuse a quote whose own time is more than `tolerance_s` ahead of ours."""
    if quote.time_s is None or quote.time_s - now_s <= tolerance_s:
        return None
    return Refused(Reason.FUTURE, f"{quote.time_s - now_s:.1f} s ahead")
