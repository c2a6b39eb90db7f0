"""A small protocol on a chain that lives and forks, and what its tables must hold."""

from __future__ import annotations

import random
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg
from eth_abi.abi import decode, encode

from indexer.signature import parse_signature
from tests.fakes.chain import Block, FakeChain, FakeLog

TRANSFER = parse_signature("event Transfer(address indexed from, address indexed to, uint256 value)")
NOTE = parse_signature("event Note(string text, uint64 number)")
BORN = parse_signature("event Born(address indexed child)")
TOKEN, DESK, MINT = b"\x11" * 20, b"\x22" * 20, b"\x33" * 20
ITEMS = tuple(bytes([0x40 + number]) * 20 for number in range(3))

ABI = {
    "token": "event Transfer(address indexed from, address indexed to, uint256 value)\n",
    "desk": "event Note(string text, uint64 number)\n",
    "mint": "event Born(address indexed child)\n",
    "item": "event Note(string text, uint64 number)\n",
}
PROTOCOL = f"""
name = "shop"
[contracts.token]
abi = "abi/token.abi"
addresses = "0x{TOKEN.hex()}"
start_block = 1
[contracts.desk]
abi = "abi/desk.abi"
addresses = "0x{DESK.hex()}"
start_block = 5
[contracts.mint]
abi = "abi/mint.abi"
addresses = "0x{MINT.hex()}"
start_block = 1
[contracts.item]
abi = "abi/item.abi"
start_block = 1
factory = {{ contract = "mint", event = "Born", parameter = "child" }}
"""
TABLES = {
    "token_transfer": ("shop/token", TRANSFER, 1),
    "desk_note": ("shop/desk", NOTE, 5),
    "mint_born": ("shop/mint", BORN, 1),
    "item_note": ("shop/item", NOTE, 1),
}
STREAMS = tuple(stream for stream, _, _ in TABLES.values())
Row = tuple[int, bytes, int, bytes, object]


def write_protocol(folder: Path) -> Path:
    """The protocol as a folder of data."""
    (folder / "abi").mkdir(parents=True, exist_ok=True)
    (folder / "protocol.toml").write_text(PROTOCOL)
    for name, text in ABI.items():
        (folder / "abi" / f"{name}.abi").write_text(text)
    return folder


def config_text(protocol: Path, database_url: str, endpoints: Mapping[str, str], port: int, more: str = "") -> str:
    """A usdx.toml for the protocol on these endpoints."""
    rpc = ", ".join(f'{{ name = "{name}", url = "{url}" }}' for name, url in endpoints.items())
    return f"""
data_dir = "{protocol.parent / ".usdx"}"
[database]
url = "{database_url}"
[indexer]
port = {port}
[log]
format = "json"
[chains.fake]
rpc = [{rpc}]
poll = "50ms"
[protocols.shop]
path = "{protocol}"
chain = "fake"
{more}
"""


@dataclass
class Life:
    """What happens on the chain, all of it from the seed; `known` is every block that ever was."""

    rng: random.Random
    finality: int = 8
    chain: FakeChain = field(default_factory=FakeChain)
    known: dict[bytes, Block] = field(default_factory=dict)
    final: int = 0
    forks: int = 0
    _number: int = 0

    def log(self) -> FakeLog:
        """The next log: a transfer, a note, a birth, a note of something made, an undecodable one or a stranger's."""
        self._number += 1
        number, item = self._number, self.rng.choice(ITEMS)
        choices = (
            lambda: transfer(number),
            lambda: transfer(number),
            lambda: note(DESK, f"n{number}", number),
            lambda: FakeLog(MINT, (_topic(BORN), bytes(12) + item)),
            lambda: note(item, f"i{number}", number),
            lambda: FakeLog(TOKEN, transfer(0).topics, b"\x01"),
            lambda: transfer(number, b"\x99" * 20),
        )
        return self.rng.choice(choices)()

    def shape(self) -> list[FakeLog]:
        return [self.log() for _ in range(self.rng.choice((0, 0, 1, 2, 3, 6)))]

    def grow(self, blocks: int = 1) -> None:
        for _ in range(blocks):
            self.chain.mine(*self.shape())
            self._note()

    def fork(self, depth: int, length: int) -> None:
        """Replace the newest blocks, none of them final, by `length` others: fewer, as many or more."""
        depth = min(depth, self.chain.head.number - self.final)
        if depth > 0:
            self.forks += 1
            self.chain.reorg(depth, *[self.shape() for _ in range(length)], length=max(1, length))
            self._note(depth + length + 1)

    def live(self) -> None:
        """A moment of the chain's life: mostly a block, now and then a fork."""
        if self.rng.random() < 0.15:
            depth = self.rng.randint(1, self.finality)
            self.fork(depth, max(1, depth + self.rng.choice((-2, 0, 1, 1, 2))))
        else:
            self.grow(self.rng.choice((1, 1, 1, 2, 5)))

    def _note(self, newest: int = 1) -> None:
        for block in self.chain.blocks[-newest - 1 :]:
            self.known[block.hash] = block
        self.final = max(self.final, self.chain.head.number - self.finality)

    def history(self, number: int, hash_: bytes | None) -> list[Block]:
        """The blocks up to one, along its own fork, oldest first. Without a hash (nothing stored yet) none."""
        out: list[Block] = []
        while hash_ is not None and hash_ in self.known:
            out.append(self.known[hash_])
            hash_ = out[-1].parent
        assert not out or out[0].number == number
        return out[::-1]


