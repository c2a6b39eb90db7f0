"""A source speaks of the pair that it was asked for."""

from __future__ import annotations

from oracle.model import Quote, Refused
from oracle.reasons import Reason

_WRAPPED = {"WETH": "ETH", "WBTC": "BTC", "XBT": "BTC"}


def wrong_pair(quote: Quote, wanted: str) -> Refused | None:
    """Refuse a source that claims another pair (Moonwell, February 2026: cbETH/ETH taken for cbETH/USD)."""
    if quote.claims is None or _plain(quote.claims) == _plain(wanted):
        return None
    return Refused(Reason.WRONG_PAIR, f"it says {quote.claims!r}, the feed wants {wanted}")


def _plain(claim: str) -> tuple[str, ...]:
    names = (name.strip().upper() for name in claim.split("/"))
    return tuple(_WRAPPED.get(name, name) for name in names)
