"""Batches are as long as an endpoint takes them, and no longer than does good."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.endpoint import BATCHES_AGAIN_S, Endpoint
from shared.endpoint_batch import FIRST_BATCH, LIGHT_BYTES, LONGEST_BATCH, QUICK_S, BatchLength
from shared.rpc_answer import Reply
from shared.rpc_errors import RpcError, TransportFailed
from shared.rpc_types import block_calls
from tests.fakes import faults
from tests.fakes.clock import Hands
from tests.fakes.families import Family
from tests.fakes.node import FakeNode
from tests.unit.node.world import busy_chain, pool_of

NUMBERS = range(2 * LONGEST_BATCH)


class Long(FakeNode):
    """A node that notes how long batches were."""

    def _answer(self, calls: list[dict[str, Any]], many: bool, given: Any) -> Any:
        self.lengths = [*getattr(self, "lengths", []), len(calls)]
        return super()._answer(calls, many, given)


async def _asked(node: Long, *, per_second: float | None = None, rounds: int = 4) -> tuple[Endpoint, Sequence[int]]:
    """The endpoint and the lengths of the last round's batches, when all answers were right."""
    pool = pool_of(node, per_second=per_second)
    for _ in range(rounds):
        node.lengths = []
        blocks = await pool.batch(block_calls(NUMBERS))
        assert [int(block["number"], 16) for block in blocks] == list(NUMBERS)
    return pool.first, node.lengths


async def test_batches_grow() -> None:
    """Full batches that are answered lightly and quickly are followed by longer ones."""
    endpoint, lengths = await _asked(Long(busy_chain(len(NUMBERS))))
    assert endpoint.abilities.max_batch == LONGEST_BATCH
    assert lengths == [LONGEST_BATCH] * 2


@pytest.mark.parametrize(
    "text",
    [(-32014, "too many RPC calls in batch request"), (-32600, "invalid request"), (-32005, "rate limit exceeded")],
)
async def test_a_longer_batch_is_refused(text: tuple[int, str]) -> None:
    """Whatever words an endpoint refuses a longer batch with, shorter ones go on, and the length is not tried again."""
    node = Long(busy_chain(len(NUMBERS)), family=Family("narrow", max_batch=150, batch_text=text))
    endpoint, lengths = await _asked(node)
    assert endpoint.abilities.max_batch == FIRST_BATCH
    assert lengths == [FIRST_BATCH] * 8


async def test_a_longer_batch_breaks_the_connection() -> None:
    """Trouble with a longer batch brings back a shorter one."""
    node = Long(busy_chain(len(NUMBERS)))
    endpoint, _ = await _asked(node)
    node.fail(faults.dropped())
    with pytest.raises(Exception, match="the connection broke"):
        await endpoint.batch(block_calls(NUMBERS))
    assert endpoint.abilities.max_batch == LONGEST_BATCH // 2


async def test_a_budget_is_not_overrun() -> None:
    """Where a rate is in force, batches stay as short as they were."""
    endpoint, lengths = await _asked(Long(busy_chain(len(NUMBERS))), per_second=1e9)
    assert endpoint.abilities.max_batch == FIRST_BATCH
    assert lengths == [FIRST_BATCH] * 8


REFUSALS = {
    "an error object": Reply(
        200, {}, b'{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"Invalid Request"}}'
    ),
    "one result": Reply(200, {}, b'{"jsonrpc":"2.0","id":1,"result":"0x1"}'),
    "a page": Reply(400, {}, b"<html><h1>400 Bad Request</h1></html>"),
    "not allowed": Reply(405, {}, b""),
    "a failure": Reply(500, {}, b""),
    "nothing": Reply(200, {}, b""),
    "a broken connection": None,
}


class Single(Long):
    """A node that takes batches of `most` calls, and says no in its own way."""

    most = 1
    refusal: Reply | None = None

    def _answer(self, calls: list[dict[str, Any]], many: bool, given: Any) -> Any:
        reply = super()._answer(calls, many, given)
        if len(calls) <= self.most and not (many and self.most == 1):
            return reply
        if self.refusal is None:
            raise TransportFailed(f"{self.name}: the connection broke", endpoint=self.name)
        return self.refusal


