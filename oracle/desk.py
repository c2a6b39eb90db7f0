"""Join the questions to one venue that come at the same moment into one request."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from oracle import backoff, budget
from oracle.backoff import Backoff, Pace
from oracle.crew import Crew
from oracle.model import Outcome, Refused
from oracle.plan import VenuePlan
from oracle.reasons import Reason
from oracle.venue import read
from oracle.web import Reply, Web
from shared.clock import Clock

JOIN_S = 0.005
RATE_LIMIT_PAUSE_S = 10.0
TROUBLE = frozenset(
    {Reason.TIMEOUT, Reason.UNREACHABLE, Reason.HTTP_STATUS, Reason.AUTH, Reason.GEO_BLOCKED, Reason.RATE_LIMITED}
)


@dataclass(frozen=True, slots=True)
class Answered:
    """An outcome and when it was received, on both clocks."""

    outcome: Outcome
    at_s: float
    mono_s: float


@dataclass(frozen=True, slots=True)
class Exchange:
    """What one request to a venue was, for metrics."""

    source: str
    symbols: int
    seconds: float
    waited_s: float
    refused: Refused | None


class Desk:
    """Where the questions to one venue are handed in. Equal questions under way are one question."""

    def __init__(
        self,
        plan: VenuePlan,
        web: Web,
        crew: Crew,
        clock: Clock,
        timeout_s: float,
        observe: Callable[[Exchange], None] = lambda exchange: None,
        pace: Pace = Pace(),  # noqa: B008 - frozen
    ) -> None:
        self.plan = plan
        self._web, self._crew, self._clock = web, crew, clock
        self._timeout_s, self._observe, self._pace = timeout_s, observe, pace
        self._under_way: dict[str, asyncio.Future[Answered]] = {}
        self._waiting: list[str] = []
        self._doubtful: set[str] = set()
        self._backoff, self._trouble = Backoff(), Refused(Reason.PAUSED)
        self._bucket = budget.full(plan.venue.budget, clock.monotonic())

    def ask(self, symbol: str) -> asyncio.Future[Answered]:
        """The answer to come. Nobody may cancel it: others may wait for it too."""
        found = self._under_way.get(symbol)
        if found is None:
            loop = asyncio.get_running_loop()
            found = self._under_way[symbol] = loop.create_future()
            if not self._waiting:
                loop.call_later(JOIN_S if self.plan.venue.budget.symbols > 1 else 0, self._send)
            self._waiting.append(symbol)
        return found

    @property
    def budget_left(self) -> float:
        """Requests left in the venue's budget, as of the last one."""
        return self._bucket.left

    @property
    def paused_s(self) -> float:
        """For how much longer the venue is left alone."""
        return max(0.0, self._backoff.until_s - self._clock.monotonic())

    def _send(self) -> None:
        waiting, self._waiting = self._waiting, []
        for part in self._parts(waiting):
            self._crew.start(self._settle(part))

    def _parts(self, symbols: Sequence[str]) -> list[list[str]]:
        """As many in one as the venue takes; those that spoiled a joint request before go alone."""
        sure = [one for one in symbols if one not in self._doubtful]
        size = self.plan.venue.budget.symbols
        return [sure[i : i + size] for i in range(0, len(sure), size)] + [[s] for s in symbols if s in self._doubtful]

    async def _settle(self, symbols: Sequence[str]) -> None:
        outcomes = await self._outcomes(symbols)
        at_s, mono_s = self._clock.now(), self._clock.monotonic()
        for symbol in symbols:
            self._under_way.pop(symbol).set_result(Answered(outcomes[symbol], at_s, mono_s))

    async def _outcomes(self, symbols: Sequence[str]) -> Mapping[str, Outcome]:
        """Ask; when one unknown symbol spoils the answer for all, ask by halves until it is found."""
        outcomes = await self._exchange(symbols)
        spoiled = all(isinstance(o, Refused) and o.reason is Reason.UNKNOWN_SYMBOL for o in outcomes.values())
        if not spoiled:
            return outcomes
        if len(symbols) == 1:
            self._doubtful.update(symbols)
            return outcomes
        half = len(symbols) // 2
        first, second = await asyncio.gather(self._outcomes(symbols[:half]), self._outcomes(symbols[half:]))
        return {**first, **second}

    async def _exchange(self, symbols: Sequence[str]) -> Mapping[str, Outcome]:
        began_s = self._clock.monotonic()
        if self._backoff.until_s > began_s:
            return dict.fromkeys(symbols, self._left_alone(began_s))
        self._bucket, wait_s = budget.take(self._bucket, self.plan.venue.budget, began_s, self._timeout_s)
        if wait_s is None:
            refused = Refused(Reason.RATE_LIMITED, "our own budget for the venue is spent")
            self._observe(Exchange(self.plan.venue.name, len(symbols), 0.0, 0.0, refused))
            return dict.fromkeys(symbols, refused)
        if wait_s:
            await self._clock.sleep(wait_s)
        return await self._request(symbols, wait_s)

    async def _request(self, symbols: Sequence[str], waited_s: float) -> Mapping[str, Outcome]:
        plan, began_s = self.plan, self._clock.monotonic()
        reply = await self._web.get(plan.base_url, plan.venue.request(symbols), plan.headers, self._timeout_s)
        outcomes: Mapping[str, Outcome]
        if isinstance(reply, Refused):
            outcomes = dict.fromkeys(symbols, reply)
        else:
            outcomes = read(plan.venue, symbols, reply.status, reply.body)
        refusals = [one for one in outcomes.values() if isinstance(one, Refused)]
        refused = refusals[0] if len(refusals) == len(symbols) else None
        self._learn(refused, reply.retry_after_s if isinstance(reply, Reply) else None)
        seconds = self._clock.monotonic() - began_s
        self._observe(Exchange(plan.venue.name, len(symbols), seconds, waited_s, refused))
        return outcomes

    def _learn(self, refused: Refused | None, retry_after_s: float | None) -> None:
        now_s = self._clock.monotonic()
        if refused is None or refused.reason not in TROUBLE:
            self._backoff = backoff.worked(self._backoff, self._pace, now_s)
            return
        least_s = retry_after_s or 0.0
        if refused.reason is Reason.RATE_LIMITED and retry_after_s is None:
            least_s = RATE_LIMIT_PAUSE_S
        self._trouble = refused
        self._backoff = backoff.failed(self._backoff, self._pace, now_s, random.random, least_s)

    def _left_alone(self, now_s: float) -> Refused:
        left_s, why = self._backoff.until_s - now_s, self._trouble
        reason = why.reason if why.reason is Reason.RATE_LIMITED else Reason.PAUSED
        return Refused(reason, f"left alone for {left_s:.1f} s more after {why.reason}: {why.detail}")
