"""A price set by a person, for a limited time, with an audit row (`usdx oracle set-price`)."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from oracle.model import Outcome, Refused, Ticker
from oracle.reasons import Reason


@dataclass(frozen=True, slots=True)
class Entry:
    """What a person said: a price, from when until when (unix seconds), who and why."""

    price: Decimal
    set_at_s: float
    expires_at_s: float
    author: str
    why: str


def read(entry: Entry | None, now_s: float) -> Outcome:
    """The price while its time lasts. It is as old as the moment it was looked at: its life is its own limit."""
    if entry is None:
        return Refused(Reason.EXPIRED, "no manual price is set")
    if now_s >= entry.expires_at_s:
        return Refused(Reason.EXPIRED, f"over for {now_s - entry.expires_at_s:.0f} s, set by {entry.author}")
    return Ticker(price=entry.price, sequence=str(entry.set_at_s))
