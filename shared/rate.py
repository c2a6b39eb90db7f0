"""Allow each client so many tries a second, with a burst."""

from collections import OrderedDict

CLIENTS = 10_000


class RateLimit:
    """A token bucket for each client; the longest unseen ones are forgotten, which only does them good."""

    def __init__(self, per_second: float, burst: float | None = None, clients: int = CLIENTS) -> None:
        self._per_second = per_second
        self._burst = max(1.0, 2 * per_second) if burst is None else burst
        self._clients = clients
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def wait_s(self, client: str, now: float) -> float:
        """How long the client has to wait for its next try, at monotonic time `now`: 0 when it may try at once."""
        return max(0.0, (1 - self._tokens(client, now)) / self._per_second)

    def take(self, client: str, now: float) -> float:
        """Take one try: 0 when it is allowed, else how long to wait for the next one."""
        wait_s, tokens = self.wait_s(client, now), self._tokens(client, now)
        self._buckets[client] = (tokens if wait_s else tokens - 1, now)
        self._buckets.move_to_end(client)
        if len(self._buckets) > self._clients:
            self._buckets.popitem(last=False)
        return wait_s

    def _tokens(self, client: str, now: float) -> float:
        tokens, at = self._buckets.get(client, (self._burst, now))
        return min(self._burst, tokens + (now - at) * self._per_second)
