"""Allow each client so many requests a second, with a burst of two seconds' worth."""

from collections import OrderedDict

CLIENTS = 10_000


class RateLimit:
    """A token bucket for each client; the longest unseen ones are forgotten, which only does them good."""

    def __init__(self, per_second: float, clients: int = CLIENTS) -> None:
        self._per_second = per_second
        self._burst = max(1.0, 2 * per_second)
        self._clients = clients
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def wait_s(self, client: str, now: float) -> float:
        """Take one request at monotonic time `now`: 0 when it is allowed, else how long to wait for the next one."""
        tokens, at = self._buckets.get(client, (self._burst, now))
        tokens = min(self._burst, tokens + (now - at) * self._per_second)
        allowed = tokens >= 1
        self._buckets[client] = (tokens - 1 if allowed else tokens, now)
        self._buckets.move_to_end(client)
        if len(self._buckets) > self._clients:
            self._buckets.popitem(last=False)
        return 0.0 if allowed else (1 - tokens) / self._per_second
