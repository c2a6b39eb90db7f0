"""Have a page's logs read by columns, with the headers that this needs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import overload

import msgspec

from indexer.chain_checks import lie_in_headers
from indexer.model import Copied, Range
from indexer.quick import Known, Quick
from shared.endpoint import Endpoint
from shared.rpc_errors import RpcError
from shared.rpc_types import Call, Header, RawLog


class _Stamp(msgspec.Struct, gc=False, rename="camel"):
    """As much of a block as says which one it is, and when it was."""

    number: str
    hash: str
    parent_hash: str
    timestamp: str


_stamps = msgspec.json.Decoder(list[_Stamp])
_logs = msgspec.json.Decoder(list[RawLog])


@dataclass(frozen=True, slots=True)
class Given:
    """What is known of a page beforehand."""

    range: Range
    headers: Mapping[int, Header]


@dataclass(frozen=True, slots=True)
class Found:
    """A page's rows, and the headers of those blocks of which a log is left to be read."""

    copied: Copied
    headers: dict[int, Header]


class Unread(Sequence[RawLog]):
    """Logs that are read only when somebody wants to see them; they are known to be readable."""

    def __init__(self, raw: msgspec.Raw) -> None:
        self._raw = raw
        self._logs: list[RawLog] | None = None

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


async def read_quickly(endpoint: Endpoint, raw: msgspec.Raw, quick: Quick, given: Given) -> Found | None:
    """The rows of an `eth_getLogs` result; None when logs must be read one by one, be it to say what is wrong."""
    text = memoryview(raw)
    if bytes(text[:1]) != b"[" or bytes(text[-1:]) != b"]" or lie_in_headers(given.headers):
        return None
    inner, headers = text[1:-1], dict(given.headers)
    more: Mapping[int, Header] = {}
    if endpoint.abilities.log_timestamps is False:
        numbers = await quick.blocks(inner)
        stamps = None if numbers is None else await _stamped(endpoint, [n for n in numbers if n not in headers])
        if stamps is None or lie_in_headers({**headers, **stamps}):
            return None
        more = stamps
    known = [(one.number, one.hash, one.timestamp) for one in sorted([*headers.values(), *more.values()], key=_number)]
    copied = await quick.decode(inner, Known(given.range.first, given.range.last, known))
    if copied is None:
        return None
    if copied.left and more:
        blocks = {int(log.block_number, 16) for log in copied.left}
        headers |= {number: header for number, header in more.items() if number in blocks}
    return Found(copied, headers)


async def _stamped(endpoint: Endpoint, numbers: Sequence[int]) -> Mapping[int, Header] | None:
    """Headers without their blooms; None when the node does not give all of them."""
    answers = await endpoint.answers([Call("eth_getBlockByNumber", (hex(number), False)) for number in numbers])
    parts = [answer for answer in answers if not isinstance(answer, RpcError)]
    if len(parts) != len(numbers):
        return None
    try:
        stamps = _stamps.decode(b"[" + b",".join(parts) + b"]")
        hashes = bytes.fromhex("".join([stamp.hash[2:] for stamp in stamps]))
        parents = bytes.fromhex("".join([stamp.parent_hash[2:] for stamp in stamps]))
        told = [(int(stamp.number, 16), int(stamp.timestamp, 16), len(stamp.hash)) for stamp in stamps]
    except (msgspec.DecodeError, ValueError):
        return None
    if [(number, 66) for number in numbers] != [(number, size) for number, _, size in told]:
        return None
    if len(hashes) != 32 * len(numbers) or len(parents) != 32 * len(numbers):
        return None
    return {
        number: Header(number, hashes[32 * at : 32 * at + 32], parents[32 * at : 32 * at + 32], time, b"")
        for at, (number, time, _) in enumerate(told)
    }


def _number(header: Header) -> int:
    return header.number
