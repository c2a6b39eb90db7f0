"""Leave out endpoints that stay on a dead fork, judged by the chain's final block, which no sound one denies."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

import structlog

from shared.clock import Clock
from shared.endpoint import Endpoint
from shared.rpc_errors import RpcError
from shared.rpc_types import Header

PATIENCE_S = 3.0
AT_ONCE_S = 0.2  # what an examination may delay the work by; the last final block stands meanwhile


@dataclass(frozen=True, slots=True)
class Vote:
    """Whether an endpoint is on the final block's chain, None when it does not say.

    `splits` is true of one that calls a block final which is not on that chain: two finalities, for a person to judge.
    """

    endpoint: Endpoint
    agrees: bool | None
    splits: bool = False


def on_dead_forks(votes: Sequence[Vote]) -> list[Endpoint]:
    """The endpoints to leave out: those that deny what is final, unless they are more than those who confirm it."""
    denying = [vote for vote in votes if vote.agrees is False]
    if len(denying) > sum(vote.agrees is True for vote in votes):
        return []
    return [vote.endpoint for vote in denying if not vote.splits]


class ForkWatch:
    """Examines the endpoints of one chain. Who was left out is asked again each time, and comes back when it agrees.

    `settled` is the newest final block that everybody was asked about.
    """

    def __init__(self, chain: str, endpoints: Sequence[Endpoint], clock: Clock) -> None:
        self._chain = chain
        self._endpoints = endpoints
        self._clock = clock
        self.settled: Header | None = None
        self._asking: asyncio.Task[None] | None = None
        self._log = structlog.get_logger("rpc").bind(chain=chain)

    async def settle(self, final: Header) -> Header | None:
        """Examine with a new final block; the newest one that is settled, which a slow endpoint keeps back a while."""
        if len(self._endpoints) < 2:
            return final
        if self._asking is None and final != self.settled:
            self._asking = asyncio.create_task(self._settle(final), name=f"forks of {self._chain}")
        if (asking := self._asking) is not None:
            await asyncio.wait({asking}, timeout=AT_ONCE_S if self.settled else None)
            if asking.done():
                if self._asking is asking:  # somebody who waited along may have put it away, and begun another
                    self._asking = None
                asking.result()
        return self.settled

    async def close(self) -> None:
        """Ask nobody any more."""
        if self._asking is not None:
            self._asking.cancel()
            await asyncio.gather(self._asking, return_exceptions=True)

    async def _settle(self, final: Header) -> None:
        await self.examine(final)
        self.settled = final

    async def examine(self, final: Header) -> bool:
        """Ask every endpoint for the final block; true when one was left out for its answer that was not before."""
        now = self._clock.monotonic()
        asked = [
            one
            for one in self._endpoints
            if not one.health.refused and (one.health.astray or one.health.rest_s(now) == 0)
        ]
        if len(asked) < 2:
            return False
        told = await asyncio.gather(*(_block(one, hex(final.number)) for one in asked))
        agreeing = [one for one, block in zip(asked, told, strict=True) if block and block.hash == final.hash]
        if not agreeing:
            return False
        votes = await asyncio.gather(
            *(_vote(one, block, final, agreeing[0]) for one, block in zip(asked, told, strict=True))
        )
        for vote in votes:
            if vote.agrees and vote.endpoint.health.astray:
                vote.endpoint.health.astray = None
                self._log.info("endpoint is back on the chain", endpoint=vote.endpoint.name)
        fresh = [one for one in on_dead_forks(votes) if not one.health.astray]
        for one in fresh:
            self._leave_out(one, final)
        return bool(fresh)

    def _leave_out(self, endpoint: Endpoint, final: Header) -> None:
        text = f"on another fork than the final block {final.number} 0x{final.hash.hex()[:16]}…"
        endpoint.health.astray = endpoint.contradiction("finality", text)
        endpoint.lies["finality"] += 1
        self._log.error(
            "endpoint left out",
            endpoint=endpoint.name,
            error=text,
            advice="It comes back by itself when it is on the chain again; remove it if it stays.",
        )


async def _vote(endpoint: Endpoint, block: Header | None, final: Header, witness: Endpoint) -> Vote:
    """Compare at the final block or, where the endpoint has not come so far, at its own head."""
    if block is not None and block.hash == final.hash:
        return Vote(endpoint, True)
    if block is None:
        block = await _block(endpoint, "latest")
        if block is None or block.number >= final.number:
            return Vote(endpoint, None)
        theirs = await _block(witness, hex(block.number))
        if theirs is None or theirs.hash == block.hash:
            return Vote(endpoint, None if theirs is None else True)
    own = endpoint.health.finalized
    if own is None or own.number > final.number:
        return Vote(endpoint, False, splits=own is not None)
    at_own = await _block(witness, hex(own.number))
    return Vote(endpoint, False, splits=at_own is not None and at_own.hash != own.hash)


async def _block(endpoint: Endpoint, which: str) -> Header | None:
    """A header, None when there is none or no answer in time."""
    try:
        async with asyncio.timeout(PATIENCE_S):
            return await endpoint.block(which)
    except (RpcError, TimeoutError):
        return None
