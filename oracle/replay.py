"""Run the rules again over stored quotes, and compare with what was decided then."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from oracle.aggregate import Feed, Memory, aggregate
from oracle.limits import Moment
from oracle.model import Conversion, Observation, Pair, Quote, Refused
from oracle.reasons import Reason


@dataclass(frozen=True, slots=True)
class Stored:
    """One observation as it was stored, with what the rules had before them."""

    observed_at_s: float
    result: str
    price: Decimal | None
    reason: str | None
    spread_bps: Decimal | None
    outcomes: Mapping[str, Quote | Refused]
    conversions: Mapping[Pair, Conversion]


@dataclass(frozen=True, slots=True)
class Compared:
    """A stored observation and the one of today's rules."""

    was: Stored
    now: Observation

    @property
    def changed(self) -> bool:
        """Another result, reason or price; a spread alone is no change."""
        return (self.was.result, self.was.reason, self.was.price) != (self.now.result, self.now.reason, self.now.price)


@dataclass(slots=True)
class Summary:
    """How many observations came out otherwise, and how."""

    rounds: int = 0
    changed: int = 0
    gained: int = 0
    lost: int = 0
    moved: int = 0
    largest_move_bps: Decimal = Decimal(0)

    def add(self, one: Compared) -> None:
        """Count one more."""
        self.rounds += 1
        self.changed += one.changed
        was, now = one.was.result == "fresh", one.now.result == "fresh"
        self.gained += now and not was
        self.lost += was and not now
        if was and now and one.was.price and one.now.price and one.was.price != one.now.price:
            self.moved += 1
            apart = abs(one.now.price - one.was.price) / one.was.price * 10_000
            self.largest_move_bps = max(self.largest_move_bps, apart)


class Replay:
    """One feed's past, round by round, in the order of time."""

    def __init__(self, feed: Feed, memory: Memory | None = None) -> None:
        self._feed, self._memory = feed, memory or Memory()

    def again(self, stored: Stored) -> Compared:
        """What today's rules make of a stored round. Sources that today's configuration lacks are left out."""
        known = {name: one for name, one in stored.outcomes.items() if name in self._feed.terms}
        moment = Moment(stored.observed_at_s, stored.observed_at_s)
        now, self._memory = aggregate(self._feed, known, stored.conversions, self._memory, moment)
        return Compared(stored, now)


def stored(row: Mapping[str, Any], quotes: list[Mapping[str, Any]], derivation: Mapping[str, Any]) -> Stored:
    """A stored observation from its row, its quotes' rows and its derivation."""
    at_s = row["observed_at"].timestamp()
    return Stored(
        observed_at_s=at_s,
        result=row["result"],
        price=row["price"],
        reason=row["reason"],
        spread_bps=row["spread_bps"],
        outcomes={one["source"]: _outcome(one, at_s) for one in quotes},
        conversions={Pair.parse(name): _conversion(one) for name, one in derivation["legs"].items()},
    )


def _outcome(row: Mapping[str, Any], at_s: float) -> Quote | Refused:
    if row["price"] is None:
        return Refused(Reason(row["reason"]), row["detail"] or "")
    return Quote(
        source=row["source"],
        pair=Pair.parse(row["pair"]),
        price=row["price"],
        received_at_s=row["received_at"].timestamp(),
        received_mono_s=at_s - row["receipt_age_s"],
        time_s=row["venue_time"].timestamp() if row["venue_time"] else None,
        server_time_s=row["server_time"].timestamp() if row["server_time"] else None,
        sequence=row["sequence"],
        confidence=row["confidence"],
        volume=row["volume"],
        liquidity=row["liquidity"],
        spot=row["spot"],
        claims=row["claims"],
    )


def _conversion(leg: Mapping[str, Any]) -> Conversion:
    refused = Refused(Reason(leg["reason"]), leg["detail"]) if leg["reason"] else None
    return Conversion(Decimal(leg["price"]), Decimal(leg["spread_bps"]), leg["observed_at_s"], refused)
