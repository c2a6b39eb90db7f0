"""Reading logs by columns against reading them one by one."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, event, given, settings
from hypothesis import strategies as st

from indexer.abi import parse
from indexer.chain_checks import Expected
from indexer.columns import Columns
from indexer.copy_format import encoder
from indexer.events import EventSpec, Param, Scalar
from indexer.model import BlockRef, Copied, Filter, Log, Logs, Range
from indexer.quick import Known, source, stamps
from indexer.rows import Batch, RowWriter
from indexer.scopes import event_key, split
from indexer.streams import Stream, filter_of, stream
from shared.rpc_types import Header
from tests.property.indexer.abis import EXAMPLES, events, values
from tests.property.indexer.test_decoder import encoded
from tests.property.speed.copied_rows import rows_of

CHAIN_ID = 7
FIRST, LAST = 100, 140
SPAN = Range(FIRST, LAST)
ADDRESSES = [bytes([number]) * 20 for number in (1, 2, 0xAB)]
PHASES = [phase for phase in Phase if phase is not Phase.explain]
SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]
MANY = settings(max_examples=EXAMPLES * 3 // 8, deadline=None, phases=PHASES, suppress_health_check=SLOW)
KEYS = [
    *("address", "topics", "data", "blockNumber", "transactionHash", "transactionIndex", "blockHash"),
    *("blockTimestamp", "logIndex", "removed"),
]
STYLES = [(",", ":"), (", ", ": "), (",", ": ")]


@dataclass
class World:
    """Streams, logs as JSON objects, and how a node writes them."""

    streams: list[Stream]
    logs: list[dict[str, Any]] = field(default_factory=list)
    keys: list[str] = field(default_factory=lambda: list(KEYS))
    style: tuple[str, str] = STYLES[0]

    def text(self) -> bytes:
        written = [
            json.dumps(
                {key: log[key] for key in [*self.keys, *(set(log) - set(KEYS))] if key in log}, separators=self.style
            )
            for log in self.logs
        ]
        return ",".join(written).encode()


def block_hash(number: int) -> bytes:
    return bytes([number % 251]) * 32


def block_time(number: int) -> int:
    return 1_700_000_000 + 12 * number


def log_of(number: int, index: int, address: bytes, spec: EventSpec, given_: list[Any]) -> dict[str, Any]:
    """A log of an event with these values."""
    topics, data = encoded(spec, given_)
    return {
        "address": "0x" + address.hex(),
        "topics": ["0x" + topic.hex() for topic in topics],
        "data": "0x" + data.hex(),
        "blockNumber": hex(number),
        "transactionHash": "0x" + "cd" * 32,
        "transactionIndex": "0x0",
        "blockHash": "0x" + block_hash(number).hex(),
        "blockTimestamp": hex(block_time(number)),
        "logIndex": hex(index),
        "removed": False,
    }


def static_events() -> st.SearchStrategy[EventSpec]:
    """Events as contracts mostly have them."""
    kinds = st.one_of(
        st.builds(Scalar, st.sampled_from(["uint", "int"]), st.integers(1, 32).map(lambda width: width * 8)),
        st.builds(Scalar, st.just("bytes"), st.integers(1, 32)),
        st.sampled_from([Scalar("address"), Scalar("bool"), Scalar("string"), Scalar("bytes")]),
    )
    inputs = st.lists(st.builds(Param, st.just("a"), kinds, st.booleans()), max_size=5)
    return inputs.filter(lambda chosen: sum(param.indexed for param in chosen) <= 3).map(
        lambda chosen: EventSpec("Made", tuple(chosen))
    )


@st.composite
def contracts(draw: st.DrawFn, chosen: Sequence[EventSpec]) -> list[Stream]:
    """One contract or two, each with tables of its own; perhaps they share an address."""
    cut = draw(st.integers(0, len(chosen)))
    groups = [group for group in (chosen[:cut], chosen[cut:]) if group]
    return [
        stream(f"shop/c{place}", "base", "shop", group, ADDRESSES[place : place + 1 + draw(st.integers(0, 1))], 0)
        for place, group in enumerate(groups)
    ]


@st.composite
def annexed(draw: st.DrawFn, chosen: Sequence[EventSpec]) -> list[Stream]:
    """One contract and its annexes, standing at the same block: they fill the same tables."""
    whole = stream("shop/c", "base", "shop", chosen, ADDRESSES, 0)
    addresses, events_ = draw(st.sets(st.sampled_from(ADDRESSES))), draw(st.sets(st.sampled_from(chosen)))
    covered = {(address, event_key(one)) for address in addresses for one in events_}
    streams = [one for one in split(whole, frozenset(covered), {}).streams if one.tables]
    return draw(st.lists(st.sampled_from(streams), min_size=1, unique_by=lambda one: one.key))


@st.composite
def worlds(draw: st.DrawFn, kinds: st.SearchStrategy[EventSpec], *, timestamps: bool | None = None) -> World:
    """Ordered logs of some events in a few blocks, written alike."""
    chosen = draw(st.lists(kinds, min_size=1, max_size=3, unique_by=lambda one: one.layout))
    streams = draw(st.one_of(contracts(chosen), annexed(chosen)))
    told = draw(st.booleans()) if timestamps is None else timestamps
    world = World(streams, style=draw(st.sampled_from(STYLES)))
    world.keys = draw(st.permutations(KEYS)) if draw(st.booleans()) else list(KEYS)
    number, index = FIRST, 0
    for _ in range(draw(st.integers(1, 12))):
        step = draw(st.integers(0, 3))
        number, index = number + step, (0 if step else index + 1 + draw(st.integers(0, 20)))
        one = draw(st.sampled_from(streams))
        spec = draw(st.sampled_from(list(one.tables)))
        given_ = [draw(st.binary(min_size=32, max_size=32) if p.hashed else values(p.type)) for p in spec.inputs]
        log = log_of(number, index, draw(st.sampled_from(one.addresses)), spec, given_)
        log["transactionHash"] = "0x" + draw(st.binary(min_size=32, max_size=32)).hex()
        log["transactionIndex"] = hex(draw(st.integers(0, 300)))
        if not told:
            del log["blockTimestamp"]
        world.logs.append(log)
    return world


def known_of(known: Known) -> list[tuple[int, bytes, int]]:
    """The (number, hash, time) of what is known."""
    stamps, hashes = known.stamps, known.stamps.hashes
    return [
        (number, hashes[32 * at : 32 * at + 32], time)
        for at, (number, time) in enumerate(zip(stamps.numbers, stamps.times, strict=True))
    ]


def headers(numbers: Sequence[int]) -> list[tuple[int, bytes, int]]:
    return [(number, block_hash(number), block_time(number)) for number in sorted(set(numbers))]


def quickly(world: World, known: Known) -> Copied | None:
    columns = Columns(CHAIN_ID, [source(one) for one in world.streams])
    return columns.decode(np.frombuffer(world.text(), np.uint8), known)


def one_by_one(streams: Sequence[Stream], logs: Sequence[Log], known: Known) -> tuple[dict[str, Any], list[Any]]:
    """Rows by table, as values, and what could not be decoded."""
    refs = {number: BlockRef(number, hash_, b"", time) for number, hash_, time in known_of(known)}
    batch = Batch()
    RowWriter(CHAIN_ID, streams).write(Logs(SPAN, refs, logs), batch)
    out = {}
    for name, rows in batch.rows.items():
        types = list(rows.table.types.values())
        out[name] = rows_of(b"".join(map(encoder(types), rows.records)), types)
    return out, batch.undecoded


def same(world: World, known: Known, copied: Copied) -> None:
    """The rows of both ways are the same, in the same order within a table once they are sorted by their place."""
    all_logs = msgspec.json.decode(b"[" + world.text() + b"]", type=list[Log])
    assert copied.logs == len(all_logs)
    try:
        expected, undecoded = one_by_one(world.streams, all_logs, known)
    except (ValueError, OverflowError):  # what is no hex, or no time, is none either way
        with pytest.raises((ValueError, OverflowError), match=r"."):
            one_by_one(world.streams, copied.left, known)
        return
    rest, left_undecoded = one_by_one(world.streams, copied.left, known)
    types = {str(table): list(table.types.values()) for one in world.streams for table in one.tables.values()}
    found = {name: rows_of(bytes(copy), types[name]) for name, copy in copied.copies.items()}
    for name, rows in found.items():
        assert copied.counts[name] == len(rows)
        assert rows == sorted(rows, key=lambda row: row[1:3])
    together = {
        name: sorted([*found.get(name, []), *rest.get(name, [])], key=lambda row: row[1:3]) for name in {*found, *rest}
    }
    assert together == expected
    assert left_undecoded == undecoded


@MANY
@given(worlds(events()))
def test_columns_give_the_rows_of_the_general_decoder(world: World) -> None:
    """Whatever the events, values, key order and spaces: the rows are the same, or nothing is done at all."""
    known = Known(FIRST, LAST, stamps(headers([*(int(log["blockNumber"], 16) for log in world.logs), FIRST, LAST])))
    copied = quickly(world, known)
    if copied is not None:
        event(f"left {len(copied.left)} of {copied.logs}")
        same(world, known, copied)


@MANY
@given(worlds(static_events(), timestamps=True), st.sampled_from(STYLES[:1]))
def test_plain_events_are_left_to_nobody(world: World, style: tuple[str, str]) -> None:
    """Words, hashed topics and one string or byte string an event are read by columns, in any order of keys."""
    world.style = style
    known = Known(FIRST, LAST, stamps(headers([FIRST, LAST])))
    copied = quickly(world, known)
    assert copied is not None
    same(world, known, copied)
    keys = [[(one.topic0, one.topic_count) for one in stream_.tables] for stream_ in world.streams]
    owners = [address for stream_ in world.streams for address in stream_.addresses]
    if all(len(set(of)) == len(of) for of in keys) and len(set(owners)) == len(owners):
        assert not copied.left


def test_streams_that_fill_one_table_lose_no_row() -> None:
    """An address and an event added at once make two annexes, which begin at one block and share a table."""
    transfer, approval = parse(
        "event Transfer(address indexed a, address indexed b, uint256 c)\n"
        "event Approval(address indexed a, address indexed b, uint256 c)"
    )
    whole = stream("shop/c", "base", "shop", [transfer, approval], ADDRESSES[:2], 0)
    annexes = split(whole, frozenset({(ADDRESSES[0], event_key(transfer))}), {}).fresh
    assert [len(one.tables) for one in annexes] == [1, 2]
    world = World(list(annexes))
    for number, (address, one) in enumerate([(0, approval), (0, approval), (1, approval), (1, transfer)]):
        world.logs.append(log_of(FIRST + number, 0, ADDRESSES[address], one, [b"\1" * 20, b"\2" * 20, number]))
    copied = quickly(world, Known(FIRST, LAST, stamps()))
    assert copied is not None
    assert copied.counts == {"shop.c_approval": 3, "shop.c_transfer": 1}
    same(world, Known(FIRST, LAST, stamps()), copied)


@MANY
@given(worlds(static_events(), timestamps=False))
def test_times_come_from_headers(world: World) -> None:
    """Where logs tell no time, headers do; without a header for each block nothing is done."""
    numbers = [int(log["blockNumber"], 16) for log in world.logs]
    world.style = STYLES[0]
    known = Known(FIRST, LAST, stamps(headers(numbers)))
    copied = quickly(world, known)
    assert copied is not None
    same(world, known, copied)
    columns = Columns(CHAIN_ID, [source(one) for one in world.streams])
    assert columns.blocks(np.frombuffer(world.text(), np.uint8)) == sorted(set(numbers))
    assert quickly(world, Known(FIRST, LAST, stamps(headers(numbers)[1:]))) is None


@pytest.mark.parametrize("kind", ["fixed64x10", "ufixed8x1", "function", "bytes24"])
@pytest.mark.parametrize("marked", ["", "indexed "])
def test_rare_types_are_read_in_topics_and_data(kind: str, marked: str) -> None:
    """Fixed-point numbers and functions give the rows of the general decoder, indexed or not."""
    one = stream("shop/c", "base", "shop", parse(f"event Rare({kind} {marked}a, uint256 b)"), ADDRESSES[:1], 0)
    (rare,) = one.tables
    value = b"\7" * 24 if kind in ("function", "bytes24") else Decimal("1.5")
    world = World([one], [log_of(FIRST + place, 0, ADDRESSES[0], rare, [value, place]) for place in range(3)])
    copied = quickly(world, Known(FIRST, LAST, stamps()))
    assert copied is not None
    assert not copied.left
    same(world, Known(FIRST, LAST, stamps()), copied)


@pytest.mark.parametrize("at", [-2, -1, 64 * 2 + 2, 64 * 2 + 4])
def test_padding_that_is_no_hex_is_seen(at: int) -> None:
    """A string's padding goes into no row, and is hex all the same, or nothing is done."""
    one = stream("shop/c", "base", "shop", parse("event Said(string what)"), ADDRESSES[:1], 0)
    (said,) = one.tables
    first, log = (log_of(FIRST + place, 0, ADDRESSES[0], said, ["a"]) for place in range(2))
    world = World([one], [first, log])  # the first log of an answer is looked at whole in any case
    copied = quickly(world, Known(FIRST, LAST, stamps()))
    assert copied is not None
    assert not copied.left
    data = list(log["data"])
    data[at] = "g"
    log["data"] = "".join(data)
    assert quickly(world, Known(FIRST, LAST, stamps())) is None


