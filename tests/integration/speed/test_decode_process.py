"""The decoder process, and its rows in a real Postgres."""

from __future__ import annotations

import json
import os
import pickle
import signal
from collections.abc import Sequence
from typing import Any

import asyncpg
import msgspec
import pytest
from eth_abi import abi as eth_abi

from indexer.abi import parse
from indexer.copy_format import HEADER, TRAILER, encoder
from indexer.decode_messages import LENGTH
from indexer.decode_process import SLOT_BYTES, decode_process
from indexer.model import Log
from indexer.quick import Known, source, stamps
from indexer.schema import create_table
from indexer.streams import Stream, stream
from tests.property.speed.test_columns import CHAIN_ID, one_by_one

ADDRESS = b"\x11" * 20
KNOWN = Known(0, 1 << 40, stamps())
SIGNATURES = """
event Transfer(address indexed from, address indexed to, uint256 value)
event Wide(int256 a, uint64 b, int64 c, bool d, bytes32 e, uint24 f, int8 g, uint128 h)
event Said(address indexed who, uint256 id, string text, bytes4 tag)
event Many(uint256[] ids, string name)
"""


def made() -> Stream:
    return stream("shop/all", "base", "shop", parse(SIGNATURES), [ADDRESS], 0)


def answer(one: Stream, calls: Sequence[tuple[str, list[Any]]]) -> bytes:
    """Logs of the events with these values, one a block."""
    logs = []
    by_name = {event.name: event for event in one.tables}
    for number, (name, values) in enumerate(calls):
        event = by_name[name]
        pairs = list(zip(event.inputs, values, strict=True))
        topics = [event.topic0 or b"", *(eth_abi.encode([p.type.name], [v]) for p, v in pairs if p.indexed)]
        body = [(p.type.name, v) for p, v in pairs if not p.indexed]
        logs.append(
            {
                "address": "0x" + ADDRESS.hex(),
                "topics": ["0x" + topic.hex() for topic in topics],
                "data": "0x" + eth_abi.encode([kind for kind, _ in body], [value for _, value in body]).hex(),
                "blockNumber": hex(number),
                "transactionHash": "0x" + bytes([number]).hex() * 32,
                "transactionIndex": "0x0",
                "blockHash": "0x" + bytes([number]).hex() * 32,
                "blockTimestamp": hex(1_700_000_000 + number),
                "logIndex": "0x0",
                "removed": False,
            }
        )
    return json.dumps(logs, separators=(",", ":")).encode()[1:-1]


A, B = "0x" + "aa" * 20, "0x" + "bb" * 20
CALLS: list[tuple[str, list[Any]]] = [
    ("Transfer", [A, B, 0]),
    ("Transfer", [B, A, 2**256 - 1]),
    ("Transfer", [A, B, 10**24 + 7]),
    ("Wide", [-(2**255), 2**64 - 1, -(2**63), True, b"\xff" * 32, 2**24 - 1, -128, 2**128 - 1]),
    ("Wide", [2**255 - 1, 0, 2**63 - 1, False, b"\0" * 32, 0, 127, 0]),
    ("Said", [A, 5, "hello", b"abcd"]),
    ("Said", [A, 6, "", b"\0\0\0\0"]),
    ("Said", [B, 7, "nul \0 and \\x41 ü", b"wxyz"]),
    ("Many", [[1, 2**256 - 1], "list"]),
    ("Many", [[], ""]),
]


async def test_postgres_takes_the_rows(database_url: str) -> None:
    """What the process writes is what Postgres reads, and equals what the general decoder gives."""
    one = made()
    inner = answer(one, CALLS)
    async with decode_process(CHAIN_ID, [source(one)]) as process:
        copied = await process.decode(memoryview(inner), KNOWN)
    assert copied is not None
    assert copied.logs == len(CALLS)
    assert not copied.left
    cx = await asyncpg.connect(database_url)
    try:
        await cx.execute("create schema shop")
        expected, _ = one_by_one([one], msgspec.json.decode(b"[" + inner + b"]", type=list[Log]), KNOWN)
        for table in one.tables.values():
            await cx.execute(create_table(table))
            stored = await _copy(cx, table.name, HEADER + bytes(copied.copies[str(table)]) + TRAILER)
            assert stored == copied.counts[str(table)] == len(expected[str(table)])
        rows = await cx.fetch("select value from shop.all_transfer order by block_number")
        assert [int(row["value"]) for row in rows] == [0, 2**256 - 1, 10**24 + 7]
        row = await cx.fetchrow("select * from shop.all_wide order by block_number limit 1")
        assert (int(row["a"]), int(row["b"]), row["c"], row["d"]) == (-(2**255), 2**64 - 1, -(2**63), True)
        assert (row["e"], row["f"], row["g"], int(row["h"])) == (b"\xff" * 32, 2**24 - 1, -128, 2**128 - 1)
        texts = await cx.fetch("select text, tag from shop.all_said order by block_number")
        assert [tuple(row) for row in texts] == [
            ("hello", b"abcd"),
            ("", b"\0\0\0\0"),
            ("nul \\x00 and \\x5cx41 ü", b"wxyz"),
        ]
        many = await cx.fetchval("select ids from shop.all_many order by block_number limit 1")
        assert json.loads(many) == ["1", str(2**256 - 1)]
        time = await cx.fetchval("select extract(epoch from block_time)::bigint from shop.all_said limit 1")
        assert time == 1_700_000_005
    finally:
        await cx.close()


