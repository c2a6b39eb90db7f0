"""The limits that a feed and each of its sources are held to."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from oracle.model import Leg, Pair, Standing, Timing


@dataclass(frozen=True, slots=True)
class FeedLimits:
    """What a round must satisfy. Prices in the feed's quote asset, times in seconds, distances in bps.

    `min_sources` counts independent groups. A `max_jump_bps` of None switches the jump guard off.
    """

    max_deviation_bps: Decimal = Decimal(150)
    min_sources: int = 2
    on_outlier: Literal["drop", "refuse"] = "drop"
    max_age_s: float = 60
    future_s: float = 5
    frozen_after_s: float = 60
    frozen_moved_bps: Decimal = Decimal(30)
    min_price: Decimal | None = None
    max_price: Decimal | None = None
    max_jump_bps: Decimal | None = Decimal(3000)
    jump_window_s: float = 120
    reseed_rounds: int = 3
    cache_s: float = 300


@dataclass(frozen=True, slots=True)
class SourceLimits:
    """What one source of one feed must satisfy, beyond the feed's own limits; None means no limit of its own."""

    max_age_s: float | None = None
    max_confidence_bps: Decimal = Decimal(100)
    min_volume: Decimal | None = None
    min_liquidity: Decimal | None = None
    max_spot_deviation_bps: Decimal | None = None
    min_price: Decimal | None = None
    max_price: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Terms:
    """How a feed takes one source: the pair it quotes, the legs that lead to the feed's pair, and its standing.

    `timing` is "live" where a new answer is expected all the time, "update" where the venue speaks only when the price
    moved or its heartbeat ran out (on-chain feeds): those may be unchanged for long.
    """

    source: str
    pair: Pair
    legs: tuple[Leg, ...] = ()
    standing: Standing = "independent"
    timing: Timing = "live"
    limits: SourceLimits = SourceLimits()


@dataclass(frozen=True, slots=True)
class Moment:
    """One instant on both clocks: unix seconds and monotonic seconds."""

    now_s: float
    mono_s: float
