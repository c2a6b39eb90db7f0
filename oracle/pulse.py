"""Say once a second whether every required feed speaks, in checks and in one status line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from oracle.model import Observation, Pair
from oracle.plan import FeedPlan

SHOWN = 3


@dataclass(frozen=True, slots=True)
class Word:
    """What one feed says: silent ones make the process unready when they are required."""

    pair: Pair
    speaks: bool
    required: bool
    detail: str


def word(feed: FeedPlan, last: Observation | None, update_at_s: float | None, now_s: float) -> Word:
    """Whether a feed published within its heartbeat, and if not, why."""
    speaks = update_at_s is not None and now_s - update_at_s <= feed.heartbeat_s
    if last is None:
        return Word(feed.pair, speaks, feed.required, "no round yet")
    age = f"last update {now_s - update_at_s:.0f}s ago" if update_at_s is not None else "no update yet"
    why = f", {last.result}: {last.reason}: {last.detail}" if last.reason else ""
    return Word(feed.pair, speaks, feed.required, f"{age}{why}"[:300])


def status_line(words: Sequence[Word], observations: Mapping[Pair, Observation], now_s: float) -> str:
    """`READY 2 feeds ETH/USD 2000.12 age 1s`, or `WAITING 1 of 2 feeds silent: ETH/USD quorum`."""
    silent = [one for one in words if not one.speaks and one.required]
    if silent:
        seen = observations.get(silent[0].pair)
        why = f" {seen.reason}" if seen and seen.reason else ""
        return f"WAITING {len(silent)} of {len(words)} feeds silent: {silent[0].pair}{why}"
    shown = [observations[one.pair] for one in words if one.speaks and one.pair in observations][:SHOWN]
    prices = " ".join(f"{one.feed} {_short(one.price)} age {now_s - one.observed_at_s:.0f}s" for one in shown)
    return f"READY {len(words)} feed{'s' if len(words) != 1 else ''} {prices}".rstrip()


def _short(price: Decimal | None) -> str:
    if price is None:
        return "none"
    places = 2 if price >= 10 else 4 if price >= Decimal("0.01") else 8
    return f"{price:.{places}f}"
