"""How many blocks to ask one endpoint for at once, learned from its answers and refusals."""

from __future__ import annotations

from dataclasses import dataclass, replace

from shared.rpc_errors import Failure

FIRST_SPAN = 1_000
RUNGS = (
    *(1, 2, 5, 10, 20, 50, 100, 200, 500, 800, 1_000, 2_000, 3_000, 5_000, 10_000, 20_000, 50_000, 100_000),
    *(200_000, 500_000, 1_000_000, 10_000_000),
)  # limits that people choose; tried from above when a refusal names no number
PROBE_AFTER = 1_000  # answers at the ceiling before one wider question: plans get upgraded
FASTEST_GROWTH = 10.0
AFTER_REFUSAL = 1.1
RESULTS_MARGIN = 0.8
FORGET_AFTER = 100


@dataclass(frozen=True, slots=True)
class Ceiling:
    """The widest range an endpoint allows at all, in blocks; None while nothing is known."""

    blocks: int | None = None
    good: int = 0  # the widest it has answered
    uses: int = 0  # answers at the ceiling since it was learned

    def refused(self, blocks: int, said: int | None) -> Ceiling:
        """A range of `blocks` was structurally too wide; `said` is the limit in the refusal. Always narrower."""
        if said is not None and said < blocks:
            lower = said
        elif said == blocks:
            lower = blocks - 1  # their count and ours differ by one
        else:
            lower = max((rung for rung in RUNGS if rung < blocks), default=1)
            lower = max(lower, self.good) if self.good < blocks else lower
        lower = max(1, lower)
        return Ceiling(lower, min(self.good, lower))

    def answered(self, blocks: int) -> Ceiling:
        """A range of `blocks` was answered. After many answers at the ceiling it is lifted by one rung, to try."""
        good = max(self.good, blocks)
        if self.blocks is None or blocks < self.blocks:
            return self if good == self.good else replace(self, good=good)
        if self.uses + 1 < PROBE_AFTER:
            return replace(self, good=good, uses=self.uses + 1)
        return Ceiling(min((rung for rung in RUNGS if rung > blocks), default=None), good)


@dataclass(frozen=True, slots=True)
class Answered:
    """What a range brought: how many blocks, logs and bytes."""

    blocks: int
    results: int
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Window:
    """How many blocks to ask for with one filter: grows with thin answers, shrinks with thick ones and refusals.

    `growth` is the factor of the next widening; after a refusal it starts again close to 1. `below` is a width that was
    refused: for `FORGET_AFTER` answers widening goes at most half the way there. `good` is the width last answered.
    """

    span: int = FIRST_SPAN
    growth: float = FASTEST_GROWTH
    below: int | None = None
    uses: int = 0  # answers since that refusal
    good: int = 0

    def answered(self, what: Answered, target_bytes: int, most_results: int | None) -> Window:
        """Aim the next answer at `target_bytes`, and below the endpoint's `most_results`."""
        ideal = float(what.blocks) * FASTEST_GROWTH
        if what.results:
            ideal = what.blocks * target_bytes / max(what.size_bytes, 1)
            if most_results is not None:
                ideal = min(ideal, what.blocks * most_results * RESULTS_MARGIN / what.results)
        if ideal < self.span:
            return replace(self, span=max(1, int(ideal), self.span // 4), good=what.blocks)
        if what.blocks < self.span:
            return replace(self, good=what.blocks)
        below = None if self.uses >= FORGET_AFTER else self.below
        wider = max(int(min(ideal, self.span * self.growth)), self.span + 1)
        if below is not None:
            wider = max(self.span, min(wider, (self.span + below) // 2))
        return Window(wider, min(self.growth * 1.5, FASTEST_GROWTH), below, self.uses + 1 if below else 0, what.blocks)

    def refused(self, blocks: int, suggested: int | None) -> Window:
        """A range of `blocks` held too much: take the suggestion if it is narrower, else half. Always narrower."""
        narrower = suggested if suggested is not None and 0 < suggested < blocks else blocks // 2
        return Window(max(1, min(narrower, blocks - 1)), AFTER_REFUSAL)

    def failed(self, blocks: int) -> Window:
        """A range of `blocks` may have been too much, nobody said: back to what was good, and no wider for a while."""
        return replace(self.refused(blocks, self.good), below=blocks)


def suggested_blocks(failure: Failure, first: int, last: int) -> int | None:
    """The width of a suggested range that begins where we do and is strictly narrower than first..last.

    Providers are known to write the pair the wrong way round.
    """
    if failure.suggested is None:
        return None
    low, high = sorted(failure.suggested)
    if low != first or high >= last:
        return None
    return high - low + 1
