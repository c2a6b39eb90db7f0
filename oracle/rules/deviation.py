"""Find the sources that agree, when most of them do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

Point = tuple[Decimal, Decimal]  # a price, and the slack of its conversion in bps


@dataclass(frozen=True, slots=True)
class Agreement:
    """Positions of those that agree, or none of them when there is no agreement; distance of each from the median."""

    agreed: tuple[int, ...]
    distances_bps: tuple[Decimal, ...]


def median(prices: Sequence[Decimal]) -> Decimal:
    """The middle price, or the mean of the middle two. The sequence is not empty."""
    ordered = sorted(prices)
    half = len(ordered) // 2
    return ordered[half] if len(ordered) % 2 else (ordered[half - 1] + ordered[half]) / 2


def spread_bps(points: Sequence[Point]) -> Decimal:
    """(max − min) / median in bps, and the largest slack on top."""
    prices = [price for price, _ in points]
    return (max(prices) - min(prices)) / median(prices) * 10_000 + max(slack for _, slack in points)


def agree(points: Sequence[Point], limit_bps: Decimal, drop: bool) -> Agreement:
    """Who agrees within `limit_bps`; exactly the limit passes.

    One or two must agree as they are. From three on, those outside the band around the median of all are dropped, then
    those farthest from it until the rest agree with each other; the rest must be at least two and a majority. The
    order of the points is of no matter: of two that are equally far both go.
    """
    middle = median([price for price, _ in points])
    distances = tuple(abs(price - middle) / middle * 10_000 for price, _ in points)
    everyone = tuple(range(len(points)))
    if _together(points, everyone, limit_bps):
        return Agreement(everyone, distances)
    if len(points) < 3 or not drop:
        return Agreement((), distances)
    left = tuple(i for i in everyone if _within(points[i], middle, limit_bps))
    while left and not _together(points, left, limit_bps):
        farthest = max(_distance(points[i], middle) for i in left)
        left = tuple(i for i in left if _distance(points[i], middle) < farthest)
    enough = len(left) >= 2 and 2 * len(left) > len(points)
    return Agreement(left if enough else (), distances)


def _together(points: Sequence[Point], chosen: Sequence[int], limit_bps: Decimal) -> bool:
    """Whether max − min is within the limit of the chosen ones' median: compared without dividing, so exactly."""
    prices = [points[i][0] for i in chosen]
    room_bps = limit_bps - max(points[i][1] for i in chosen)
    return (max(prices) - min(prices)) * 10_000 <= room_bps * median(prices)


def _within(point: Point, middle: Decimal, limit_bps: Decimal) -> bool:
    price, slack_bps = point
    return abs(price - middle) * 10_000 <= (limit_bps - slack_bps) * middle


def _distance(point: Point, middle: Decimal) -> Decimal:
    price, slack_bps = point
    return abs(price - middle) * 10_000 + slack_bps * middle
