"""How many calls one batch may hold, learned from its answers and refusals."""

from __future__ import annotations

from dataclasses import dataclass, replace

FIRST_BATCH = 100  # what nearly every provider takes
LONGEST_BATCH = 400
LIGHT_BYTES = 1 << 19
QUICK_S = 1.0


@dataclass(frozen=True, slots=True)
class BatchLength:
    """The most calls of a batch, and what it may grow to while the answers to full ones are light and quick."""

    most: int = FIRST_BATCH
    ceiling: int = LONGEST_BATCH

    def answered(self, calls: int, size_bytes: int, seconds: float) -> BatchLength:
        """A batch of `calls` brought what it asked for."""
        if calls < self.most or size_bytes > LIGHT_BYTES or seconds > QUICK_S:
            return self
        return replace(self, most=max(self.most, min(2 * self.most, self.ceiling)))

    def failed(self, calls: int) -> BatchLength:
        """A batch of `calls` met trouble that its length may have brought about: the first length is no suspect."""
        return self.at_most(max(FIRST_BATCH, calls // 2)) if calls > FIRST_BATCH else self

    def at_most(self, calls: int) -> BatchLength:
        """The endpoint takes no more than `calls`."""
        return BatchLength(min(self.most, calls), min(self.ceiling, calls))
