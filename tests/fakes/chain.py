"""A chain in memory whose hashes, blooms and forks are real."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import rlp
from eth_hash.auto import keccak

ZERO = bytes(32)


@dataclass(frozen=True, slots=True)
class FakeLog:
    """What a contract emits."""

    address: bytes
    topics: tuple[bytes, ...] = ()
    data: bytes = b""


def bloom_of(logs: Sequence[FakeLog]) -> bytes:
    """The 2048-bit bloom of addresses and topics (yellow paper, 4.3.1)."""
    bits = 0
    for item in {item for log in logs for item in (log.address, *log.topics)}:
        digest = keccak(item)
        for at in (0, 2, 4):
            bits |= 1 << (int.from_bytes(digest[at : at + 2], "big") & 2047)
    return bits.to_bytes(256, "big")


@dataclass(frozen=True)
class Block:
    """A sealed block; every transaction emits the logs of one entry of `transactions`."""

    number: int
    parent: bytes
    time: int
    transactions: tuple[tuple[FakeLog, ...], ...] = ()
    salt: int = 0
    blooms: bool = True  # Polygon and zkSync leave the bloom zero though there are logs

    @cached_property
    def logs(self) -> tuple[FakeLog, ...]:
        return tuple(log for logs in self.transactions for log in logs)

    @cached_property
    def bloom(self) -> bytes:
        return bloom_of(self.logs) if self.blooms else bytes(256)

    @cached_property
    def receipts_root(self) -> bytes:
        """A stand-in that commits to every log, as the real root does."""
        return keccak(rlp.encode([[[log.address, log.topics, log.data] for log in logs] for logs in self.transactions]))

    @cached_property
    def hash(self) -> bytes:
        """The hash of a proof-of-stake header's first fifteen fields."""
        fields = [
            self.parent,
            ZERO,
            bytes(20),
            ZERO,
            self.salt.to_bytes(32, "big"),
            self.receipts_root,
            self.bloom,
            0,
            self.number,
            30_000_000,
            len(self.logs),
            self.time,
            b"",
            ZERO,
            bytes(8),
        ]
        return keccak(rlp.encode(fields))

    def tx_hash(self, at: int) -> bytes:
        """The hash of a transaction: the same in any block that carries it, as after a reorg."""
        return keccak(rlp.encode([at, [[log.address, log.topics, log.data] for log in self.transactions[at]]]))

    @cached_property
    def header_json(self) -> dict[str, Any]:
        return {
            "number": hex(self.number),
            "hash": _hex(self.hash),
            "parentHash": _hex(self.parent),
            "timestamp": hex(self.time),
            "logsBloom": _hex(self.bloom),
            "receiptsRoot": _hex(self.receipts_root),
            "transactions": [_hex(self.tx_hash(at)) for at in range(len(self.transactions))],
            "gasLimit": hex(30_000_000),
            "gasUsed": hex(len(self.logs)),
            "extraData": "0x",
        }

    @cached_property
    def logs_json(self) -> list[dict[str, Any]]:
        out: list[dict[str, Any]] = []
        for at, logs in enumerate(self.transactions):
            tx_hash, before = _hex(self.tx_hash(at)), len(out)
            out.extend(
                {
                    "address": _hex(log.address),
                    "topics": [_hex(topic) for topic in log.topics],
                    "data": _hex(log.data),
                    "blockNumber": hex(self.number),
                    "transactionHash": tx_hash,
                    "transactionIndex": hex(at),
                    "blockHash": _hex(self.hash),
                    "blockTimestamp": hex(self.time),
                    "logIndex": hex(before + index),
                    "removed": False,
                }
                for index, log in enumerate(logs)
            )
        return out

    @cached_property
    def receipts_json(self) -> list[dict[str, Any]]:
        by_transaction: dict[str, list[dict[str, Any]]] = {}
        for log in self.logs_json:
            by_transaction.setdefault(log["transactionIndex"], []).append(log)
        return [
            {
                "transactionHash": _hex(self.tx_hash(at)),
                "transactionIndex": hex(at),
                "blockHash": _hex(self.hash),
                "blockNumber": hex(self.number),
                "status": "0x1",
                "logsBloom": _hex(bloom_of(logs)),
                "logs": by_transaction.get(hex(at), []),
            }
            for at, logs in enumerate(self.transactions)
        ]


@dataclass
class FakeChain:
    """The canonical chain. Deterministic: the same calls give the same hashes.

    `blocks` is replaced, never changed, by a reorg, so a node may keep an old one as its own view.
    `deployed` maps a contract to the block of its birth, `storage` a contract and a slot to a word.
    """

    chain_id: int = 1337
    start_time: int = 1_700_000_000
    block_time: int = 1
    blooms: bool = True
    blocks: list[Block] = field(default_factory=list)
    deployed: dict[bytes, int] = field(default_factory=dict)
    storage: dict[tuple[bytes, str], bytes] = field(default_factory=dict)
    _salt: int = 0

    def __post_init__(self) -> None:
        if not self.blocks:
            self.blocks = [Block(0, ZERO, self.start_time)]

    @property
    def head(self) -> Block:
        return self.blocks[-1]

    def mine(self, *logs: FakeLog, transactions: Sequence[Sequence[FakeLog]] = ()) -> Block:
        """Seal the next block, with one transaction for `logs` or those given."""
        shape = tuple(tuple(one) for one in transactions) or ((tuple(logs),) if logs else ())
        head = self.head
        block = Block(head.number + 1, head.hash, head.time + self.block_time, shape, self._salt, self.blooms)
        self.blocks.append(block)
        return block

    def mine_empty(self, count: int) -> Block:
        """Seal `count` blocks without logs."""
        for _ in range(count):
            self.mine()
        return self.head

    def reorg(self, depth: int, *replacements: Sequence[FakeLog], length: int | None = None) -> Block:
        """Drop the newest `depth` blocks and seal `length` (default: depth + 1) others on their ancestor.

        The k-th replacement block carries the k-th entry of `replacements`, the rest are empty; hashes always differ.
        """
        assert 0 < depth < len(self.blocks), "genesis stays"
        self._salt += 1
        self.blocks = self.blocks[:-depth]
        for at in range(depth + 1 if length is None else length):
            self.mine(*(replacements[at] if at < len(replacements) else ()))
        return self.head

    def logs(self, first: int, last: int) -> list[dict[str, Any]]:
        """All logs of an inclusive range in the node's own JSON."""
        return [log for block in self.blocks[first : last + 1] for log in block.logs_json]


def random_logs(
    rng: random.Random, addresses: Sequence[bytes], topics: Sequence[bytes], at_most: int = 4
) -> list[FakeLog]:
    """Some logs of some of these contracts and events, with 32 bytes of data each."""
    return [
        FakeLog(rng.choice(addresses), (rng.choice(topics),), rng.randbytes(32)) for _ in range(rng.randint(0, at_most))
    ]


def _hex(value: bytes) -> str:
    return "0x" + value.hex()
