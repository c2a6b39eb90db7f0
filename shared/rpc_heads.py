"""Agree on the tip of a chain from the heads that its endpoints report."""

from __future__ import annotations

from collections.abc import Sequence

from shared.clock import Clock
from shared.endpoint import Endpoint
from shared.rpc_errors import RpcError
from shared.rpc_types import Header

FRESH_S = 30.0  # older heads have no say
LEAD_BLOCKS = 64  # how far one endpoint may be ahead of all others before it must be confirmed
STUCK_S = 60.0  # an endpoint whose head has not risen for so long cannot veto
STALE_PATIENCE_S = 30.0  # how long a shorter piece of the same chain is taken for a stale backend
REMEMBERED = 512


class Heads:
    """The agreed tip and what led to it.

    The tip never falls back along its own chain, as it would behind a load balancer with a stale node, unless that
    lasts; it falls at once to a head of another fork. A head far beyond all others waits for another to confirm it.
    """

    def __init__(self, clock: Clock) -> None:
        self.tip: Header | None = None
        self.finalized: Header | None = None
        self.leader: Endpoint | None = None  # whose head the tip was last
        self.doubted = 0  # heads that were not believed
        self._clock = clock
        self._seen: dict[int, bytes] = {}
        self._lower_since: float | None = None

    async def agree(self, endpoints: Sequence[Endpoint], first: Endpoint) -> Header:
        """The tip, from the heads already noted; asks an endpoint only to settle a doubt."""
        leader = await self._leader(endpoints, first)
        head = leader.health.head
        assert head is not None
        self.leader = leader
        if self.tip is None or head.number >= self.tip.number or await self._fell(leader, head):
            self._accept(head)
        self._note_finalized(endpoints)
        assert self.tip is not None
        return self.tip

    async def _leader(self, endpoints: Sequence[Endpoint], first: Endpoint) -> Endpoint:
        """The endpoint with the highest head that can be believed."""
        now = self._clock.monotonic()
        fresh = [one for one in endpoints if one.health.head and now - one.health.head_at < FRESH_S] or [first]
        leader = max(fresh, key=_height)
        others = [one for one in fresh if one is not leader and now - one.health.rose_at < STUCK_S]
        if not others or _height(leader) <= max(map(_height, others)) + LEAD_BLOCKS:
            return leader
        for other in others:
            await _look_again(other)
        runner_up = max(others, key=_height)
        if _height(leader) <= _height(runner_up) + LEAD_BLOCKS:
            return leader
        self.doubted += 1
        return runner_up

    async def _fell(self, leader: Endpoint, head: Header) -> bool:
        """Whether a lower head is the truth and not a backend that lags."""
        if not await self._same_chain(leader, head):
            return True
        now = self._clock.monotonic()
        self._lower_since = now if self._lower_since is None else self._lower_since
        return now - self._lower_since >= STALE_PATIENCE_S

    async def _same_chain(self, leader: Endpoint, head: Header) -> bool:
        """Whether the highest block we know at or below this head is also the leader's."""
        number = max((seen for seen in self._seen if seen <= head.number), default=None)
        if number is None:
            return True
        if number == head.number:
            return self._seen[number] == head.hash
        try:
            block = await leader.block(hex(number))
        except RpcError:
            return True
        return block is None or block.hash == self._seen[number]

    def _accept(self, head: Header) -> None:
        self._lower_since = None
        self.tip = head
        self._seen = {number: hash_ for number, hash_ in self._seen.items() if number < head.number}
        if self._seen.get(head.number - 1, head.parent_hash) != head.parent_hash:
            self._seen.clear()
        self._seen |= {head.number - 1: head.parent_hash, head.number: head.hash}
        while len(self._seen) > REMEMBERED:
            del self._seen[min(self._seen)]

    def _note_finalized(self, endpoints: Sequence[Endpoint]) -> None:
        """Finality never goes backwards, and is never above the tip."""
        assert self.tip is not None
        for endpoint in endpoints:
            block = endpoint.health.finalized
            if block is None or block.number > self.tip.number:
                continue
            if self.finalized is None or block.number > self.finalized.number:
                self.finalized = block


def _height(endpoint: Endpoint) -> int:
    assert endpoint.health.head is not None
    return endpoint.health.head.number


async def _look_again(endpoint: Endpoint) -> None:
    try:
        await endpoint.look()
    except RpcError:
        return  # its last head keeps its say
