"""Leave alone what keeps failing, ever longer, until it has been well for a while."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Pace:
    """`free` failures in a row cost nothing; then pauses double from `first_s` to `most_s`.

    The count starts over after `stable_s` without a failure.
    """

    free: int = 2
    first_s: float = 1.0
    most_s: float = 30.0
    stable_s: float = 60.0


@dataclass(frozen=True, slots=True)
class Backoff:
    """How it stands with one other side, on the monotonic clock."""

    failures: int = 0
    until_s: float = 0.0
    well_since_s: float | None = None


def failed(state: Backoff, pace: Pace, now_s: float, random: Callable[[], float], least_s: float = 0.0) -> Backoff:
    """After a failure: paused for at least `least_s` (a Retry-After), jittered by half its length."""
    failures = state.failures + 1
    over = min(failures - pace.free, 32)
    pause_s = min(pace.most_s, pace.first_s * 2 ** (over - 1)) * (0.5 + random() / 2) if over > 0 else 0.0
    return Backoff(failures, now_s + max(pause_s, least_s))


def worked(state: Backoff, pace: Pace, now_s: float) -> Backoff:
    """After a success: forgiven once it has been well for `stable_s`, not before."""
    if not state.failures:
        return state
    since_s = now_s if state.well_since_s is None else state.well_since_s
    return Backoff() if now_s - since_s >= pace.stable_s else replace(state, until_s=0.0, well_since_s=since_s)
