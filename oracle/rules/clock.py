"""When all venues look future or past together, our own clock is wrong."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

from oracle.model import Quote, Refused
from oracle.reasons import Reason

TOGETHER_S = 5.0


def skew_s(quotes: Sequence[Quote]) -> float | None:
    """How far the venues' clocks are ahead of ours, by the middle of those that tell; None when nobody tells."""
    skews = _skews(quotes)
    return median(skews) if skews else None


def clock(quotes: Sequence[Quote], tolerance_s: float, max_age_s: float) -> Refused | None:
    """Refuse the round when at least two venues tell a time, all are off, and all by about the same.

    Ahead is off beyond `tolerance_s`. Behind too where venues tell their clock; the time of a last trade may lie back
    as far as `max_age_s` in a quiet market. Only live sources are to be passed: an on-chain feed may rest for an hour.
    """
    skews = _skews(quotes)
    if len(skews) < 2 or max(skews) - min(skews) > TOGETHER_S:
        return None
    clocks_told = all(one.server_time_s is not None for one in quotes if one.time_s is not None)
    behind_s = tolerance_s if clocks_told else max_age_s
    if min(skews) > tolerance_s or max(skews) < -behind_s:
        ahead_s = median(skews)
        side = "ahead of" if ahead_s > 0 else "behind"
        return Refused(Reason.CLOCK, f"{len(skews)} venues are {abs(ahead_s):.1f} s {side} our clock")
    return None


def _skews(quotes: Sequence[Quote]) -> list[float]:
    times = ((q.server_time_s if q.server_time_s is not None else q.time_s, q.received_at_s) for q in quotes)
    return [told - received for told, received in times if told is not None]
