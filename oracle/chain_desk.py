"""Join the questions to one chain's contracts that come at the same moment, and answer them from one block."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from oracle import multicall
from oracle.crew import Crew
from oracle.desk import Answered, Exchange
from oracle.errors import Unreadable
from oracle.model import Outcome, Refused
from oracle.onchain import Answer, EthCall, Reader, View, read
from oracle.reasons import Reason
from oracle.samples import Samples
from shared.clock import Clock
from shared.rpc_errors import Reverted, RpcError
from shared.rpc_types import Call

JOIN_S = 0.005
CALLS_AT_ONCE = 100
MULTICALLS_AT_ONCE = 400


class Node(Protocol):
    """What a desk needs of a pool of endpoints."""

    async def call(self, method: str, params: Sequence[Any] = ()) -> Any: ...

    async def batch(self, calls: Sequence[Call]) -> list[Any]: ...


class ChainDesk:
    """Where the questions to one chain are handed in. Equal questions under way are one question."""

    def __init__(
        self,
        chain: str,
        node: Node,
        crew: Crew,
        clock: Clock,
        timeout_s: float,
        max_block_age_s: float,
        samples: Samples,
        observe: Callable[[Exchange], None] = lambda exchange: None,
    ) -> None:
        self.chain = chain
        self._node, self._crew, self._clock = node, crew, clock
        self._timeout_s, self._max_block_age_s = timeout_s, max_block_age_s
        self._samples, self._observe = samples, observe
        self._under_way: dict[Reader, asyncio.Future[Answered]] = {}
        self._waiting: list[Reader] = []
        self._multicall: bool | None = None

    def ask(self, reader: Reader) -> asyncio.Future[Answered]:
        """The answer to come. Nobody may cancel it: others may wait for it too."""
        found = self._under_way.get(reader)
        if found is None:
            loop = asyncio.get_running_loop()
            found = self._under_way[reader] = loop.create_future()
            if not self._waiting:
                loop.call_later(JOIN_S, self._send)
            self._waiting.append(reader)
        return found

    def _send(self) -> None:
        waiting, self._waiting = self._waiting, []
        self._crew.start(self._settle(waiting))

    async def _settle(self, readers: Sequence[Reader]) -> None:
        began_s = self._clock.monotonic()
        outcomes, failed = await self._outcomes(readers)
        at_s, mono_s = self._clock.now(), self._clock.monotonic()
        self._observe(Exchange(self.chain, len(readers), mono_s - began_s, 0.0, failed))
        for reader, outcome in zip(readers, outcomes, strict=True):
            self._under_way.pop(reader).set_result(Answered(outcome, at_s, mono_s))

    async def _outcomes(self, readers: Sequence[Reader]) -> tuple[list[Outcome], Refused | None]:
        try:
            async with asyncio.timeout(self._timeout_s):
                views = await self._views(readers)
        except TimeoutError:
            refused = Refused(Reason.TIMEOUT, f"no answer within {self._timeout_s:g} s")
        except RpcError as exc:
            refused = Refused(Reason.RPC, str(exc)[:200])
        except Unreadable as exc:
            refused = exc.refused
        else:
            return [self._read(reader, view) for reader, view in zip(readers, views, strict=True)], None
        return [refused for _ in readers], refused

    def _read(self, reader: Reader, view: View) -> Outcome:
        outcome = read(reader, view, self._max_block_age_s)
        sample = reader.note(view)
        if sample is not None:
            self._samples.add(self.key(reader), sample)
        return outcome

    def key(self, reader: Reader) -> str:
        """The name under which a source's samples are kept."""
        return " ".join([self.chain, *(f"{one.to.hex()}:{one.data.hex()}" for one in reader.calls())])

    async def _views(self, readers: Sequence[Reader]) -> list[View]:
        """One view a reader, all of the same block; raises RpcError or Unreadable."""
        if self._multicall is None:
            code = await self._node.call("eth_getCode", ["0x" + multicall.ADDRESS.hex(), "latest"])
            self._multicall = isinstance(code, str) and len(code) > 2
        asked = [reader.calls() for reader in readers]
        number, time_s, answers = await self._first(_flat(asked))
        now_s = self._clock.now()
        views = []
        for reader, part in zip(readers, _apart(asked, answers), strict=True):
            past = self._samples.of(self.key(reader))
            views.append(View(part, number, time_s, now_s, past=past))
        more = [reader.more(view) for reader, view in zip(readers, views, strict=True)]
        if not any(more):
            return views
        added = _apart(more, await self._at(number, _flat(more)))
        return [
            View(one.answers, number, time_s, now_s, part, one.past) for one, part in zip(views, added, strict=True)
        ]

    async def _first(self, calls: Sequence[EthCall]) -> tuple[int, int, list[Answer]]:
        """The newest block's number, its time and its answers; the number a contract sees is another on Arbitrum."""
        block = await self._node.call("eth_getBlockByNumber", ["latest", False])
        number, time_s = _quantity(block, "number"), _quantity(block, "timestamp")
        return number, time_s, await self._at(number, calls)

    async def _at(self, number: int, calls: Sequence[EthCall]) -> list[Answer]:
        if self._multicall:
            return await self._multi(calls, hex(number))
        parts = [calls[i : i + CALLS_AT_ONCE] for i in range(0, len(calls), CALLS_AT_ONCE)]
        found = await asyncio.gather(*(self._node.batch([_eth_call(one, hex(number)) for one in p]) for p in parts))
        return [_answer(one) for part in found for one in part]

    async def _multi(self, calls: Sequence[EthCall], block: str) -> list[Answer]:
        parts = [calls[i : i + MULTICALLS_AT_ONCE] for i in range(0, len(calls), MULTICALLS_AT_ONCE)]
        asked = [_eth_call(EthCall(multicall.ADDRESS, multicall.encode(part)), block) for part in parts]
        found = await asyncio.gather(*(self._node.call(one.method, one.params) for one in asked))
        decoded = (multicall.decode(_hex(one), len(part)) for one, part in zip(found, parts, strict=True))
        return [answer for part in decoded for answer in part]


def _flat(asked: Sequence[Sequence[EthCall]]) -> list[EthCall]:
    return [call for calls in asked for call in calls]


def _apart(asked: Sequence[Sequence[EthCall]], answers: Sequence[Answer]) -> list[tuple[Answer, ...]]:
    """The answers, as many for each as it asked."""
    out, at = [], 0
    for calls in asked:
        out.append(tuple(answers[at : at + len(calls)]))
        at += len(calls)
    return out


def _eth_call(one: EthCall, block: str) -> Call:
    return Call("eth_call", [{"to": "0x" + one.to.hex(), "data": "0x" + one.data.hex()}, block])


def _answer(found: object) -> Answer:
    """None for a refusal of the contract; any other failure of the node concerns all and is raised."""
    if isinstance(found, Reverted):
        return None
    if isinstance(found, RpcError):
        raise found
    return _hex(found)


def _hex(found: object) -> bytes:
    try:
        return bytes.fromhex(str(found).removeprefix("0x"))
    except ValueError as exc:
        raise Unreadable(Reason.MALFORMED, f"the node answered {str(found)[:40]!r}") from exc


def _quantity(block: object, key: str) -> int:
    value = block.get(key) if isinstance(block, dict) else None
    try:
        return int(str(value), 16)
    except ValueError as exc:
        raise Unreadable(Reason.MALFORMED, f"the node's block has {key} {str(value)[:40]!r}") from exc
