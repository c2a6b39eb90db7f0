"""Do one round of one feed and return what happened."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from oracle.aggregate import Memory, aggregate
from oracle.board import Board
from oracle.fetch import AskSource, fetch
from oracle.limits import Moment
from oracle.model import Fetched, Pair, Round
from oracle.plan import FeedPlan
from oracle.publish import Update, due
from shared.clock import Clock


class Rounds:
    """One feed and what it remembers from round to round."""

    def __init__(
        self,
        plan: FeedPlan,
        ask: AskSource,
        board: Board,
        leg_ages_s: Mapping[Pair, float],
        clock: Clock,
        memory: Memory,
        update: Update | None = None,
    ) -> None:
        self.plan = plan
        self._ask, self._board, self._leg_ages_s, self._clock = ask, board, leg_ages_s, clock
        self._legs = plan.legs
        self.memory, self.update = memory, update

    async def take(self, missed_ticks: int = 0) -> Round:
        """Fetch, aggregate, decide whether to publish."""
        began_s = self._clock.monotonic()
        fetched = await fetch(self.plan, self._ask, self._clock)
        return self.conclude(fetched, began_s, missed_ticks)

    def conclude(self, fetched: tuple[Fetched, ...], began_s: float, missed_ticks: int = 0) -> Round:
        """The round that the fetched outcomes make."""
        moment = Moment(round(self._clock.now(), 6), self._clock.monotonic())
        conversions = self._board.conversions(self._legs, self._leg_ages_s, moment.now_s)
        outcomes = {one.source: one.outcome for one in fetched}
        observation, self.memory = aggregate(self.plan.feed, outcomes, conversions, self.memory, moment)
        if due(self.update, observation, self.plan.publish_deviation_bps, self.plan.heartbeat_s):
            assert observation.price is not None
            self.update = Update(observation.price, observation.observed_at_s)
            observation = replace(observation, published=True)
        self._board.put(observation)
        return Round(observation, fetched, moment.mono_s - began_s, missed_ticks)
