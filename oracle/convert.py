"""Find the legs from a source's pair to the feed's, and multiply along them.

USDT is never taken for USD: a quote in another currency needs a feed that converts it, and that feed's health.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Context, Decimal

from oracle.model import Conversion, Leg, Pair, Quote, Refused
from oracle.reasons import Reason

DIGITS = 34  # what a converted price is rounded to
MAX_LEGS = 3


class NoRoute(ValueError):
    """The declared graph does not lead from a source's pair to the feed's; found when the configuration is read."""


def follow(pair: Pair, via: Sequence[Pair], target: Pair) -> tuple[Leg, ...]:
    """The declared legs, checked: they must lead from `pair` to exactly `target`. Raises NoRoute."""
    quote, legs = pair.quote, []
    for step in via:
        if quote not in (step.base, step.quote):
            raise NoRoute(f"{step} does not convert {quote}")
        legs.append(Leg(step, inverted=quote == step.quote))
        quote = step.base if quote == step.quote else step.quote
    if Pair(pair.base, quote) != target:
        raise NoRoute(f"{pair} via {', '.join(map(str, via)) or 'nothing'} ends in {pair.base}/{quote}, not {target}")
    return tuple(legs)


class Graph:
    """The feeds by the currencies they join."""

    def __init__(self, feeds: Iterable[Pair]) -> None:
        self._joined: dict[str, list[Pair]] = {}
        for feed in sorted(feeds):
            for currency in (feed.base, feed.quote):
                self._joined.setdefault(currency, []).append(feed)

    def route(self, pair: Pair, target: Pair) -> tuple[Leg, ...]:
        """The only shortest way over other feeds. Raises NoRoute when there is none, or two as short as each other."""
        if pair.base != target.base:
            raise NoRoute(f"{pair} is not a price of {target.base}")
        found = self._shortest(pair.quote, target.quote, target)
        if not found:
            raise NoRoute(f"no feed converts {pair.quote} to {target.quote}: add a feed {pair.quote}/{target.quote}")
        if len(found) > 1:
            ways = " or ".join(" × ".join(map(str, way)) for way in found)
            raise NoRoute(f"two ways from {pair.quote} to {target.quote} ({ways}): choose one with `via`")
        return found[0]

    def _shortest(self, start: str, goal: str, without: Pair) -> list[tuple[Leg, ...]]:
        ways: list[tuple[str, tuple[Leg, ...]]] = [(start, ())]
        for _ in range(MAX_LEGS):
            ways = [longer for way in ways for longer in self._longer(*way, without)]
            found = [legs for at, legs in ways if at == goal]
            if found:
                return found
        return []

    def _longer(self, at: str, legs: tuple[Leg, ...], without: Pair) -> Iterable[tuple[str, tuple[Leg, ...]]]:
        been = {currency for leg in legs for currency in (leg.pair.base, leg.pair.quote)} - {at}
        for feed in self._joined.get(at, ()):
            inverted = at == feed.quote
            to = feed.base if inverted else feed.quote
            if feed != without and to not in been:
                yield to, (*legs, Leg(feed, inverted))


def cycle(needs: Mapping[Pair, Iterable[Pair]]) -> tuple[Pair, ...] | None:
    """A circle of feeds that convert through each other, or None."""
    done: set[Pair] = set()

    def visit(feed: Pair, path: tuple[Pair, ...]) -> tuple[Pair, ...] | None:
        if feed in path:
            return (*path[path.index(feed) :], feed)
        if feed in done:
            return None
        for need in needs.get(feed, ()):
            if circle := visit(need, (*path, feed)):
                return circle
        done.add(feed)
        return None

    return next((circle for feed in needs if (circle := visit(feed, ()))), None)


def convert(quote: Quote, legs: Sequence[Leg], found: Mapping[Pair, Conversion]) -> tuple[Decimal, Decimal] | Refused:
    """The price in the feed's currency and the slack in bps that the legs' own spreads add, or why there is none."""
    price, slack_bps = quote.price, Decimal(0)
    for leg in legs:
        conversion = found.get(leg.pair)
        if conversion is None:
            return Refused(Reason.NO_CONVERSION, f"{leg.pair} has no observation yet")
        if conversion.refused:
            return Refused(Reason.NO_CONVERSION, f"{leg.pair}: {conversion.refused.detail}")
        price = price / conversion.price if leg.inverted else price * conversion.price
        slack_bps += conversion.spread_bps
    return (Context(prec=DIGITS).plus(price) if legs else price), slack_bps
