"""Whatever a node answers, at the start or later: errors of ours come out, and rows are right or there are none."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from contextlib import nullcontext, suppress
from dataclasses import dataclass, replace
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from indexer.birth import birth
from indexer.chain import Chain
from indexer.horizon import Horizon
from indexer.meeting import meet
from indexer.model import Range
from indexer.proxies import behind
from shared.db import Database
from shared.errors import UsdxError
from shared.metrics import Registry
from shared.pool import Pool
from shared.rpc_answer import Reply
from shared.settings import Settings
from tests.fakes import faults
from tests.fakes.clock import Hands
from tests.fakes.families import GETH, NO_RECEIPTS
from tests.fakes.faults import Fault
from tests.fakes.node import FakeNode
from tests.fakes.quick import Here
from tests.unit.node.world import VAULT, WANTED, busy_chain, places, pool_of, truth

BLOCKS = 40
EXAMPLES = int(os.environ.get("USDX_ANSWER_EXAMPLES", "200"))
CHAIN = busy_chain(BLOCKS, per_block=24)  # whose logs are a long answer
MARK = "@junk@"
JUNK = {
    "null": b"null",
    "true": b"true",
    "zero": b"0",
    "negative": b"-1",
    "fraction": b"1.5",
    "endless": b"1e999",
    "huge": b"9" * 5_000,
    "words": b'"zz"',
    "nothing": b'""',
    "no hex": b'"0xzz"',
    "huge hex": b'"0x' + b"f" * 5_000 + b'"',
    "negative hex": b'"-0x1"',
    "underscored": b'"0x1_0"',
    "half a character": b'"\xff"',
    "half a pair": b'"\\ud800"',
    "object": b"{}",
    "list": b"[null]",
    "lists": b"[" * 900 + b"]" * 900,
    "too many lists": b"[" * 5_000 + b"]" * 5_000,
    "too many objects": b'{"a":' * 5_000 + b"0" + b"}" * 5_000,
}
"""What stands for a value; none of it can pass for one."""

DAMAGE = [b"\xff", b"\x00", b'"', b"{", b"[", b",", b"\\"]
METHODS = (
    *("eth_chainId", "eth_getBlockByNumber", "eth_getLogs", "eth_getBlockReceipts", "eth_getTransactionReceipt"),
    *("eth_getCode", "eth_getStorageAt", "web3_clientVersion"),
)


@dataclass(frozen=True)
class Swap:
    """Another value at one place of every result of a method. Shape: `path` steps down, modulo what is there."""

    method: str
    path: tuple[int, ...]
    junk: str

    def fault(self) -> Fault:
        return Fault(frozenset({self.method}), 100_000, change=self._change, mangle=self._written)

    def _change(self, result: Any) -> Any:
        if not self.path:
            return MARK
        at, steps = result, list(self.path)
        while True:
            keys = sorted(at) if isinstance(at, dict) else range(len(at)) if isinstance(at, list) else ()
            if not keys:
                return result
            key = keys[steps.pop(0) % len(keys)]
            if not steps or not isinstance(at[key], dict | list):
                at[key] = MARK
                return result
            at = at[key]

    def _written(self, reply: Reply) -> Reply:
        return replace(reply, body=bytes(reply.body).replace(f'"{MARK}"'.encode(), JUNK[self.junk]))


@dataclass(frozen=True)
class Refusal:
    """Something in the place of every error, or of the whole envelope of a method's answer."""

    method: str
    envelope: bytes

    def fault(self) -> Fault:
        return Fault(frozenset({self.method}), 100_000, mangle=self._refused)

    def _refused(self, reply: Reply) -> Reply:
        answers = msgspec.json.decode(reply.body)
        bodies = [self._one(answer) for answer in (answers if isinstance(answers, list) else [answers])]
        return replace(reply, body=b"[" + b",".join(bodies) + b"]" if isinstance(answers, list) else bodies[0])

    def _one(self, answer: dict[str, Any]) -> bytes:
        return self.envelope.replace(b"@id@", str(answer["id"]).encode())


@dataclass(frozen=True)
class Damage:
    """One byte of every answer that holds a method's is another one, or the answer ends there."""

    method: str
    at: float
    byte: bytes | None

    def fault(self) -> Fault:
        return Fault(frozenset({self.method}), 100_000, mangle=self._damaged)

    def _damaged(self, reply: Reply) -> Reply:
        at = int(self.at * len(reply.body))
        rest = b"" if self.byte is None else self.byte + reply.body[at + 1 :]
        return replace(reply, body=reply.body[:at] + rest)


