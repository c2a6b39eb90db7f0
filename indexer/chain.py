"""Ask for heads, headers and logs, and refuse answers that contradict themselves."""

from __future__ import annotations

from builtins import range as _numbers
from collections.abc import Mapping, Sequence

import msgspec

from indexer.model import BlockRef, Filter, Logs, Range
from shared.pool import Pool
from shared.rpc import Rpc
from shared.rpc_errors import BadAnswer, BehindHead, RpcError
from shared.rpc_types import Call, Header, RawHeader, RawLog

_headers = msgspec.json.Decoder(RawHeader | None)
_logs = msgspec.json.Decoder(list[RawLog])


class Chain:
    """One chain as seen through its pool."""

    def __init__(self, pool: Pool, finality: str | int = "finalized", depth: int = 64) -> None:
        self.name = pool.chain
        self._pool = pool
        self._finality = finality
        self._depth = depth

    async def tip(self) -> BlockRef:
        """The newest block to aim at."""
        return _ref(await self._pool.head())

    async def finalized(self) -> BlockRef | None:
        """The newest block that can no longer change; None while the chain is younger than its finality."""
        block = await self._pool.call("eth_getBlockByNumber", ["finalized", False])
        return None if block is None else _ref(msgspec.convert(block, RawHeader).parsed())

    async def headers(self, numbers: Sequence[int]) -> Mapping[int, BlockRef | None]:
        """The canonical block at each number, None where the node has none."""

        async def ask(endpoint: Rpc) -> Mapping[int, BlockRef | None]:
            answers = await endpoint.answers([_block(number) for number in numbers])
            headers = (_header(endpoint, answer) for answer in answers)
            return {number: header and _ref(header) for number, header in zip(numbers, headers, strict=True)}

        return await self._pool.on(ask)

    async def logs(self, range: Range, filter: Filter, *, linked: bool = False) -> Logs:  # noqa: A002
        """All logs of the range, checked."""
        numbers = list(_numbers(range.first, range.last + 1)) if linked else sorted({range.first, range.last})

        async def ask(endpoint: Rpc) -> Logs:
            answers = await endpoint.answers([*map(_block, numbers), Call("eth_getLogs", [_query(range, filter)])])
            for answer in answers:
                if isinstance(answer, RpcError):
                    raise answer
            headers: dict[int, Header] = {}
            for number, answer in zip(numbers, answers, strict=False):
                header = _header(endpoint, answer)
                if header is None:
                    raise BehindHead(f"{endpoint.name}: block {number} is not there yet", endpoint=endpoint.name)
                headers[number] = header
            logs = _logs.decode(answers[-1])
            return Logs(range, {n: _ref(h) for n, h in headers.items()}, logs, len(answers[-1]))

        return await self._pool.on(ask)


def _block(number: int) -> Call:
    return Call("eth_getBlockByNumber", [hex(number), False])


def _query(range: Range, filter: Filter) -> dict[str, object]:  # noqa: A002
    query: dict[str, object] = {"fromBlock": hex(range.first), "toBlock": hex(range.last)}
    if filter.addresses:
        query["address"] = ["0x" + address.hex() for address in filter.addresses]
    if filter.topic0s:
        query["topics"] = [["0x" + topic.hex() for topic in filter.topic0s]]
    return query


def _header(endpoint: Rpc, answer: msgspec.Raw | RpcError) -> Header | None:
    if isinstance(answer, RpcError):
        raise answer
    try:
        raw = _headers.decode(answer)
        return None if raw is None else raw.parsed()
    except (msgspec.DecodeError, ValueError) as error:
        raise BadAnswer(f"{endpoint.name}: a block without its fields: {error}", endpoint=endpoint.name) from error


def _ref(header: Header) -> BlockRef:
    return BlockRef(header.number, header.hash, header.parent_hash, header.timestamp)
