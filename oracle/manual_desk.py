"""Look at what persons set, as of the last look into the database."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from oracle.desk import Answered
from oracle.model import Pair
from oracle.sources.manual import Entry, read
from shared.clock import Clock


class ManualDesk:
    """The manual prices in force. `entries` is replaced by the task that looks."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.entries: Mapping[Pair, Entry] = {}

    def ask(self, pair: Pair) -> asyncio.Future[Answered]:
        """The answer, at once."""
        answered: asyncio.Future[Answered] = asyncio.get_running_loop().create_future()
        outcome = read(self.entries.get(pair), self._clock.now())
        answered.set_result(Answered(outcome, self._clock.now(), self._clock.monotonic()))
        return answered
