"""A chain with nodes, endpoints and a clock that turns by itself."""

from __future__ import annotations

import random

from indexer.chain import Chain
from indexer.model import Filter, Logs
from shared.endpoint import Endpoint
from shared.pool import Pool
from tests.fakes.chain import FakeChain, FakeLog, random_logs
from tests.fakes.clock import Hands
from tests.fakes.node import FakeNode

VAULT, MARKET, STRANGER = b"\xaa" * 20, b"\xbb" * 20, b"\xcc" * 20
CREATED, SOLD, OTHER = b"\x11" * 32, b"\x22" * 32, b"\x33" * 32
WANTED = Filter((VAULT, MARKET), (CREATED, SOLD))

Place = tuple[int, int, str, str]


def busy_chain(blocks: int, seed: int = 1, *, per_block: int = 3) -> FakeChain:
    """A chain of ours and strangers' logs; some blocks are empty."""
    rng = random.Random(seed)
    chain = FakeChain()
    for _ in range(blocks):
        ours = random_logs(rng, [VAULT, MARKET], [CREATED, SOLD], per_block) if rng.random() < 0.5 else []
        theirs = random_logs(rng, [STRANGER], [CREATED, OTHER], 2) if rng.random() < 0.3 else []
        chain.mine(transactions=[logs for logs in (theirs, ours) if logs])
    return chain


def log(data: int = 0, address: bytes = VAULT, topic: bytes = CREATED) -> FakeLog:
    return FakeLog(address, (topic,), data.to_bytes(32, "big"))


def pool_of(*nodes: FakeNode, hands: Hands | None = None, **options: float) -> Pool:
    """A pool of these nodes, in this order."""
    clock = (hands or Hands()).clock()
    return Pool("test", [Endpoint(node.name, node, clock, **options) for node in nodes], clock)  # type: ignore[arg-type]


def chain_of(*nodes: FakeNode, hands: Hands | None = None, finality: str | int = "finalized") -> Chain:
    return Chain(pool_of(*nodes, hands=hands), finality)


def truth(chain: FakeChain, first: int = 0, last: int | None = None) -> list[Place]:
    """Where our logs of a range really are."""
    ours = {"0x" + VAULT.hex(), "0x" + MARKET.hex()}
    return [
        (int(one["blockNumber"], 16), int(one["logIndex"], 16), one["blockHash"], one["data"])
        for one in chain.logs(first, chain.head.number if last is None else last)
        if one["address"] in ours
    ]


def places(logs: Logs) -> list[Place]:
    return [(int(one.block_number, 16), int(one.log_index, 16), one.block_hash, one.data) for one in logs.logs]
