"""Answer the same question once for all who ask it within half a second, or longer when answering took long.

An answer counts as fresh for twenty times as long as it took to make, half a second at least and a minute at most: so
one question, however dear and however often it is asked, keeps the database busy for a twentieth of the time. For as
long again it is still given, while a new one is being made, and three seconds longer when that takes so long.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from shared.clock import Clock

TTL_S = 0.5
LONGEST_S = 60.0
TIMES_ITS_COST = 20
LATE_S = 3.0
SIZE = 512


@dataclass(frozen=True, slots=True)
class Body:
    """An answer as it is sent, and the tag of its data."""

    json: bytes
    etag: str


@dataclass(slots=True)
class _Kept:
    """One question: what is being or was answered, when that began and until when it is fresh, and what comes next."""

    answer: asyncio.Future[Body]
    began_at: float
    ttl_s: float
    next: asyncio.Future[Body] | None = None


class Cache:
    """Answers by question. Askers of a question that is being answered for the first time wait for that answer."""

    def __init__(self, clock: Clock, ttl_s: float = TTL_S, size: int = SIZE) -> None:
        self._clock = clock
        self._ttl_s = ttl_s
        self._size = size
        self._found: OrderedDict[str, _Kept] = OrderedDict()

    async def get(self, question: str, answer: Callable[[], Awaitable[Body]]) -> Body:
        """The answer to the question; `answer` gives it when it is not at hand. Failures are not kept."""
        kept = self._found.get(question)
        if kept is None:
            kept = self._ask(question, answer)
        elif kept.answer.done():
            age_s = self._clock.monotonic() - kept.began_at
            if age_s >= 2 * kept.ttl_s + (0.0 if kept.next is None else LATE_S):
                kept = self._ask(question, answer)
            elif age_s >= kept.ttl_s and kept.next is None:
                kept.next = self._begin(question, answer)
        return await asyncio.shield(kept.answer)

    def forget(self, begins: str) -> None:
        """Keep no answer to a question that begins so, not even one that is being made: it may not know the newest."""
        for question in [one for one in self._found if one.startswith(begins)]:
            del self._found[question]

    def _ask(self, question: str, answer: Callable[[], Awaitable[Body]]) -> _Kept:
        """Answer it anew, for all who ask from now on; what is already on its way is taken."""
        before = self._found.get(question)
        asking = before.next if before is not None and before.next is not None else self._begin(question, answer)
        kept = self._found[question] = _Kept(asking, self._clock.monotonic(), self._ttl_s)
        self._found.move_to_end(question)
        while len(self._found) > self._size:
            self._found.popitem(last=False)
        return kept

    def _begin(self, question: str, answer: Callable[[], Awaitable[Body]]) -> asyncio.Future[Body]:
        began_at = self._clock.monotonic()
        asking = asyncio.ensure_future(answer())
        asking.add_done_callback(lambda done: self._done(question, done, began_at))
        return asking

    def _done(self, question: str, done: asyncio.Future[Body], began_at: float) -> None:
        kept = self._found.get(question)
        failed = done.cancelled() or done.exception() is not None
        if kept is None or done not in (kept.answer, kept.next):
            return
        if failed:
            del self._found[question]
            return
        cost_s = self._clock.monotonic() - began_at
        ttl_s = max(self._ttl_s, min(LONGEST_S, TIMES_ITS_COST * cost_s))
        self._found[question] = _Kept(done, began_at, ttl_s)
