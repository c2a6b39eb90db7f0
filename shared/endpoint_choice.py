"""Decide which endpoint to ask first."""

from __future__ import annotations

from collections.abc import Sequence

from shared.endpoint import Endpoint

LAG_BLOCKS = 20  # a first choice may be this far behind the best head
LONG_REST_S = 5.0  # one that must rest for longer is no first choice
STAY = 3.0  # the first choice may cost this many times the cheapest
RETURN = 1.5  # an earlier one of the user's order comes back when it costs less than this
SLACK_S = 0.05  # differences below this are nothing


def first_choice(endpoints: Sequence[Endpoint], present: Endpoint, now: float) -> Endpoint:
    """The first in the user's order that is fit and not much slower than the fittest.

    `present` keeps its place a little longer than others get theirs back, so that nobody takes turns.
    """
    best_head = max((one.health.head.number for one in endpoints if one.health.head), default=0)
    fit = [one for one in endpoints if _fit(one, best_head, now)]
    if not fit:
        return present
    cheapest = min(map(cost_s, fit))
    return next(
        one for one in fit if cost_s(one) <= max(cheapest * (STAY if one is present else RETURN), cheapest + SLACK_S)
    )


def behind(endpoint: Endpoint, block: int) -> bool:
    """Whether its last head is below `block`."""
    head = endpoint.health.head
    return head is not None and head.number < block


def cost_s(endpoint: Endpoint) -> float:
    """What a question to it is expected to cost; endless while it has answered none."""
    cost = endpoint.health.cost_s()
    return float("inf") if cost is None else cost


def _fit(endpoint: Endpoint, best_head: int, now: float) -> bool:
    health = endpoint.health
    return health.up() and health.rest_s(now) < LONG_REST_S and not behind(endpoint, best_head - LAG_BLOCKS)
