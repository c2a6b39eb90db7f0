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
from shared.rpc_answer import UNREADABLE, Answer, decoded, read
from shared.rpc_errors import (
    CHECKS,
    BadAnswer,
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
SUSPICIOUS = 3  # batches in a row that failed, until we ask whether any are taken
BATCHES_AGAIN_S = 600.0  # what was found out so is forgotten: it may have been a passing trouble
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
        self._batches_failed = SUSPICIOUS  # in a row; until one is answered the first is suspicious
        self._batches_again_at = float("inf")
        self._examining = asyncio.Lock()
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
        if self._clock.monotonic() >= self._batches_again_at:
            self._batches_again_at, self._batches_failed = float("inf"), SUSPICIOUS
            self._batch_is(BatchLength())
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
                if not self._shorten(part, error) and not await self._examine_batches(part, error):
                    raise
                continue
            except (TransportFailed, BadAnswer) as error:
                if not await self._examine_batches(part, error):
                    raise
                continue
            out.extend(await self._completed(part, answers, reader))
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
        except UNREADABLE as error:
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
        try:
            learned = await probe(self.batch, self.abilities.max_batch)
        except ValueError as error:
            raise self.contradiction("shape", str(error)) from error
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

    async def _examine_batches(self, calls: Sequence[Call], error: RpcError) -> bool:
        """Whether batches are now shorter, after one was refused or broken in a way that does not say why.

        Asked where one is refused, and where none was ever answered or none of the last ones. Batches are not taken at
        all where the first call is answered alone but not twice; where it is, a refused one is too long.
        """
        if len(calls) < 2 or not error.failure.heard:
            return False
        self._batches_failed += 1
        if self._batches_failed < SUSPICIOUS and not isinstance(error, Rejected):
            return False
        async with self._examining:
            if self.abilities.max_batch < len(calls):
                return True
            if not await self._answered(calls[:1]):
                return False
            if not await self._answered([calls[0]] * 2):
                self._batch_is(self._batch.at_most(1))
            elif isinstance(error, Rejected) and len(calls) > 2 and all(call.method != "eth_getLogs" for call in calls):
                self._batch_is(self._batch.at_most(len(calls) // 2))
            else:
                return False
            self._batches_again_at = self._clock.monotonic() + BATCHES_AGAIN_S
            return True

    async def _answered(self, calls: Sequence[Call]) -> bool:
        """Whether all of these bring a result. Raises what says nothing about that, as RateLimited."""
        answers: Sequence[Answer]
        try:
            answers = await self._ask(calls, read)
        except RpcError as error:
            answers = [error]
        failures = [answer for answer in answers if isinstance(answer, RpcError)]
        for failure in failures:
            if not (failure.failure.heard and isinstance(failure, Rejected | TransportFailed | BadAnswer)):
                raise failure
        return not failures

    async def _completed(self, calls: Sequence[Call], answers: list[T], reader: Reader[T]) -> list[T]:
        """The answers, with those that were left out asked for again, as long as that brings any."""
        if LeftOut not in {*map(type, answers)}:
            self._batches_failed = 0 if len(calls) > 1 else self._batches_failed
            return answers
        missing = [at for at, answer in enumerate(answers) if isinstance(answer, LeftOut)]
        if len(missing) == len(calls) == 1:
            return answers
        if len(missing) == len(calls):
            nothing = LeftOut(f"{self.name}: no answer to any call of a batch", endpoint=self.name)
            if not await self._examine_batches(calls, nothing):
                raise nothing
            return await self._in_turn(calls, reader)
        self._batches_failed = 0
        self._cut_short += 1
        if self._cut_short >= SHORT_ENOUGH:
            self._batch_is(self._batch.at_most(len(calls) - len(missing)))
        more = await self._in_turn([calls[at] for at in missing], reader)
        for at, answer in zip(missing, more, strict=True):
            answers[at] = answer
        return answers

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
