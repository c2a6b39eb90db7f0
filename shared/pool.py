"""Many endpoints of one chain as one."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import structlog

from shared.clock import Clock
from shared.endpoint import Endpoint
from shared.endpoint_choice import behind, cost_s, first_choice
from shared.errors import Permanent, TooLarge
from shared.rpc_errors import Contradiction, MissingData, NoEndpoint, Reverted, RpcError, WrongChain
from shared.rpc_forks import ForkWatch
from shared.rpc_heads import Heads
from shared.rpc_news import News
from shared.rpc_types import Call, Header
from shared.runtime import Stop

T = TypeVar("T")

PATIENCE_S = 15.0
SHORTEST_PAUSE_S = 0.1
LONGEST_PAUSE_S = 5.0
SLOW_ROUND_S = 15.0  # endpoints that are not in use are looked at this often
BUSY_S = 0.5  # a backlog of this makes an endpoint one step less welcome


@dataclass(slots=True)
class _Patience:
    """How long to try, and to wait before the next try. Times are monotonic seconds."""

    until: float
    pause_s: float = SHORTEST_PAUSE_S


class Pool:
    """The endpoints of one chain, in order of preference. What one cannot do another is asked for.

    `first` is the endpoint asked first, `switches` how often another one became it, `heads` what is agreed about heads.
    """

    def __init__(
        self,
        chain: str,
        endpoints: Sequence[Endpoint],
        clock: Clock,
        *,
        chain_id: int | None = None,
        patience_s: float = PATIENCE_S,
    ) -> None:
        self.chain = chain
        self.endpoints = tuple(endpoints)
        self.switches = 0
        self.chain_id: int | None = None
        self.clock = clock
        self.patience_s = patience_s
        self._expected = chain_id
        self.first = self.endpoints[0]
        self.heads = Heads(clock)
        self.forks = ForkWatch(chain, self.endpoints, clock)
        self.news = News()
        self._starting = asyncio.Lock()
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Learn what every endpoint can do; those of another chain are refused by name.

        The chain is the expected one, else what most endpoints say. Raises RpcError when none can be used before its
        patience is over. The first question does it where nobody did before.
        """
        async with self._starting:
            if self.chain_id is not None:
                return
            ids = await self._chain_ids()
            self.chain_id = max(ids, key=ids.count) if self._expected is None else self._expected
            for endpoint in self.endpoints:
                self._refuse_stranger(endpoint)
            if not self._usable():
                raise self._nobody([])

    async def call(self, method: str, params: Sequence[Any] = ()) -> Any:
        """The result of one call by the best endpoint that can answer; None where the node says null."""
        return await self.on(lambda endpoint: endpoint.call(method, params))

    async def batch(self, calls: Sequence[Call]) -> list[Any]:
        """One entry a call, in order: its result or its RpcError; all answered by one endpoint."""
        return await self.on(lambda endpoint: endpoint.batch(calls))

    async def on(
        self,
        ask: Callable[[Endpoint], Awaitable[T]],
        *,
        block: int = 0,
        hopeless: Callable[[Sequence[RpcError]], bool] | None = None,
    ) -> T:
        """What `ask` returns from the first endpoint where it succeeds; those that have seen `block` come first.

        Goes on to the next endpoint at every error but Reverted, then waits and starts again while its patience lasts.
        Raises the error of the only endpoint or NoEndpoint with everyone's; at once where waiting changes nothing,
        which the caller may judge too (`hopeless`).
        """
        if self.chain_id is None:
            await self.start()
        patience = _Patience(self.clock.monotonic() + self.patience_s)
        while True:
            errors: list[RpcError] = []
            for endpoint in self.awake(block):
                try:
                    await self._know(endpoint)
                    return await ask(endpoint)
                except Reverted:
                    raise
                except RpcError as error:
                    errors.append(error)
                    if isinstance(error, Contradiction):
                        endpoint.distrust(error)
            if hopeless and hopeless(errors):
                raise self._nobody(errors)
            await self._wait(patience, errors)

    async def head(self) -> Header:
        """Ask for heads and agree on the tip: the first choice every time, the others now and then, aside."""
        first = await self.on(Endpoint.look)
        now = self.clock.monotonic()
        for endpoint in self._usable():
            health = endpoint.health
            if endpoint is not first and now - health.looked_at >= SLOW_ROUND_S and health.rest_s(now) == 0:
                health.looked_at = now
                self._aside(endpoint)
        return await self.heads.agree(self._usable(), first)

    async def rest(self, stop: Stop, poll_s: float) -> None:
        """Wait for the next poll: until the stop, a hint of a new head, or `poll_s`."""
        if not self.news.sockets:
            await stop.wait(poll_s)
            return
        waits = [asyncio.create_task(self.news.wait(poll_s)), asyncio.create_task(stop.wait(poll_s))]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
            await asyncio.gather(*waits, return_exceptions=True)

    async def close(self) -> None:
        """Let go of all connections."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.forks.close()
        for endpoint in self.endpoints:
            await endpoint.close()

    def _usable(self) -> list[Endpoint]:
        return [one for one in self.endpoints if not one.health.refused and not one.health.astray]

    def awake(self, block: int = 0) -> list[Endpoint]:
        """The endpoints that need no rest, best first; notes when another one becomes the first choice."""
        now = self.clock.monotonic()
        awake = [endpoint for endpoint in self._usable() if endpoint.health.rest_s(now) == 0]
        if not awake:
            return []
        self._choose(now)
        busy = {endpoint: int(endpoint.budget.backlog_s(now) / BUSY_S) for endpoint in awake}
        return sorted(
            awake,
            key=lambda one: (not one.health.up(), behind(one, block), busy[one], one is not self.first, cost_s(one)),
        )

    def _choose(self, now: float) -> None:
        """Ask another endpoint first when the present one does badly."""
        best = first_choice(self._usable(), self.first, now)
        if best is self.first:
            return
        structlog.get_logger("rpc").warning(
            "another endpoint is asked first",
            chain=self.chain,
            endpoint=best.name,
            before=self.first.name,
            trouble=str(self.first.health.last_error or "it lags or is slower"),
        )
        self.first = best
        self.switches += 1

    def _shortest_rest_s(self) -> float:
        now = self.clock.monotonic()
        return min((endpoint.health.rest_s(now) for endpoint in self._usable()), default=0.0)

    @property
    def troubles(self) -> str:
        """What ails those endpoints that are not well."""
        return "; ".join(str(error) for one in self.endpoints if (error := _trouble(one)))

    def _nobody(self, errors: Sequence[RpcError]) -> RpcError:
        """The error of a question that nobody could answer."""
        if not errors:
            errors = [error for one in self.endpoints if (error := _trouble(one))]
        if errors and (len(self.endpoints) == 1 or _final(errors)):
            return errors[0]
        return NoEndpoint(self.chain, errors)

    async def _wait(self, patience: _Patience, errors: Sequence[RpcError]) -> None:
        """Wait for the next try. Raises what everybody said where that changes nothing, or takes too long."""
        wait_s = max(patience.pause_s, self._shortest_rest_s())
        if _final(errors) or self.clock.monotonic() + wait_s > patience.until:
            raise self._nobody(errors)
        await self.clock.sleep(wait_s)
        patience.pause_s = min(2 * patience.pause_s, LONGEST_PAUSE_S)

    async def _chain_ids(self) -> list[int]:
        """The chain ids that endpoints tell, as soon as one tells any. Raises RpcError when none does in time."""
        patience = _Patience(self.clock.monotonic() + self.patience_s)
        said: dict[Endpoint, RpcError] = {}
        while True:
            now = self.clock.monotonic()
            asked = [
                one
                for one in self.endpoints
                if one.health.rest_s(now) == 0 and not (one in said and isinstance(said[one], Permanent))
            ]
            found = await asyncio.gather(*(self._probe(one) for one in asked))
            ids = [told for told in found if isinstance(told, int)]
            if ids:
                return ids
            said |= {one: told for one, told in zip(asked, found, strict=True) if isinstance(told, RpcError)}
            await self._wait(patience, [*said.values()])

    async def _know(self, endpoint: Endpoint) -> None:
        """See that an endpoint is of our chain before it is asked anything. Raises RpcError when it does not say so."""
        if endpoint.abilities.chain_id is not None:
            return
        told = await self._probe(endpoint)
        self._refuse_stranger(endpoint)
        if endpoint.health.refused:
            raise endpoint.health.refused
        if isinstance(told, RpcError):
            raise told

    async def _probe(self, endpoint: Endpoint) -> int | RpcError:
        """The chain id that an endpoint tells, or why it does not."""
        try:
            abilities = await endpoint.learn_abilities()
            await endpoint.look()
        except RpcError as error:
            if isinstance(error, Contradiction):
                endpoint.distrust(error)
            return error
        assert abilities.chain_id is not None
        return abilities.chain_id

    def _refuse_stranger(self, endpoint: Endpoint) -> None:
        told = endpoint.abilities.chain_id
        if told is not None and told != self.chain_id:
            text = f"{endpoint.name} serves chain {told}, but {self.chain} is chain {self.chain_id}"
            endpoint.health.refused = WrongChain(text, endpoint=endpoint.name)
            structlog.get_logger("rpc").error("endpoint refused", chain=self.chain, error=text)

    def _aside(self, endpoint: Endpoint) -> None:
        """Look at an endpoint that is not in use, without making anybody wait."""
        task = asyncio.create_task(self._look_aside(endpoint), name=f"look at {endpoint.name}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _look_aside(self, endpoint: Endpoint) -> None:
        if endpoint.abilities.chain_id is None:
            await self._probe(endpoint)
            self._refuse_stranger(endpoint)
            return
        try:
            await endpoint.look()
        except RpcError:
            return  # its health has noted it


def _trouble(endpoint: Endpoint) -> RpcError | None:
    """Why it is not asked."""
    return endpoint.health.refused or endpoint.health.astray or endpoint.health.last_error


def _final(errors: Sequence[RpcError]) -> bool:
    """Whether waiting changes nothing."""
    return bool(errors) and all(isinstance(error, Permanent | MissingData | TooLarge) for error in errors)
