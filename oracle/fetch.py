"""Ask all sources of a feed at once, and take what is there at the round's deadline."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from oracle.desk import Answered
from oracle.limits import Terms
from oracle.model import Fetched, Quote, Refused, Ticker
from oracle.plan import Ask, FeedPlan
from oracle.reasons import Reason
from shared.clock import Clock

AskSource = Callable[[Ask], asyncio.Future[Answered]]


async def fetch(plan: FeedPlan, ask: AskSource, clock: Clock) -> tuple[Fetched, ...]:
    """What each source answered within the feed's timeout. A source that is late delays nobody and spoils nothing."""
    began_s = clock.monotonic()
    futures = {name: ask(one) for name, one in plan.asks.items()}
    await asyncio.wait(set(futures.values()), timeout=plan.timeout_s)
    return tuple(_fetched(plan, name, future, began_s) for name, future in futures.items())


def _fetched(plan: FeedPlan, name: str, future: asyncio.Future[Answered], began_s: float) -> Fetched:
    if not future.done():
        late = Refused(Reason.TIMEOUT, f"no answer within {plan.timeout_s:g} s")
        return Fetched(name, late, plan.timeout_s)
    answered = future.result()
    duration_s = max(0.0, answered.mono_s - began_s)
    if isinstance(answered.outcome, Refused):
        return Fetched(name, answered.outcome, duration_s)
    return Fetched(name, quote(plan.feed.terms[name], answered), duration_s)


def quote(terms: Terms, answered: Answered) -> Quote:
    """A ticker with its pair, its source and the time of its receipt."""
    ticker = answered.outcome
    assert not isinstance(ticker, Refused)
    said = {name: getattr(ticker, name) for name in Ticker.__slots__}
    return Quote(
        **said, source=terms.source, pair=terms.pair, received_at_s=answered.at_s, received_mono_s=answered.mono_s
    )
