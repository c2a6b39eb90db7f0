"""Batches are as long as an endpoint takes them, and no longer than does good."""

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.endpoint import Endpoint
from shared.endpoint_batch import FIRST_BATCH, LIGHT_BYTES, LONGEST_BATCH, QUICK_S, BatchLength
from shared.rpc_types import block_calls
from tests.fakes import faults
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
