"""A price is young, by the venue's own time where it gives one and by receipt in any case."""

from __future__ import annotations

from oracle.limits import Moment
from oracle.model import Quote, Refused
from oracle.reasons import Reason


def stale(quote: Quote, moment: Moment, max_age_s: float) -> Refused | None:
    """Refuse a quote older than `max_age_s`; exactly that age passes (Venus and LUNA, May 2022)."""
    receipt_age_s = moment.mono_s - quote.received_mono_s
    if receipt_age_s > max_age_s:
        return Refused(Reason.STALE, f"received {receipt_age_s:.1f} s ago, limit {max_age_s:g} s")
    if quote.time_s is not None and moment.now_s - quote.time_s > max_age_s:
        return Refused(Reason.STALE, f"{moment.now_s - quote.time_s:.1f} s old, limit {max_age_s:g} s")
    return None
