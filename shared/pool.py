"""Many endpoints of one chain as one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

import msgspec

from shared.clock import Clock
from shared.errors import TooLarge
from shared.rpc import Rpc
from shared.rpc_errors import Reverted, RpcError
from shared.rpc_types import Call, Header, RawHeader

T = TypeVar("T")


class Pool:
    """The endpoints of one chain. What one cannot do another is asked for."""

    def __init__(self, chain: str, endpoints: Sequence[Rpc], clock: Clock) -> None:
        self.chain = chain
        self.endpoints = tuple(endpoints)
        self._clock = clock

    async def call(self, method: str, params: Sequence[Any] = ()) -> Any:
        """The result of one call by the best endpoint that can answer."""
        return await self.on(lambda endpoint: endpoint.call(method, params))

    async def batch(self, calls: Sequence[Call]) -> list[Any]:
        """One entry a call, in order: its result or its RpcError; all answered by one endpoint."""
        return await self.on(lambda endpoint: endpoint.batch(calls))

    async def head(self) -> Header:
        """The tip: the head that the pool agreed to aim at."""
        block = await self.call("eth_getBlockByNumber", ["latest", False])
        return msgspec.convert(block, RawHeader).parsed()

    async def on(self, ask: Callable[[Rpc], Awaitable[T]]) -> T:
        """What `ask` returns from the first endpoint where it succeeds. Raises its last RpcError otherwise."""
        last: RpcError | None = None
        for endpoint in self.endpoints:
            try:
                return await ask(endpoint)
            except (Reverted, TooLarge):
                raise
            except RpcError as error:
                last = error
        assert last is not None
        raise last

    async def close(self) -> None:
        """Let go of all connections."""
        for endpoint in self.endpoints:
            await endpoint.close()
