"""Have a page's logs read by columns, with the headers that this needs."""

from __future__ import annotations

import asyncio
import builtins
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import overload

import msgspec

from indexer.chain_checks import lie_in_headers
from indexer.chain_stamps import Blocks, blocks_of
from indexer.model import Copied, Filter, Range
from indexer.quick import Known, Quick, stamps
from shared.endpoint import Endpoint
from shared.rpc_answer import UNREADABLE
from shared.rpc_errors import RpcError
from shared.rpc_stamps import read_stamps, stamps_of
from shared.rpc_types import Header, RawLog, block_calls

_logs = msgspec.json.Decoder(list[RawLog])

CROWDED = 0.9
"""From which part of the blocks on that have logs it is better to ask for all of them, together with the logs."""


Ahead = asyncio.Task[Blocks | None] | None
"""The blocks between the outer two of a range, when they are asked for together with its logs."""


@dataclass(frozen=True, slots=True)
class Given:
    """What is known of a page beforehand."""

    range: Range
    filter: Filter
    headers: Mapping[int, Header]


@dataclass(frozen=True, slots=True)
class Found:
    """A page's rows, what they were held against, and the headers of those blocks of which a log is left to be read."""

    copied: Copied
    known: Known
    headers: dict[int, Header]


class Unread(Sequence[RawLog]):
    """Logs that are read only when somebody wants to see them; they are known to be readable."""

    def __init__(self, raw: msgspec.Raw) -> None:
        self._raw = raw
        self._logs: list[RawLog] | None = None

    def is_told_by(self, inner: memoryview) -> bool:
        """Whether this text, without its brackets, is the same letter by letter."""
        return len(inner) == memoryview(self._raw).nbytes - 2 and bytes(inner) == bytes(memoryview(self._raw)[1:-1])

    def _read(self) -> list[RawLog]:
        if self._logs is None:
            self._logs = _logs.decode(self._raw)
        return self._logs

    def __len__(self) -> int:
        return len(self._read())

    @overload
    def __getitem__(self, at: int) -> RawLog: ...
    @overload
    def __getitem__(self, at: slice) -> Sequence[RawLog]: ...
    def __getitem__(self, at: int | slice) -> RawLog | Sequence[RawLog]:
        return self._read()[at]


def stamped_ahead(endpoint: Endpoint, range: Range, filter: Filter) -> Ahead:  # noqa: A002
    """Begin to ask for all blocks of a range whose logs tell no time, where nearly all of them have logs."""
    if endpoint.abilities.log_timestamps is not False or filter not in endpoint.crowded or len(range) < 3:
        return None
    numbers = [*builtins.range(range.first + 1, range.last)]
    task = asyncio.create_task(_stamped(endpoint, numbers))
    task.add_done_callback(lambda done: done.cancelled() or done.exception())  # perhaps nobody waits for it any more
    return task


async def read_quickly(
    endpoint: Endpoint, raw: msgspec.Raw, quick: Quick, given: Given, ahead: Ahead = None
) -> Found | None:
    """The rows of an `eth_getLogs` result; None when logs must be read one by one, be it to say what is wrong.

    `ahead` brings the blocks between the outer two, if they were asked for already.
    """
    text = memoryview(raw)
    if bytes(text[:1]) != b"[" or bytes(text[-1:]) != b"]" or lie_in_headers(given.headers):
        return None
    inner, headers = text[1:-1], dict(given.headers)
    blocks = _outer(given)
    if untimed := endpoint.abilities.log_timestamps is False:
        more = await (ahead if ahead is not None else _full(endpoint, inner, quick, given))
        if more is None:
            return None
        blocks = blocks.around(more)
    if not blocks.linked():
        return None
    below = given.headers[given.range.last].parent_hash
    known = Known(given.range.first, given.range.last, blocks.stamps, below)
    copied = await quick.decode(inner, known)
    if copied is None:
        return None
    if untimed:
        _learn(endpoint, given, copied)
        headers |= blocks.headers({int(log.block_number, 16) for log in copied.left} - set(headers))
    return Found(copied, known, headers)


async def _full(endpoint: Endpoint, inner: memoryview, quick: Quick, given: Given) -> Blocks | None:
    """The blocks that have logs, but for those that are given."""
    numbers = await quick.blocks(inner)
    return None if numbers is None else await _stamped(endpoint, [n for n in numbers if n not in given.headers])


async def _stamped(endpoint: Endpoint, numbers: Sequence[int]) -> Blocks | None:
    """Blocks by number; None when the node does not give all of them."""
    if not numbers:
        return Blocks(stamps(), b"")
    answers = await endpoint.read(block_calls(numbers), read_stamps)
    try:
        return blocks_of(numbers, stamps_of(answers))
    except (RpcError, *UNREADABLE):
        return None


def _learn(endpoint: Endpoint, given: Given, copied: Copied) -> None:
    """Note whether nearly every block of this filter has logs."""
    if len(copied.full) >= CROWDED * len(given.range):
        endpoint.crowded.add(given.filter)
    else:
        endpoint.crowded.discard(given.filter)


def _outer(given: Given) -> Blocks:
    """The blocks that are given."""
    headers = [header for _, header in sorted(given.headers.items())]
    known = stamps((one.number, one.hash, one.timestamp) for one in headers)
    return Blocks(known, b"".join([one.parent_hash for one in headers]))