def transfer(value: int, address: bytes = TOKEN) -> FakeLog:
    one, two = (number.to_bytes(32, "big") for number in (1, 2))
    return FakeLog(address, (_topic(TRANSFER), one, two), encode(["uint256"], [value]))


def note(address: bytes, text: str, number: int) -> FakeLog:
    return FakeLog(address, (_topic(NOTE),), encode(["string", "uint64"], [text, number]))


def _topic(event: Any) -> bytes:
    assert event.topic0 is not None
    return bytes(event.topic0)


def expected(table: str, history: Sequence[Block]) -> list[Row]:
    """The rows of a table along a history."""
    stream, event, start = TABLES[table]
    own = {"shop/token": TOKEN, "shop/desk": DESK, "shop/mint": MINT}.get(stream)
    births = {own: start} if own is not None else _births(history)
    return [
        (block.number, block.hash, index, tx_hash, _value(log))
        for block in history
        for tx_hash in ([block.tx_hash(0)] if block.logs else [])
        for index, log in enumerate(block.logs)
        if log.topics[0] == event.topic0
        and block.number >= births.get(log.address, sys.maxsize)
        and log.data != b"\x01"
    ]


def undecodable(history: Sequence[Block]) -> list[tuple[int, int]]:
    """(block, log index) of the token's logs that fit no ABI."""
    return [
        (block.number, index)
        for block in history
        for index, log in enumerate(block.logs)
        if log.address == TOKEN and log.data == b"\x01" and block.number >= 1
    ]


def _births(history: Sequence[Block]) -> dict[bytes, int]:
    found: dict[bytes, int] = {}
    for block in history:
        for log in block.logs:
            if log.address == MINT and log.topics[0] == BORN.topic0 and block.number >= 1:
                found.setdefault(log.topics[1][12:], block.number)
    return found


def _value(log: FakeLog) -> object:
    if log.topics[0] == BORN.topic0:
        return log.topics[1][12:]
    if log.topics[0] == TRANSFER.topic0:
        return int.from_bytes(log.data)
    return tuple(decode(["string", "uint64"], log.data))


def _stored(row: Any) -> object:
    if "child" in row:
        return row["child"]
    return int(row["value"]) if "value" in row else (row["text"], int(row["number"]))


async def differences(cx: asyncpg.Connection, life: Life, *, at_head: bool = False) -> list[str]:
    """What one snapshot of the database holds that the chain ending at each stream's cursor does not, and reverse.

    `at_head` also wants every cursor to be the chain's own head.
    """
    wrong: list[str] = []
    async with cx.transaction(isolation="repeatable_read", readonly=True):
        if await cx.fetchval("select to_regclass('shop.item_note')") is None:
            return ["no tables yet"] if at_head else []
        cursors = {row["stream"]: row for row in await cx.fetch("select * from usdx.cursors")}
        if set(cursors) != set(STREAMS):
            return [f"cursors of {sorted(cursors)}"] if at_head or cursors else []
        for table, (stream, _, start) in TABLES.items():
            cursor = cursors[stream]
            number, hash_ = cursor["block_number"], cursor["block_hash"]
            if hash_ is None and number != start - 1:
                wrong.append(f"{stream} stands at {number} without a hash, and begins at {start}")
            history = life.history(number, hash_)
            if hash_ is not None and not history:
                wrong.append(f"{stream} stands at {number} {hash_.hex()}, which never was")
                continue
            rows = await cx.fetch(f"select * from shop.{table} order by block_number, log_index")
            found = [(r["block_number"], r["block_hash"], r["log_index"], r["tx_hash"], _stored(r)) for r in rows]
            wrong += _compare(table, found, expected(table, history))
            if at_head and (number, hash_) != (life.chain.head.number, life.chain.head.hash):
                wrong.append(f"{stream} stands at {number}, the chain at {life.chain.head.number}")
            if stream == "shop/token":
                kept = await cx.fetch(
                    "select block_number, log_index from usdx.undecoded_logs where stream = $1 order by 1, 2", stream
                )
                wrong += _compare("undecoded_logs", [tuple(row) for row in kept], undecodable(history))
    return wrong


def _compare(table: str, found: Sequence[Any], wanted: Sequence[Any]) -> list[str]:
    if list(found) == list(wanted):
        return []
    extra = [row for row in found if row not in wanted][:3]
    missing = [row for row in wanted if row not in found][:3]
    return [f"{table}: {len(found)} rows for {len(wanted)}; too many {extra}, missing {missing}"]
