"""Hand every question to the desk it belongs to; what a push channel just said needs no asking."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from oracle.chain_desk import ChainDesk
from oracle.desk import Answered, Desk
from oracle.manual_desk import ManualDesk
from oracle.plan import Ask, AskChain, AskVenue
from oracle.stream import Listener, plain
from shared.clock import Clock

NEWS_S = 5.0


class Asker:
    """All desks and listeners by name."""

    def __init__(
        self,
        desks: Mapping[str, Desk],
        chains: Mapping[str, ChainDesk],
        manual: ManualDesk,
        listeners: Sequence[Listener],
        clock: Clock,
    ) -> None:
        self._desks, self._chains, self._manual, self._clock = desks, chains, manual, clock
        self._listeners = {(one.plan.venue.name, plain(symbol)): one for one in listeners for symbol in one.symbols}

    def ask(self, ask: Ask) -> asyncio.Future[Answered]:
        """The answer to come."""
        if isinstance(ask, AskVenue):
            return self._heard(ask) or self._desks[ask.venue].ask(ask.symbol)
        if isinstance(ask, AskChain):
            return self._chains[ask.chain].ask(ask.reader)
        return self._manual.ask(ask.pair)

    def _heard(self, ask: AskVenue) -> asyncio.Future[Answered] | None:
        """What the venue pushed within the last seconds; silence is asked about, it may be ours."""
        if not self._listeners:
            return None
        listener = self._listeners.get((ask.venue, plain(ask.stream_symbol)))
        if listener is None or not listener.up:
            return None
        answered = listener.latest(ask.stream_symbol)
        now_s = self._clock.monotonic()
        if listener.unhealthy is not None:
            answered = Answered(listener.unhealthy, self._clock.now(), now_s)
        if answered is None or now_s - answered.mono_s > NEWS_S:
            return None
        future: asyncio.Future[Answered] = asyncio.get_running_loop().create_future()
        future.set_result(answered)
        return future
