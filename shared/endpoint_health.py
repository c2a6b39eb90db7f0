"""What we think of one endpoint, by its head, its latency and its errors."""

from __future__ import annotations

from dataclasses import dataclass

from shared.rpc_errors import (
    BadAnswer,
    Contradiction,
    QuotaExhausted,
    RateLimited,
    RpcError,
    TransportFailed,
    WrongChain,
)
from shared.rpc_types import Header

MEMORY = 0.2  # weight of the newest answer in the running means
DOWN_AFTER = 3  # failures in a row


@dataclass(frozen=True, slots=True)
class _Rest:
    first_s: float
    longest_s: float


_RESTS: dict[type[RpcError], _Rest] = {
    RateLimited: _Rest(1.0, 60.0),
    QuotaExhausted: _Rest(60.0, 3_600.0),
    TransportFailed: _Rest(0.5, 30.0),
    BadAnswer: _Rest(0.5, 30.0),
}


class Health:
    """One endpoint's state. Times are monotonic seconds."""

    def __init__(self) -> None:
        self.head: Header | None = None
        self.head_at = 0.0
        self.rose_at = 0.0
        self.looked_at = 0.0
        self.finalized: Header | None = None
        self.finalized_at = float("-inf")
        self.latency_s: float | None = None
        self.error_ratio = 0.0
        self.streak = 0
        self.resting_until = 0.0
        self.refused: WrongChain | None = None
        self.astray: Contradiction | None = None  # left out while it is on a dead fork
        self.last_error: RpcError | None = None

    def answered(self, seconds: float) -> None:
        """It answered after that long."""
        self.latency_s = seconds if self.latency_s is None else self.latency_s + MEMORY * (seconds - self.latency_s)
        self.error_ratio *= 1 - MEMORY
        self.streak = 0
        self.last_error = None

    def minds(self, error: RpcError) -> bool:
        """Whether this error says something about the endpoint, not only about the question."""
        return isinstance(error, tuple(_RESTS))

    def failed(self, error: RpcError, now: float) -> None:
        """It failed in a way that it minds; it gets a rest that doubles with each failure in a row."""
        rest = next(rest for kind, rest in _RESTS.items() if isinstance(error, kind))
        self.last_error = error
        self.error_ratio += MEMORY * (1 - self.error_ratio)
        if now >= self.resting_until:  # requests that were under way together fail together, and count once
            self.streak += 1
        asked_s = error.failure.retry_after_s
        doubled_s = min(rest.first_s * 2 ** min(max(self.streak - 1, 0), 16), rest.longest_s)
        self.resting_until = max(self.resting_until, now + (doubled_s if asked_s is None else asked_s))

    def saw(self, head: Header, now: float) -> None:
        """It reported this head; heads may go backwards behind a load balancer."""
        if self.head is None or head.number > self.head.number:
            self.rose_at = now
        self.head = head
        self.head_at = now

    def up(self) -> bool:
        """Whether it passes: of the right chain and fork, no row of failures, and not out of money."""
        if self.refused or self.astray or self.streak >= DOWN_AFTER or isinstance(self.last_error, QuotaExhausted):
            return False
        return self.latency_s is not None

    def rest_s(self, now: float) -> float:
        """Seconds it should still be left alone."""
        return max(0.0, self.resting_until - now)

    def cost_s(self) -> float | None:
        """What a question is expected to cost: the mean latency, made worse by errors; None while untried."""
        return None if self.latency_s is None else self.latency_s * (1 + 5 * self.error_ratio)