@pytest.mark.parametrize("began", [True, False])
@pytest.mark.parametrize("name", REFUSALS)
async def test_no_batches_at_all(name: str, began: bool) -> None:
    """Whatever an endpoint answers to batches, at once or one day, it is asked call by call, and for good."""
    node, hands = Single(busy_chain(40)), Hands()
    node.refusal, node.most = REFUSALS[name], 100 if began else 1
    pool = pool_of(node, hands=hands)
    if began:
        await pool.start()
    node.most = 1
    for _ in range(2):
        answers = await pool.batch(block_calls(range(40)))
        assert [int(block["number"], 16) for block in answers] == list(range(40))
    assert pool.first.abilities.max_batch == 1
    node.lengths = []
    await pool.batch(block_calls(range(40)))
    assert node.lengths == [1] * 40


@pytest.mark.parametrize("name", REFUSALS)
async def test_batches_come_back(name: str) -> None:
    """What was found out about batches is forgotten after a while; where it still holds it is found out again."""
    node, hands = Single(busy_chain(40)), Hands()
    node.refusal = REFUSALS[name]
    pool = pool_of(node, hands=hands)
    await pool.start()
    for most in (1, 400):
        node.most = most
        hands.at += BATCHES_AGAIN_S
        await pool.batch(block_calls(range(40)))
        assert (pool.first.abilities.max_batch == 1) == (most == 1)


async def test_an_outage_is_no_refusal_of_batches() -> None:
    """An endpoint that fails for a while, batches or not, takes as many calls as before when it is back."""
    node = Long(busy_chain(40))
    pool = pool_of(node)
    await pool.start()
    for fault in (faults.dropped(), faults.html(), faults.nothing(), faults.rate_limited(), faults.says(-32600, "no")):
        for _ in range(4):
            node.fail(fault.often(3))
            with suppress(RpcError):
                await pool.first.batch(block_calls(range(40)))
            node.faults.clear()
            await pool.first.call("eth_blockNumber")
    assert pool.first.abilities.max_batch == FIRST_BATCH


async def test_a_length_is_refused_in_unknown_words() -> None:
    """Where two calls are answered and many are refused, fewer are asked at once."""
    node = Single(busy_chain(40))
    node.refusal, node.most = REFUSALS["an error object"], 10
    pool = pool_of(node)
    for _ in range(2):
        blocks = await pool.batch(block_calls(range(40)))
        assert [int(block["number"], 16) for block in blocks] == list(range(40))
    assert 5 <= pool.first.abilities.max_batch <= 10


@pytest.mark.parametrize("kept", [slice(None, 3), slice(-3, None), slice(1, None), slice(2, 5), slice(None, None, 2)])
async def test_whatever_is_left_out_is_asked_again(kept: slice) -> None:
    """A batch's answer may lack any of its calls, the first one too, in any order: the others are not asked twice."""
    node = Long(busy_chain(40))
    pool = pool_of(node)
    await pool.start()

    def short(reply: Reply) -> Reply:
        answers = msgspec.json.decode(reply.body)
        many = isinstance(answers, list) and len(answers) > 3
        return replace(reply, body=msgspec.json.encode(answers[kept][::-1])) if many else reply

    node.fail(faults.Fault(times=1_000, mangle=short))
    for _ in range(3):
        node.requests.clear()
        blocks = await pool.batch(block_calls(range(40)))
        assert [int(block["number"], 16) for block in blocks] == list(range(40))


@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("answered"), st.integers(0, 2 * LIGHT_BYTES), st.floats(0, 2 * QUICK_S)),
            st.tuples(st.just("failed")),
            st.tuples(st.just("at_most"), st.integers(1, 2 * LONGEST_BATCH)),
        )
    )
)
def test_the_length_stays_within_bounds(events: list[Any]) -> None:
    """It never exceeds what was refused, grows only with light and quick answers, and trouble alone keeps the first."""
    length, refused = BatchLength(), LONGEST_BATCH
    for kind, *told in events:
        before = length
        if kind == "answered":
            length = length.answered(length.most, *told)
            assert length.most == before.most or (told[0] <= LIGHT_BYTES and told[1] <= QUICK_S)
            assert length.most >= before.most
        elif kind == "failed":
            length = length.failed(length.most)
            assert length.most >= min(before.most, FIRST_BATCH)
        else:
            length = length.at_most(told[0])
            refused = min(refused, told[0])
        assert 1 <= length.most <= length.ceiling <= refused