Mutation = Swap | Refusal | Damage
ENVELOPES = [
    *(b'{"id":@id@,"error":' + junk + b"}" for junk in JUNK.values()),
    *(b'{"id":@id@,"error":{"code":' + junk + b',"message":' + junk + b',"data":{}}}' for junk in JUNK.values()),
    *(b'{"id":@id@,"error":{"code":-32000,"message":"no","data":' + junk + b"}}" for junk in JUNK.values()),
    *(b'{"id":' + junk + b',"result":null}' for junk in JUNK.values()),
    *(b'{"id":@id@,"error":{"code":-32005,"message":"retry in ' + b"9" * n + b' s"}}' for n in (3, 400)),
    *(b'{"id":@id@,"error":{"code":-32602,"message":"at most ' + b"9" * n + b' %s"}}' % what
      for n in (3, 400, 1_900) for what in (b"results", b"blocks range", b"addresses")),
]  # fmt: skip
mutations = st.one_of(
    st.builds(
        Swap,
        st.sampled_from(METHODS),
        st.lists(st.integers(0, 40), max_size=5).map(tuple),
        st.sampled_from(sorted(JUNK)),
    ),
    st.builds(Refusal, st.sampled_from(METHODS), st.sampled_from(ENVELOPES)),
    st.builds(
        Damage,
        st.sampled_from(METHODS),
        st.floats(0, 1, exclude_max=True),
        st.one_of(st.none(), st.sampled_from(DAMAGE)),
    ),
)


@pytest.fixture
def runner(database_url: str) -> Iterator[tuple[asyncio.Runner, Database]]:
    """A loop and the database, which all examples share."""
    chosen = Settings.model_validate({"database": {"url": database_url}})
    with asyncio.Runner() as loop:
        db = loop.run(Database.open(chosen, Registry(), application_name="answers"))
        yield loop, db
        loop.run(db.close())


async def lived(db: Database, pool: Pool, bad: FakeNode, mutation: Mutation, how: dict[str, bool]) -> None:
    """Meet the chain, follow and backfill it. Raises what comes out; what does not raise was right."""
    if how["empty logs"] and how["cross-checked"] and not how["thorough"]:  # so that receipts are wanted
        bad.fail(faults.empty_logs().often(100_000))
    if how["at the start"]:
        bad.fail(mutation.fault())
    chain = Chain(pool, cross_check=how["cross-checked"])
    chain.blooms.thorough = how["thorough"]
    horizon = Horizon(chain, pool.clock)
    wanted = await meet(pool, horizon, db, Registry(), [])
    assert (wanted.chain_id, wanted.genesis) == (CHAIN.chain_id, CHAIN.blocks[0].hash)
    if not how["at the start"]:
        bad.fail(mutation.fault())
    assert await birth(pool, VAULT, BLOCKS) in (0, CHAIN.deployed[VAULT])
    assert await behind(pool.batch, [VAULT]) in ({}, {VAULT: None})
    tip = await horizon.look()
    assert tip.hash == CHAIN.head.hash
    await chain.examine()
    headers = await chain.headers([3, 20, BLOCKS])
    assert all(one is not None and one.hash == CHAIN.blocks[number].hash for number, one in headers.items())
    for first, last, linked in ((BLOCKS - 5, BLOCKS, True), (0, BLOCKS - 6, False), (0, BLOCKS, True)):
        quick = Here(CHAIN.chain_id, []) if how["by columns"] else None
        logs = await chain.logs(Range(first, last), WANTED, linked=linked, quick=quick)
        assert places(logs) == truth(CHAIN, first, last)


CHAIN.deployed[VAULT] = 7
WAYS = ["at the start", "cross-checked", "thorough", "receipts one by one", "empty logs", "by columns", "without times"]
NONE = dict.fromkeys(WAYS, False)
ways = st.fixed_dictionaries({name: st.booleans() for name in WAYS})


def nodes(how: dict[str, bool]) -> tuple[FakeNode, FakeNode]:
    family = replace(GETH, lacks=NO_RECEIPTS) if how["receipts one by one"] else GETH
    family = replace(family, timestamps=not how["without times"])
    return FakeNode(CHAIN, "bad", family), FakeNode(CHAIN, "good")


MANY = settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
START = NONE | {"at the start": True}


@MANY
@given(mutation=mutations, how=ways)
@example(mutation=Swap("eth_chainId", (), "null"), how=START)
@example(mutation=Swap("eth_getBlockByNumber", (), "null"), how=START)
@example(mutation=Swap("eth_getLogs", (0, 5), "underscored"), how=NONE)
def test_beside_a_sound_endpoint(
    runner: tuple[asyncio.Runner, Database], mutation: Mutation, how: dict[str, bool]
) -> None:
    """The sound endpoint is asked instead, and everything is right; with a cross-check it may wait for another word."""
    loop, db = runner
    bad, good = nodes(how)
    with suppress(UsdxError) if how["cross-checked"] else nullcontext():
        loop.run(lived(db, pool_of(bad, good, hands=Hands()), bad, mutation, how))


@MANY
@given(mutation=mutations, how=ways)
@example(mutation=Swap("eth_chainId", (), "null"), how=START)
@example(mutation=Swap("eth_getBlockByNumber", (), "null"), how=START)
@example(mutation=Swap("eth_getLogs", (0, 5), "underscored"), how=NONE)
def test_alone(runner: tuple[asyncio.Runner, Database], mutation: Mutation, how: dict[str, bool]) -> None:
    """What comes out is right, or an error of ours."""
    loop, db = runner
    bad, _ = nodes(how)
    with suppress(UsdxError):
        loop.run(lived(db, pool_of(bad, hands=Hands()), bad, mutation, how))
