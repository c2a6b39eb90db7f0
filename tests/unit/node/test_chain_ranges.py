"""Any range is fetched within any limits."""

import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from indexer.chain import Chain
from indexer.model import Range
from shared.errors import UsdxError
from shared.rpc_answer import Question, Reply, read
from shared.rpc_errors import RpcError
from tests.fakes.chain import FakeChain
from tests.fakes.families import Family, Refusal
from tests.fakes.node import FakeNode
from tests.unit.node.world import WANTED, busy_chain, places, pool_of, truth

TOO_WIDE = (
    "block range is too wide",
    "limit exceeded",
    "exceed maximum block range: {limit}",
    "range exceeds limit of 1000000",
    "flurb exceeds the wibble",
    "up to a {limit} block range. this block range should work: [{first}, {last}]",
)
TOO_MANY = (
    "query returned more than {most} results",
    "query returned more than {most} results. Try with this block range [{first}, {last}].",
    "query exceeds max results {most}, retry with the range 0-1",
    "log query timed out",
    "the wibble is full",
)
CHAIN = busy_chain(400, seed=9)


def family(max_blocks: int, wide: str, max_results: int, many: str, max_batch: int) -> Family:
    """A provider with these limits and words; its hints are right, absent or nonsense, as the words have it."""

    def too_wide(asked: tuple[int, int]) -> Refusal:
        last = asked[0] + max_blocks - 1
        return Refusal(-32000, wide.format(limit=max_blocks, first=hex(asked[0]), last=hex(last)))

    def too_many(asked: tuple[int, int], works: tuple[int, int]) -> Refusal:
        return Refusal(-32005, many.format(most=max_results, first=hex(works[0]), last=hex(works[1])))

    return Family(
        "any", max_blocks=max_blocks, too_wide=too_wide, max_results=max_results, too_many=too_many, max_batch=max_batch
    )


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    limits=st.builds(
        family,
        st.integers(1, 500),
        st.sampled_from(TOO_WIDE),
        st.integers(1, 500),
        st.sampled_from(TOO_MANY),
        st.sampled_from([1, 2, 3, 10, 100]),
    ),
    first=st.integers(0, 399),
    width=st.integers(1, 400),
    linked=st.booleans(),
)
async def test_every_range_is_whole(limits: Family, first: int, width: int, linked: bool) -> None:
    """Whatever an endpoint's limits and words, the pages of a range tile it, with every log once."""
    last = min(first + width - 1, 400)
    node = FakeNode(CHAIN, family=limits)
    pool = pool_of(node)
    pool.patience_s = 120
    logs = await Chain(pool).logs(Range(first, last), WANTED, linked=linked)
    assert places(logs) == truth(CHAIN, first, last)
    if linked:
        assert sorted(logs.headers) == list(range(first, last + 1))


@given(body=st.binary(max_size=300), status=st.sampled_from([200, 400, 429, 500]), count=st.integers(1, 3))
def test_random_answers(body: bytes, status: int, count: int) -> None:
    """Random bytes for an answer raise or contain only RpcErrors."""
    question = Question("node", ("eth_getBlockByNumber",) * (count - 1) + ("eth_getLogs",), 1)
    try:
        answers = read(Reply(status, {}, body), question)
    except RpcError:
        return
    assert len(answers) == count


@pytest.mark.parametrize("seed", range(40))
async def test_garbled_answers(seed: int) -> None:
    """Answers with bytes cut out, doubled or changed raise only our own errors, or are mended by asking again."""
    rng = random.Random(seed)
    fake = FakeChain(blocks=list(CHAIN.blocks[:40]))
    node = FakeNode(fake)
    pool = pool_of(node)
    pool.patience_s = 3
    chain = Chain(pool)
    await chain.tip()
    honest = node.post

    async def garbled(body: bytes) -> Reply:
        reply = await honest(body)
        if rng.random() < 0.5:
            return reply
        text = bytearray(reply.body)
        at = rng.randrange(len(text))
        match rng.randrange(3):
            case 0:
                del text[at : at + rng.randrange(1, 40)]
            case 1:
                text[at:at] = text[at : at + rng.randrange(1, 40)]
            case _:
                text[at] = rng.randrange(256)
        return Reply(reply.status, reply.headers, bytes(text))

    node.post = garbled  # type: ignore[method-assign]
    try:
        logs = await chain.logs(Range(1, 39), WANTED, linked=True)
    except UsdxError:
        return
    assert len(logs.headers) == 39