async def _copy(cx: asyncpg.Connection, table: str, data: bytes) -> int:
    async def pieces() -> Any:
        yield data

    tag = await cx.copy_to_table(table, schema_name="shop", source=pieces(), format="binary")
    return int(tag.removeprefix("COPY "))


async def test_records_of_the_general_decoder_can_be_copied_too(database_url: str) -> None:
    """The encoders write every type a table may have."""
    one = made()
    cx = await asyncpg.connect(database_url)
    try:
        await cx.execute("create table x (a bigint, b numeric, c boolean, d bytea, e text, f jsonb, g timestamptz)")
        types = ["bigint", "numeric", "boolean", "bytea", "text", "jsonb", "timestamp with time zone"]
        row = encoder(types)([-5, -(10**40), True, b"\0\1", "ü", '{"a":[1]}', 1_700_000_000])

        async def pieces() -> Any:
            yield HEADER + row + TRAILER

        await cx.copy_to_table("x", source=pieces(), format="binary")
        stored = await cx.fetchrow("select a, b, c, d, e, f::text, extract(epoch from g)::bigint from x")
        assert tuple(stored) == (-5, -(10**40), True, b"\0\1", "ü", '{"a": [1]}', 1_700_000_000)
        assert one.tables
    finally:
        await cx.close()


@pytest.mark.filterwarnings("ignore::ResourceWarning")
async def test_a_dead_process_leaves_the_work_to_others() -> None:
    """Killed at any time, it answers None, and so does what comes after."""
    one = made()
    inner = memoryview(answer(one, CALLS))
    async with decode_process(CHAIN_ID, [source(one)]) as process:
        assert await process.decode(inner, KNOWN) is not None
        os.kill(process.pid, signal.SIGKILL)
        assert await process.decode(inner, KNOWN) is None
        assert await process.decode(inner, KNOWN) is None
        assert await process.blocks(inner) is None


async def test_a_process_that_tells_nonsense_is_no_secret() -> None:
    """What it was asked is left to others; then the reason is raised, as it is a fault of our own."""
    one = made()

    async def hear_it() -> None:
        async with decode_process(CHAIN_ID, [source(one)]) as process:
            process._reader.feed_data(LENGTH.pack(1) + b"?")
            assert await process.decode(memoryview(answer(one, CALLS)), KNOWN) is None

    with pytest.raises(pickle.UnpicklingError):
        await hear_it()


async def test_signals_to_the_group_do_not_end_it() -> None:
    """Ctrl-C and a service manager's TERM reach every process; this one ends when its parent is done with it."""
    one = made()
    inner = memoryview(answer(one, CALLS))
    async with decode_process(CHAIN_ID, [source(one)]) as process:
        assert await process.decode(inner, KNOWN) is not None
        os.kill(process.pid, signal.SIGINT)
        os.kill(process.pid, signal.SIGTERM)
        assert await process.decode(inner, KNOWN) is not None
        pid = process.pid
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


async def test_an_answer_too_long_for_a_slot_is_left() -> None:
    """Memory stays bounded."""
    one = made()
    async with decode_process(CHAIN_ID, [source(one)]) as process:
        assert await process.decode(memoryview(bytes(SLOT_BYTES + 1)), KNOWN) is None


async def test_blocks_are_told() -> None:
    """The blocks that have logs, for nodes that do not tell times."""
    one = made()
    async with decode_process(CHAIN_ID, [source(one)]) as process:
        assert await process.blocks(memoryview(answer(one, CALLS))) == list(range(len(CALLS)))
