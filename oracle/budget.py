"""Keep within what a venue allows: a bucket of requests that refills steadily."""

from __future__ import annotations

from dataclasses import dataclass

from oracle.venue import Budget


@dataclass(frozen=True, slots=True)
class Bucket:
    """How full a venue's budget is; `left` requests at monotonic `at_s`. May be in debt to those who wait."""

    left: float
    at_s: float


def full(budget: Budget, now_s: float) -> Bucket:
    """A budget nobody has used yet."""
    return Bucket(float(budget.requests), now_s)


def take(bucket: Bucket, budget: Budget, now_s: float, patience_s: float) -> tuple[Bucket, float | None]:
    """Take one request: the bucket after it and how long to wait first, or None when that is beyond patience."""
    rate = budget.requests / budget.per_s
    left = min(float(budget.requests), bucket.left + (now_s - bucket.at_s) * rate)
    wait_s = max(0.0, (1 - left) / rate)
    if wait_s > patience_s:
        return Bucket(left, now_s), None
    return Bucket(left - 1, now_s), wait_s
