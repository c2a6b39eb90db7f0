"""Laws of trying again."""

from __future__ import annotations

import pytest

from shared import retry
from shared.errors import DatabaseConflict, DatabaseRejected, UsdxError
from tests.fakes.clock import Hands


class _Failing:
    def __init__(self, error: UsdxError, times: int) -> None:
        self.error, self.times, self.calls = error, times, 0

    async def __call__(self) -> str:
        self.calls += 1
        if self.calls <= self.times:
            raise self.error
        return "done"


async def test_a_named_error_is_tried_again() -> None:
    """The named errors are waited out on the given clock."""
    hands, failing = Hands(), _Failing(DatabaseConflict("met"), 2)
    began = hands.at
    assert await retry.conflicts(hands.clock())(failing) == "done"
    assert failing.calls == 3
    assert hands.at > began


async def test_other_errors_pass_at_once() -> None:
    """What cannot get better is not tried again."""
    failing = _Failing(DatabaseRejected("no"), 1)
    with pytest.raises(DatabaseRejected):
        await retry.conflicts(Hands().clock())(failing)
    assert failing.calls == 1


async def test_it_gives_up_with_the_last_error() -> None:
    """A retry ends in its time, and raises what it met."""
    hands, failing = Hands(), _Failing(DatabaseConflict("met"), 10**9)
    began = hands.at
    with pytest.raises(DatabaseConflict, match="met"):
        await retry.conflicts(hands.clock())(failing)
    assert failing.calls == 5
    assert hands.at - began < 3
