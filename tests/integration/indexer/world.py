"""A worker over a fake chain and a real database."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
from eth_abi.abi import encode

from indexer.audit import Answer, Audited, audit_range
from indexer.events import EventSpec
from indexer.horizon import Horizon
from indexer.layout import claim_chain, prepare
from indexer.model import BlockRef, Cursor, Filter, Logs, Range, Step
from indexer.planner import Plan
from indexer.revision import Revision
from indexer.signature import parse_signature
from indexer.step import Border, Worker
from indexer.store import Store
from indexer.streams import Stream, stream
from shared.clock import system_clock
from shared.db import Database
from shared.rpc_errors import BehindHead
from shared.rpc_types import RawLog
from tests.fakes.chain import Block, FakeChain, FakeLog

TRANSFER = parse_signature("event Transfer(address indexed from, address indexed to, uint256 value)")
NOTE = parse_signature("event Note(string text, uint64 number)")
TOKEN, DESK = b"\x11" * 20, b"\x22" * 20


def transfer(value: int, address: bytes = TOKEN) -> FakeLog:
    """A transfer from 0x…01 to 0x…02."""
    assert TRANSFER.topic0 is not None
    return FakeLog(address, (TRANSFER.topic0, _word(1), _word(2)), encode(["uint256"], [value]))


def note(text: str, number: int = 0, address: bytes = DESK) -> FakeLog:
    """A note."""
    assert NOTE.topic0 is not None
    return FakeLog(address, (NOTE.topic0,), encode(["string", "uint64"], [text, number]))


def _word(number: int) -> bytes:
    return number.to_bytes(32, "big")


@dataclass
class Reader:
    """The fake chain as an honest endpoint sees it. `final` is the finalized height, `asked` the ranges of logs."""

    fake: FakeChain
    final: int = -1
    asked: list[Range] = field(default_factory=list)
    width: int = 1000

    async def tip(self) -> BlockRef:
        return ref(self.fake.head)

    async def finalized(self) -> BlockRef | None:
        return None if self.final < 0 else ref(self.fake.blocks[self.final])

    async def examine(self) -> bool:
        return False

    async def headers(self, numbers: Sequence[int]) -> Mapping[int, BlockRef | None]:
        blocks = self.fake.blocks
        return {number: ref(blocks[number]) if 0 <= number < len(blocks) else None for number in numbers}

    async def logs(self, range: Range, filter: Filter, *, linked: bool = False, quick: object = None) -> Logs:  # noqa: A002
        self.asked.append(range)
        if range.last > self.fake.head.number:
            raise BehindHead("not there yet", endpoint="fake")
        blocks = self.fake.blocks[range.first : range.last + 1]
        found = [one for block in blocks for one in block.logs_json if _wanted(one, filter)]
        headers = {b.number: ref(b) for b in blocks if linked or b.number in (range.first, range.last)}
        return Logs(range, headers, [msgspec.convert(one, RawLog) for one in found], 700 * len(found))

    def span(self, filter: Filter) -> int:  # noqa: A002
        return self.width


def _wanted(log: Mapping[str, Any], wanted: Filter) -> bool:
    address = bytes.fromhex(log["address"][2:])
    topic0 = bytes.fromhex(log["topics"][0][2:]) if log["topics"] else b""
    return (not wanted.addresses or address in wanted.addresses) and (not wanted.topic0s or topic0 in wanted.topic0s)


def ref(block: Block) -> BlockRef:
    return BlockRef(block.number, block.hash, block.parent, block.time)


def token(start: int = 0, key: str = "shop/token", events: Sequence[EventSpec] = (TRANSFER,)) -> Stream:
    return stream(key, "fake", "shop", events, [TOKEN], start)


def desk(start: int = 0, key: str = "shop/desk", events: Sequence[EventSpec] = (NOTE,)) -> Stream:
    return stream(key, "fake", "shop", events, [DESK], start)


async def worker(db: Database, reader: Reader, *streams: Stream) -> Worker:
    """A worker whose tables stand; calling it again is a restart."""
    await claim_chain(db, "fake", reader.fake.chain_id, reader.fake.blocks[0].hash)
    streams = await prepare(db, streams)
    clock = system_clock()
    border = Border(reader, Store(db, reader.fake.chain_id, streams), clock)
    return Worker("fake", reader.fake.chain_id, streams, border, Horizon(reader, clock, finality_every_s=0))


async def audited(worker: Worker, stored: Revision, stream: str, span: Range, *, repair: bool) -> Audited:
    """An audit of a range by the worker's own chain."""
    fetched = await worker.fetch(Plan((stream,), Cursor(span.first - 1, None, None), span, linked=True))
    return await audit_range(worker, stored, stream, Answer(fetched, "bloom"), repair=repair)


async def until_idle(worker: Worker, most: int = 500) -> list[Step]:
    """Step until nothing is left to do; what happened on the way."""
    steps: list[Step] = []
    for _ in range(most):
        steps.append(await worker.step())
        if type(steps[-1]).__name__ == "Idle":
            return steps
    raise AssertionError(f"still busy after {most} steps")


async def values(db: Database) -> list[int]:
    """The transfers in the table, in chain order."""
    async with db.connection() as cx:
        rows = await cx.fetch("select value from shop.token_transfer order by block_number, log_index")
    return [int(row[0]) for row in rows]


def on_chain(fake: FakeChain, first: int = 0, address: bytes = TOKEN) -> list[int]:
    """The transfers that the chain holds, in order."""
    logs = [log for block in fake.blocks[first:] for log in block.logs]
    topic = TRANSFER.topic0
    return [int.from_bytes(log.data) for log in logs if log.address == address and log.topics[:1] == (topic,)]
