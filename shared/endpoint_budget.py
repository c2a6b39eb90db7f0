"""How fast one endpoint may be asked, by its configuration or by what its refusals teach."""

from __future__ import annotations

BURST_S = 1.0  # a second's worth of requests may go at once
SLOWER = 0.7
RECOVERY_PER_S = 0.02
FORGET_AT = 5.0  # how many times the learned rate before it is forgotten


class Budget:
    """A bucket of requests. `per_second` None means: as fast as we like, until the endpoint complains."""

    def __init__(self, per_second: float | None, now: float) -> None:
        self._configured = per_second
        self._learned: float | None = None
        self._learned_at = now
        self._free_at = now - BURST_S
        self._count = 0
        self._count_from = now

    def per_second(self, now: float) -> float | None:
        """The rate in force; a learned one recovers by and by."""
        if self._learned is None:
            return self._configured
        rate = self._learned * (1 + RECOVERY_PER_S * (now - self._learned_at))
        if rate > self._learned * FORGET_AT:
            self._learned = None
            return self._configured
        return rate if self._configured is None else min(rate, self._configured)

    def reserve(self, now: float, requests: int = 1) -> float:
        """Take `requests` from the bucket; seconds to wait before sending them."""
        self._note(now, requests)
        rate = self.per_second(now)
        if rate is None:
            return 0.0
        self._free_at = max(self._free_at, now - BURST_S)
        wait_s = max(0.0, self._free_at - now)
        self._free_at += requests / rate
        return wait_s

    def backlog_s(self, now: float) -> float:
        """How long a request would wait now."""
        return max(0.0, self._free_at - now) if self.per_second(now) is not None else 0.0

    def refused(self, now: float) -> None:
        """The endpoint said "too fast": go below the rate of the last seconds from now on."""
        recent = self._count / max(now - self._count_from, BURST_S)
        rate = self.per_second(now)
        self._learned = max(0.5, SLOWER * (recent if rate is None else min(recent, rate)))
        self._learned_at = now

    def _note(self, now: float, requests: int) -> None:
        if now - self._count_from > 10:
            self._count = 0
            self._count_from = now
        self._count += requests