def _mutations() -> st.SearchStrategy[tuple[str, Any]]:
    words = st.sampled_from(
        ["", "0x", "0", "0x0", "0xg", "0X1", "1e3", "0x" + "f" * 17, "0xffffffff", "0x1", '"', "a:b", " 0x1"]
    )
    hexes = st.binary(max_size=70).map(lambda raw: "0x" + raw.hex())
    shouted = st.binary(min_size=32, max_size=32).map(lambda raw: "0x" + raw.hex().upper())
    anything = st.one_of(
        words, hexes, shouted, st.none(), st.booleans(), st.lists(hexes, max_size=5), st.integers(0, 9)
    )
    return st.tuples(st.sampled_from([*KEYS, "extra", "l1BatchNumber"]), anything)


@settings(MANY, max_examples=EXAMPLES)
@given(worlds(static_events()), st.lists(st.tuples(st.integers(0, 11), _mutations()), max_size=3), st.data())
def test_a_log_that_deviates_is_never_misread(world: World, wrong: Sequence[Any], data: st.DataObject) -> None:
    """Whatever is wrong with logs: what columns accept, the checks accept, and the rows are the same."""
    for place, (key, value) in wrong:
        world.logs[place % len(world.logs)][key] = value
    if data.draw(st.booleans()):
        world.logs = data.draw(st.permutations(world.logs))
    if data.draw(st.booleans()):
        one = data.draw(st.sampled_from(world.logs))
        size = data.draw(st.integers(0, 200))
        one["data"] = str(one["data"])[:size] if data.draw(st.booleans()) else str(one["data"]) + "00" * size
    some = data.draw(st.lists(st.integers(FIRST, LAST), max_size=4))
    known = Known(FIRST, LAST, stamps(headers(some)), block_hash(LAST - 1) if LAST in some else b"")
    copied = quickly(world, known)
    if copied is None:
        return
    event("accepted")
    logs = msgspec.json.decode(b"[" + world.text() + b"]", type=list[Log])
    wanted = filter_of(world.streams)
    refs = {number: Header(number, hash_, block_hash(number - 1), time, b"") for number, hash_, time in known_of(known)}
    lie = Expected(SPAN, wanted).lie_in(logs, refs)
    assert lie is None or Expected(SPAN, wanted).lie_in(copied.left, refs) is not None
    if lie is None:
        same(world, known, copied)
        assert copied.full == {int(log.block_number, 16) for log in logs} & set(some)


