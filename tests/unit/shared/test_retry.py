"""Laws of trying again."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from tenacity import AsyncRetrying

from shared import retry
from shared.clock import Clock
from shared.errors import DatabaseConflict, DatabaseRejected, DatabaseUnavailable, LeaseLost, UsdxError
from tests.fakes.clock import Hands


class _Failing:
    def __init__(self, error: UsdxError, times: int) -> None:
        self.error, self.times, self.calls = error, times, 0

    async def __call__(self) -> str:
        self.calls += 1
        if self.calls <= self.times:
            raise self.error
        return "done"


@pytest.mark.parametrize(
    ("make", "error"),
    [
        (retry.conflicts, DatabaseConflict("met")),
        (retry.database, DatabaseUnavailable("away")),
        (retry.transient, LeaseLost("lost")),
    ],
)
async def test_a_named_error_is_tried_again(make: Callable[[Clock], AsyncRetrying], error: UsdxError) -> None:
    """The named errors are waited out on the given clock."""
    hands, failing = Hands(), _Failing(error, 2)
    began = hands.at
    assert await make(hands.clock())(failing) == "done"
    assert failing.calls == 3
    assert hands.at > began


@pytest.mark.parametrize("make", [retry.conflicts, retry.database, retry.transient])
async def test_other_errors_pass_at_once(make: Callable[[Clock], AsyncRetrying]) -> None:
    """What cannot get better is not tried again."""
    failing = _Failing(DatabaseRejected("no"), 1)
    with pytest.raises(DatabaseRejected):
        await make(Hands().clock())(failing)
    assert failing.calls == 1


@pytest.mark.parametrize(("make", "at_most_s"), [(retry.conflicts, 3), (retry.database, 35), (retry.transient, 75)])
async def test_it_gives_up_with_the_last_error(make: Callable[[Clock], AsyncRetrying], at_most_s: float) -> None:
    """A retry ends in its time, and raises what it met."""
    hands, failing = Hands(), _Failing(DatabaseConflict("met"), 10**9)
    began = hands.at
    with pytest.raises(DatabaseConflict, match="met"):
        await make(hands.clock())(failing)
    assert failing.calls >= 5
    assert hands.at - began < at_most_s
