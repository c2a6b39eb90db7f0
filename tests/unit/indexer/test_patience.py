"""What may mend itself is waited out, and what seems beyond mending is doubted, but not for ever."""

from unittest.mock import AsyncMock

import pytest

from indexer.errors import DeepReorg
from indexer.keeper import Keeper
from indexer.patience import DOUBTS, Patience
from shared.errors import UsdxError
from shared.rpc_errors import TransportFailed
from shared.runtime import Stop


def patience(stop: Stop, told: list[UsdxError]) -> Patience:
    return Patience(stop, lambda exc, wait_s: told.append(exc), first_s=0.0)


async def test_a_deep_reorg_is_doubted_a_few_times() -> None:
    """It is believed when it was seen `DOUBTS` times in a row; anything that works in between speaks against it."""
    told: list[UsdxError] = []
    one, sight = patience(Stop(), told), AsyncMock(side_effect=DeepReorg("x"))
    for _ in range(DOUBTS - 1):
        assert await one.attempt(sight) is None
    assert await one.attempt(AsyncMock(return_value=7)) == 7
    for _ in range(DOUBTS - 1):
        assert await one.attempt(sight) is None
    with pytest.raises(DeepReorg):
        await one.attempt(sight)
    assert len(told) == 2 * (DOUBTS - 1)


async def test_doubts_do_not_multiply(monkeypatch: pytest.MonkeyPatch) -> None:
    """A chain halts at the fifth sight of a deep reorg, though a loop that waits out the world runs it."""
    stop, sights, halted = Stop(), AsyncMock(side_effect=DeepReorg("x")), []
    keeper = Keeper.__new__(Keeper)
    keeper._wanted = AsyncMock()

    async def hold(stop: Stop, between: Patience) -> None:
        inner = patience(stop, [])
        while True:
            await inner.attempt(sights)

    def halt(exc: UsdxError) -> None:
        halted.append(exc)
        stop.set()

    monkeypatch.setattr(keeper, "_hold", hold)
    monkeypatch.setattr(keeper, "_halt", halt)
    monkeypatch.setattr(keeper, "_failed", lambda exc, wait_s: None)
    await keeper.keep(stop)
    assert sights.await_count == DOUBTS
    assert [type(exc) for exc in halted] == [DeepReorg]


async def test_what_has_a_patience_of_its_own_is_waited_for() -> None:
    """The world's errors are waited out, whoever raises them."""
    told: list[UsdxError] = []
    one, error = patience(Stop(), told), TransportFailed("gone")
    assert await one.outlast(AsyncMock(side_effect=error)) is None
    assert await one.outlast(AsyncMock(return_value=7)) == 7
    assert told == [error]