@settings(MANY, max_examples=EXAMPLES)
@given(
    worlds(static_events(), timestamps=True),
    st.integers(0, 10_000),
    st.binary(min_size=0, max_size=3),
    st.integers(0, 3),
)
def test_damaged_text_is_never_misread(world: World, at: int, patch: bytes, gone: int) -> None:
    """Bytes changed anywhere in the answer: it is read as JSON would read it, or not at all."""
    text = bytearray(world.text())
    at %= len(text)
    text[at : at + gone] = patch
    world.text = lambda: bytes(text)  # type: ignore[method-assign]
    known = Known(FIRST, LAST, stamps(headers([FIRST])))
    copied = quickly(world, known)
    if copied is None:
        return
    event("accepted")
    logs = msgspec.json.decode(b"[" + bytes(text) + b"]", type=list[Log])
    refs = {number: Header(number, hash_, block_hash(number - 1), time, b"") for number, hash_, time in known_of(known)}
    expected = Expected(SPAN, Filter())
    assert expected.lie_in(logs, refs) is None or expected.lie_in(copied.left, refs)
    if expected.lie_in(logs, refs) is None:
        same(world, known, copied)


@pytest.mark.parametrize("at", [FIRST + 5, LAST - 1])
def test_a_false_block_hash_is_seen_where_it_can_be(at: int) -> None:
    """Neighbours with one hash, or another block than the last header follows: the checks are asked, and refuse."""
    one = stream("shop/c", "base", "shop", parse("event Made(uint256 amount)"), ADDRESSES[:1], 0)
    (table,) = one.tables.values()
    world = World([one], logs=[log_of(number, 0, ADDRESSES[0], table.event, [1]) for number in (at - 2, at)])
    known = Known(FIRST, LAST, stamps(headers([FIRST, LAST])), block_hash(LAST - 1))
    assert quickly(world, known) is not None
    world.logs[1]["blockHash"] = "0x" + "ef" * 32 if at == LAST - 1 else world.logs[0]["blockHash"]
    assert quickly(world, known) is None
    logs = msgspec.json.decode(b"[" + world.text() + b"]", type=list[Log])
    last = Header(LAST, block_hash(LAST), block_hash(LAST - 1), block_time(LAST), b"")
    lie = Expected(SPAN, filter_of([one])).lie_in(logs, {LAST: last})
    assert lie is not None
    assert lie.check == "hash"
