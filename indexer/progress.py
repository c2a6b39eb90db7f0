"""Say in one line how far a chain's streams are, status first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from indexer.model import Committed, Timing

WINDOW_S = 10.0
AT_TIP_BLOCKS = 16
"""Up to this many blocks behind the tip still counts as ready: fast chains seal several between two polls."""


def waits(timing: Timing) -> Mapping[str, float]:
    """For what a step could not go on, in seconds."""
    return {
        "node": timing.waited_s,
        "decode": timing.decoder_s + timing.decode_s,
        "database": timing.store_s,
    }


@dataclass(frozen=True, slots=True)
class _Mark:
    """One commit: when on the monotonic clock, and what it held."""

    at: float
    events: int
    blocks: int
    timing: Timing


class Pace:
    """Events and blocks per second over the last seconds, and what they waited for.

    Invariant: the marks are replaced, never changed, so whoever reads them from another thread reads one state.
    """

    def __init__(self) -> None:
        self._marks: tuple[_Mark, ...] = ()

    def note(self, step: Committed, now: float) -> None:
        mark = _Mark(now, sum(step.events.values()), len(step.range), step.timing)
        self._marks = (*self._recent(now), mark)

    def waits_for(self, now: float) -> str:
        """What most of the time was lost to; nothing while nothing is done."""
        lost: Counter[str] = Counter()
        for mark in self._recent(now):
            lost.update(waits(mark.timing))
        return max(lost, key=lost.__getitem__, default="")

    def events_per_s(self, now: float) -> float:
        marks = self._recent(now)
        return sum(mark.events for mark in marks) / _span_s(marks, now)

    def blocks_per_s(self, now: float) -> float:
        marks = self._recent(now)
        return sum(mark.blocks for mark in marks) / _span_s(marks, now)

    def _recent(self, now: float) -> tuple[_Mark, ...]:
        return tuple(mark for mark in self._marks if mark.at >= now - WINDOW_S)


def _span_s(marks: Sequence[_Mark], now: float) -> float:
    return max(1.0, min(WINDOW_S, now - marks[0].at)) if marks else WINDOW_S


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a chain stands now. `block` is the last committed one and `lag_s` its age, None before the first.

    `silent_s` is how long nobody has told the head, where that is longer than it may be, else 0.
    """

    block: int | None
    behind_blocks: int
    lag_s: float | None
    events_per_s: float
    blocks_per_s: float
    halted: str = ""
    waits_for: str = ""
    silent_s: float = 0.0

    @property
    def at_tip(self) -> bool:
        """Near the last head that was seen, which may be long ago."""
        return self.behind_blocks <= AT_TIP_BLOCKS

    @property
    def ready(self) -> bool:
        return not self.halted and self.at_tip and not self.silent_s

    @property
    def place(self) -> str:
        """The last committed block in words."""
        return "not begun" if self.block is None else f"block {self.block}"

    @property
    def eta_s(self) -> float | None:
        """Seconds to the tip at the present pace, None when there is none."""
        return self.behind_blocks / self.blocks_per_s if self.blocks_per_s > 0 else None

    def __str__(self) -> str:
        if self.halted:
            return f"HALTED {self.place}: {self.halted}"
        if not self.at_tip:
            eta = "unknown" if self.eta_s is None else span(self.eta_s)
            return f"BEHIND {self.behind_blocks} blocks ETA {eta}"
        if self.silent_s:
            on = f", waits for {self.waits_for}" if self.waits_for else ""
            return f"WAITING {self.place}: head last seen {span(self.silent_s)} ago{on}"
        lag = "unknown" if self.lag_s is None else span(self.lag_s)
        return f"READY {self.place} lag {lag} {self.events_per_s:.0f} ev/s"


def span(seconds: float) -> str:
    """Seconds as people say them: `7s`, `3m20s`, `5h04m`."""
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m{whole % 60:02d}s"
    if whole < 86_400:
        return f"{whole // 3600}h{whole % 3600 // 60:02d}m"
    return f"{whole // 86_400}d{whole % 86_400 // 3600:02d}h"


def summary(chains: dict[str, Progress]) -> str:
    """One line for all chains, the worst first; a lone chain goes without its name."""
    if len(chains) == 1:
        return str(next(iter(chains.values())))
    ranked = sorted(chains.items(), key=lambda item: (not item[1].halted, item[1].ready, item[0]))
    parts = [str(progress).split(" ", 1) for _, progress in ranked]
    return " | ".join(f"{word} {name} {rest}" for (name, _), (word, rest) in zip(ranked, parts, strict=True))
