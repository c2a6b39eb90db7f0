"""Decide whether an observation becomes an update."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from oracle.model import Observation


@dataclass(frozen=True, slots=True)
class Update:
    """The last thing we published of a feed."""

    price: Decimal
    at_s: float


def due(last: Update | None, observation: Observation, deviation_bps: Decimal, heartbeat_s: float) -> bool:
    """Publish a fresh price when it is the first, moved by `deviation_bps` or more, or the heartbeat ran out.

    Cached and refused ones are never published, and an update's time never goes backwards.
    """
    if observation.result != "fresh" or observation.price is None:
        return False
    if last is None:
        return True
    if observation.observed_at_s <= last.at_s:
        return False
    moved = abs(observation.price - last.price) * 10_000 >= deviation_bps * last.price
    return moved or observation.observed_at_s - last.at_s >= heartbeat_s
