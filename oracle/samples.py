"""Remember the cumulatives that averages need, for as long as they are needed."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence

from oracle.onchain import Sample

KEEP_S = 2 * 86400
SPACING_S = 15


class Samples:
    """Samples by pool, oldest first. `fresh` are those not yet stored; the store takes them away."""

    def __init__(self, stored: Iterable[tuple[str, Sample]] = ()) -> None:
        self._by_pool: dict[str, deque[Sample]] = {}
        self.fresh: list[tuple[str, Sample]] = []
        for pool, sample in stored:
            self._by_pool.setdefault(pool, deque()).append(sample)

    def of(self, pool: str) -> Sequence[Sample]:
        """All of a pool's samples."""
        return self._by_pool.get(pool, ())

    def add(self, pool: str, sample: Sample) -> None:
        """Keep a sample unless the last one is too near; forget those that are too old."""
        kept = self._by_pool.setdefault(pool, deque())
        if kept and sample.at_s - kept[-1].at_s < SPACING_S:
            return
        kept.append(sample)
        self.fresh.append((pool, sample))
        while kept[0].at_s < sample.at_s - KEEP_S:
            kept.popleft()

    def take(self) -> list[tuple[str, Sample]]:
        """The samples to store now."""
        taken, self.fresh = self.fresh, []
        return taken
