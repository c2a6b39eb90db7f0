"""Ask one named endpoint one JSON-RPC question, or several in one batch."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import msgspec

from shared.clock import Clock
from shared.rpc_answer import Answer, Question, Reply, decoded, read
from shared.rpc_errors import RpcError, TransportFailed
from shared.rpc_types import Call

SILENT_S = 1.0
T = TypeVar("T")
Reader = Callable[[Reply, Question], list[T]]


class Transport(Protocol):
    """The way to one endpoint. `post` raises TransportFailed when no answer arrives."""

    async def post(self, body: bytes) -> Reply: ...

    async def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Exchange:
    """What one HTTP exchange was, for metrics and health. `outcomes` pairs with `methods`; None means a result."""

    endpoint: str
    methods: tuple[str, ...]
    outcomes: tuple[RpcError | None, ...]
    seconds: float
    size_bytes: int


def _ignore(exchange: Exchange) -> None:
    pass


class Rpc:
    """One endpoint. Every failure is an RpcError that names the endpoint; nothing is retried here."""

    def __init__(
        self, name: str, transport: Transport, clock: Clock, observe: Callable[[Exchange], None] = _ignore
    ) -> None:
        self.name = name
        self._transport = transport
        self._clock = clock
        self._observe = observe
        self._next_id = 1

    async def call(self, method: str, params: Sequence[Any] = ()) -> Any:
        """The result of one call; None where the node says null."""
        answer = (await self.batch([Call(method, params)]))[0]
        if isinstance(answer, RpcError):
            raise answer
        return answer

    async def batch(self, calls: Sequence[Call]) -> list[Any]:
        """One entry a call, in order: its result or its RpcError. Raises RpcError when the batch as a whole failed."""
        return [
            answer if isinstance(answer, RpcError) else decoded(self.name, answer)
            for answer in await self.answers(calls)
        ]

    async def answers(self, calls: Sequence[Call]) -> list[Answer]:
        """As `batch`, each result still the node's own JSON."""
        return await self.read(calls, read)

    async def read(self, calls: Sequence[Call], reader: Reader[T]) -> list[T]:
        """As `batch`, each entry as `reader` gives it. A single call travels without batch brackets."""
        question = Question(self.name, tuple(call.method for call in calls), self._next_id)
        self._next_id += len(calls)
        began = self._clock.monotonic()
        size_bytes = 0
        outcomes: tuple[RpcError | None, ...] | None = None
        try:
            reply = await self._transport.post(_body(calls, question.first_id))
            size_bytes = len(reply.body)
            answers = reader(reply, question)
            outcomes = _outcomes(answers)
        except RpcError as error:
            outcomes = (error,) * len(calls)
            raise
        except asyncio.CancelledError:
            if self._clock.monotonic() - began >= SILENT_S:  # sooner, it is the caller who changed his mind
                gave_up = f"{self.name}: no answer as long as somebody waited for it"
                outcomes = (TransportFailed(gave_up, endpoint=self.name),) * len(calls)
            raise
        finally:
            if outcomes is not None:
                seconds = self._clock.monotonic() - began
                self._observe(Exchange(self.name, tuple(question.methods), outcomes, seconds, size_bytes))
        return answers

    async def close(self) -> None:
        """Let go of the connections."""
        await self._transport.close()


def _outcomes(answers: Sequence[object]) -> tuple[RpcError | None, ...]:
    if not any(issubclass(kind, RpcError) for kind in {*map(type, answers)}):
        return (None,) * len(answers)
    return tuple(answer if isinstance(answer, RpcError) else None for answer in answers)


class _Request(msgspec.Struct, tag_field="jsonrpc", tag="2.0", gc=False):
    id: int
    method: str
    params: Any


def _body(calls: Sequence[Call], first_id: int) -> bytes:
    requests = [_Request(first_id + at, method, params) for at, (method, params) in enumerate(calls)]
    return msgspec.json.encode(requests[0] if len(requests) == 1 else requests)
