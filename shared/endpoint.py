"""One endpoint: how it is asked, and what was learned about it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable, Sequence
from dataclasses import replace
from typing import Any, TypeVar

import msgspec

from shared.clock import Clock
from shared.endpoint_abilities import Abilities, probe
from shared.endpoint_batch import BatchLength
from shared.endpoint_budget import Budget
from shared.endpoint_health import Health
from shared.endpoint_window import Ceiling, Window
from shared.rpc import Exchange, Reader, Rpc, Transport
from shared.rpc_answer import Answer, decoded, read
from shared.rpc_errors import (
    CHECKS,
    Contradiction,
    LeftOut,
    RateLimited,
    Rejected,
    RpcError,
    TooManyResults,
    TransportFailed,
)
from shared.rpc_types import Call, Header, RawHeader

MOST_AT_ONCE = 16
FINALITY_EVERY_S = 3.0  # it moves in epochs
LOOK_S = 10.0
SHORT_ENOUGH = 3  # batches that came back shorter, until we believe that it is a habit
T = TypeVar("T")
_block = msgspec.json.Decoder(RawHeader | None)


class Endpoint:
    """An `Rpc` within its budget, its batches cut to what it takes. Retries nothing, except in smaller batches."""

    def __init__(
        self,
        name: str,
        transport: Transport,
        clock: Clock,
        *,
        per_second: float | None = None,
        at_once: int = MOST_AT_ONCE,
        observe: Callable[[Exchange], None] | None = None,
    ) -> None:
        self.name = name
        self.health = Health()
        self.budget = Budget(per_second, clock.monotonic())
        self.abilities = Abilities()
        self.ceiling = Ceiling()
        self.windows: dict[Hashable, Window] = {}
        self.crowded: set[Hashable] = set()  # filters that match logs of nearly every block
        self.lies = dict.fromkeys(CHECKS, 0)
        self.waited_s = 0.0
        self._clock = clock
        self._observe = observe
        self._at_once = asyncio.Semaphore(at_once)
        self._cut_short = 0
        self._batch = BatchLength()
        self._rpc = Rpc(name, transport, clock, self._learn)

    async def call(self, method: str, params: Sequence[Any] = ()) -> Any:
        """The result of one call; None where the node says null."""
        answer = (await self.batch([Call(method, params)]))[0]
        if isinstance(answer, RpcError):
            raise answer
        return answer

    async def batch(self, calls: Sequence[Call]) -> list[Any]:
        """One entry a call, in order: its result or its RpcError. Raises RpcError when nothing came back at all."""
        return [
            answer if isinstance(answer, RpcError) else decoded(self.name, answer)
            for answer in await self.answers(calls)
        ]

    async def answers(self, calls: Sequence[Call]) -> list[Answer]:
        """As `batch`, each result still the node's own JSON."""
        return await self.read(calls, read)

    async def read(self, calls: Sequence[Call], reader: Reader[T]) -> list[T]:
        """As `batch`, each entry as `reader` gives it. What is too long for one batch goes in several at once."""
        most = self.abilities.max_batch
        if len(calls) <= most:
            return await self._in_turn(calls, reader)
        parts = [self._in_turn(calls[at : at + most], reader) for at in range(0, len(calls), most)]
        done = await asyncio.gather(*parts, return_exceptions=True)
        out: list[T] = []
        for part in done:
            if isinstance(part, BaseException):
                raise part
            out += part
        return out

    async def _in_turn(self, calls: Sequence[Call], reader: Reader[T]) -> list[T]:
        """One batch, or several in turn when it proves too long."""
        out: list[T] = []
        while len(out) < len(calls):
            part = calls[len(out) : len(out) + self.abilities.max_batch]
            try:
                answers = await self._ask(part, reader)
            except (TooManyResults, Rejected) as error:
                if not self._shorten(part, error):
                    raise
                continue
            out.extend(self._whole_prefix(part, answers))
        return out

    async def look(self) -> Endpoint:
        """Note its head, and now and then what it calls finalized. Returns itself, for the pool.

        A head is quickly told: who takes longer than `LOOK_S` has failed, however patient its other questions are.
        """
        now = self._clock.monotonic()
        due = self.abilities.finalized_tag and now - self.health.finalized_at >= FINALITY_EVERY_S
        tags = ("latest", "finalized") if due else ("latest",)
        try:
            async with asyncio.timeout(LOOK_S):
                answers = await self.answers([Call("eth_getBlockByNumber", (tag, False)) for tag in tags])
        except TimeoutError as error:
            raise TransportFailed(f"{self.name}: no head within {LOOK_S:g} s", endpoint=self.name) from error
        head = self.header(answers[0])
        if head is None:
            raise self.contradiction("head", "it has no newest block")
        self.health.saw(head, self._clock.monotonic())
        if due and not isinstance(answers[1], RpcError):
            self.health.finalized, self.health.finalized_at = self.header(answers[1]), now
        return self

    async def block(self, which: str) -> Header | None:
        """The header at a 0x-number or tag."""
        answer = (await self.answers([Call("eth_getBlockByNumber", (which, False))]))[0]
        return self.header(answer)

    def header(self, answer: Answer) -> Header | None:
        """Read the answer to `eth_getBlockByNumber`; raises its error, or BadAnswer when it is no block."""
        if isinstance(answer, RpcError):
            raise answer
        try:
            raw = _block.decode(answer)
            return None if raw is None else raw.parsed()
        except (msgspec.DecodeError, ValueError) as error:
            raise self.contradiction("shape", f"a block without its fields ({error})") from error

    def contradiction(self, check: str, text: str) -> Contradiction:
        """The error of an answer that cannot be true."""
        return Contradiction(f"{self.name}: {text}", endpoint=self.name, check=check)

    def distrust(self, error: Contradiction) -> None:
        """Note that a check caught it."""
        self.lies[error.check] += 1
        self.health.failed(error, self._clock.monotonic())

    def lacks(self, number: int) -> None:
        """Count that it lacks a block at or below its own head. No more: it may be a late one of many backends."""
        if self.health.head is not None and number <= self.health.head.number:
            self.lies["absent"] += 1

    def learn_timestamps(self, *, told: bool) -> None:
        """Note whether its logs tell their block's time."""
        if self.abilities.log_timestamps is not told:
            self.abilities = replace(self.abilities, log_timestamps=told)

    async def learn_abilities(self) -> Abilities:
        """Ask what it can do and remember it. Raises RpcError when it does not even tell its chain."""
        learned = await probe(self.batch, self.abilities.max_batch)
        self.abilities = replace(
            learned,
            max_batch=self.abilities.max_batch,
            log_timestamps=self.abilities.log_timestamps,
            most_results=self.abilities.most_results,
            most_filters=self.abilities.most_filters,
        )
        return self.abilities

    async def close(self) -> None:
        """Let go of the connections."""
        await self._rpc.close()

    async def _ask(self, calls: Sequence[Call], reader: Reader[T]) -> list[T]:
        wait_s = self.budget.reserve(self._clock.monotonic(), len(calls))
        if wait_s > 0:
            self.waited_s += wait_s
            await self._clock.sleep(wait_s)
        async with self._at_once:
            return await self._rpc.read(calls, reader)

    def _shorten(self, calls: Sequence[Call], error: TooManyResults | Rejected) -> bool:
        """Make batches shorter when that is what the refusal is, or may be, about; whether they are now shorter."""
        if isinstance(error, Rejected):
            self._batch_is(self._batch.failed(len(calls)))
            return self.abilities.max_batch < len(calls)
        about_batch = error.failure.unit == "calls" or all(call.method != "eth_getLogs" for call in calls)
        if not about_batch or len(calls) == 1:
            return False
        limit = error.failure.limit
        told = limit if error.failure.unit == "calls" and limit and limit < len(calls) else len(calls) // 2
        self._batch_is(self._batch.at_most(told))
        return True

    def _whole_prefix(self, calls: Sequence[Call], answers: list[T]) -> list[T]:
        """The answers before the first that was left out, to ask for the rest again; all if there are none."""
        if LeftOut not in {*map(type, answers)}:
            return answers
        missing = next(at for at, answer in enumerate(answers) if isinstance(answer, LeftOut))
        if not missing:
            return answers
        self._cut_short += 1
        if self._cut_short >= SHORT_ENOUGH:
            self._batch_is(self._batch.at_most(missing))
        return answers[:missing]

    def _batch_is(self, length: BatchLength) -> None:
        if length is not self._batch:
            self._batch = length
            self.abilities = replace(self.abilities, max_batch=length.most)

    def _learn(self, exchange: Exchange) -> None:
        now = self._clock.monotonic()
        troubles = [error for error in exchange.outcomes if error is not None and self.health.minds(error)]
        if not troubles:
            self.health.answered(exchange.seconds)
        for error in troubles:
            self.health.failed(error, now)
        if any(isinstance(error, RateLimited) for error in troubles):
            self.budget.refused(now)
        calls = len(exchange.methods)
        if any(isinstance(error, RateLimited | TransportFailed) for error in troubles):
            self._batch_is(self._batch.failed(calls))
        elif not any(exchange.outcomes) and self.budget.per_second(now) is None:
            self._batch_is(self._batch.answered(calls, exchange.size_bytes, exchange.seconds))
        if self._observe:
            self._observe(exchange)
