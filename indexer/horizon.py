"""Know how far the chain goes: its tip and its last finalized block."""

from __future__ import annotations

from indexer.model import BlockRef
from indexer.reader import Reader
from shared.clock import Clock

FINALITY_EVERY_S = 4.0


class Horizon:
    """What was last seen of a chain's end. Shape: attributes are plain state, read at scrape; `seen_at` is in unix
    seconds, `looked_at` the same moment on the monotonic clock.

    Invariant: `floor`, the highest block known to be final, never goes down: what was final once stays so.
    """

    def __init__(self, chain: Reader, clock: Clock, finality_every_s: float = FINALITY_EVERY_S) -> None:
        self._chain = chain
        self._clock = clock
        self._finality_every_s = finality_every_s
        self._finality_at = float("-inf")
        self.tip: BlockRef | None = None
        self.seen_at: float | None = None
        self.looked_at = float("-inf")
        self.finalized: BlockRef | None = None

    @property
    def floor(self) -> int:
        """The highest finalized block, -1 when none is known."""
        return -1 if self.finalized is None else self.finalized.number

    async def look(self) -> BlockRef:
        """Ask for the tip, and now and then for finality."""
        tip = await self._chain.tip()
        self.tip, self.seen_at, self.looked_at = tip, self._clock.now(), self._clock.monotonic()
        if self._clock.monotonic() - self._finality_at >= self._finality_every_s:
            finalized = await self._chain.finalized()
            self._finality_at = self._clock.monotonic()
            if finalized is not None and finalized.number > self.floor:
                self.finalized = finalized
        return tip
