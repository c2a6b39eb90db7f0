"""Answer the same question once for all who ask it within half a second."""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from shared.clock import Clock

TTL_S = 0.5
SIZE = 512


@dataclass(frozen=True, slots=True)
class Body:
    """An answer as it is sent, and the tag of its data."""

    json: bytes
    etag: str


class Cache:
    """Answers by question. Askers of a question that is being answered wait for that answer."""

    def __init__(self, clock: Clock, ttl_s: float = TTL_S, size: int = SIZE) -> None:
        self._clock = clock
        self._ttl_s = ttl_s
        self._size = size
        self._found: OrderedDict[str, tuple[float, asyncio.Future[Body]]] = OrderedDict()

    async def get(self, question: str, answer: Callable[[], Awaitable[Body]]) -> Body:
        """The answer to the question; `answer` gives it when it is not at hand. Failures are not kept."""
        kept = self._found.get(question)
        if kept is None or (kept[1].done() and self._clock.monotonic() - kept[0] >= self._ttl_s):
            kept = self._ask(question, answer)
        return await asyncio.shield(kept[1])

    def _ask(self, question: str, answer: Callable[[], Awaitable[Body]]) -> tuple[float, asyncio.Future[Body]]:
        asking = asyncio.ensure_future(answer())
        kept = self._found[question] = (self._clock.monotonic(), asking)
        self._found.move_to_end(question)
        while len(self._found) > self._size:
            self._found.popitem(last=False)
        asking.add_done_callback(lambda done: self._forget_failure(question, done))
        return kept

    def _forget_failure(self, question: str, done: asyncio.Future[Body]) -> None:
        if done.cancelled() or done.exception() is not None:
            kept = self._found.get(question)
            if kept is not None and kept[1] is done:
                del self._found[question]
