"""A price does not leave the recent one by too much, unless it insists."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from oracle.model import Refused
from oracle.reasons import Reason


@dataclass(frozen=True, slots=True)
class Baseline:
    """The last accepted price and when it was observed (unix seconds), and the candidates refused since."""

    price: Decimal | None = None
    at_s: float = 0.0
    waiting: tuple[Decimal, ...] = ()


def jump(
    baseline: Baseline, price: Decimal, now_s: float, limit_bps: Decimal | None, window_s: float
) -> Refused | None:
    """Refuse a price more than `limit_bps` away from a baseline at most `window_s` old; exactly the limit passes."""
    if limit_bps is None or baseline.price is None or now_s - baseline.at_s > window_s:
        return None
    if abs(price - baseline.price) * 10_000 <= limit_bps * baseline.price:
        return None
    apart = abs(price - baseline.price) / baseline.price * 10_000
    return Refused(Reason.JUMP, f"{apart:.0f} bps from {baseline.price:.8g}, {now_s - baseline.at_s:.0f} s ago")


def wait(baseline: Baseline, price: Decimal, agree_bps: Decimal) -> Baseline:
    """The baseline after a refused candidate: it waits with the earlier ones it agrees with, else alone."""
    near = all(abs(price - earlier) * 10_000 <= agree_bps * earlier for earlier in baseline.waiting)
    return Baseline(baseline.price, baseline.at_s, (*baseline.waiting, price) if near else (price,))


def insists(baseline: Baseline, rounds: int) -> bool:
    """Whether enough agreeing rounds were refused in a row for the market to have really moved."""
    return len(baseline.waiting) >= rounds
