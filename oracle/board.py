"""Hold the last observation of every feed, for those that convert through it and for those that look."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal

from oracle.model import Conversion, Observation, Pair, Refused
from oracle.reasons import Reason


class Board:
    """The newest observation by feed; an older one never replaces a newer one."""

    def __init__(self) -> None:
        self._by_feed: dict[Pair, Observation] = {}

    def put(self, observation: Observation) -> None:
        """Note an observation."""
        held = self._by_feed.get(observation.feed)
        if held is None or observation.observed_at_s >= held.observed_at_s:
            self._by_feed[observation.feed] = observation

    def get(self, feed: Pair) -> Observation | None:
        """The newest observation of a feed."""
        return self._by_feed.get(feed)

    def conversions(
        self, legs: Iterable[Pair], max_age_s: Mapping[Pair, float], now_s: float
    ) -> dict[Pair, Conversion]:
        """The legs' values, each with its own health; a leg never observed is left out."""
        found = ((leg, self._by_feed.get(leg)) for leg in legs)
        return {leg: conversion(seen, max_age_s[leg], now_s) for leg, seen in found if seen is not None}


def conversion(seen: Observation, max_age_s: float, now_s: float) -> Conversion:
    """An observation as a leg: only a fresh one that is young enough may convert."""
    age_s = now_s - seen.observed_at_s
    refused = None
    if seen.result != "fresh" or seen.price is None:
        refused = Refused(seen.reason or Reason.NO_QUOTES, f"{seen.result} because of {seen.reason}")
    elif age_s > max_age_s:
        refused = Refused(Reason.STALE, f"observed {age_s:.1f} s ago, limit {max_age_s:g} s")
    return Conversion(seen.price or Decimal(0), seen.spread_bps or Decimal(0), seen.observed_at_s, refused)
