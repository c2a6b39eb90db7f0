"""What may mend itself is waited out, and what seems beyond mending is doubted, but not for ever."""

from unittest.mock import AsyncMock, MagicMock

import pytest

from indexer.errors import DeepReorg
from indexer.keeper import Keeper
from indexer.patience import DOUBTS, Patience
from shared.errors import UsdxError
from shared.rpc_errors import TransportFailed
from shared.runtime import Stop
from tests.fakes.clock import Hands


def patience(stop: Stop, told: list[UsdxError]) -> Patience:
    return Patience(stop, lambda exc, lost_s: told.append(exc), Hands().clock(), first_s=0.0)


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
    keeper._wanted, keeper._world = MagicMock(), MagicMock()

    async def hold(stop: Stop, between: Patience) -> None:
        inner = patience(stop, [])
        while True:
            await inner.attempt(sights)

    def halt(exc: UsdxError) -> None:
        halted.append(exc)
        stop.set()

    monkeypatch.setattr(keeper, "_hold", hold)
    monkeypatch.setattr(keeper, "_halt", halt)
    monkeypatch.setattr(keeper, "_failed", lambda exc, lost_s: None)
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


async def test_a_failure_costs_what_it_took() -> None:
    """The seconds told are those of the attempt, from where it last worked, and those until the next try; who is
    patient inside has told them already."""
    hands, lost = Hands(), list[float]()
    one = Patience(Stop(), lambda exc, lost_s: lost.append(lost_s), hands.clock(), first_s=0.001)

    async def fail(*, worked_after_s: float = 0.0) -> None:
        if worked_after_s:
            hands.at += worked_after_s
            one.worked()
        hands.at += 15
        raise TransportFailed("gone")

    await one.attempt(fail)
    await one.attempt(lambda: fail(worked_after_s=3600))
    await one.attempt(AsyncMock(return_value=None))
    hands.at += 12  # at rest between two polls
    await one.attempt(fail)
    await one.outlast(fail)
    assert lost == pytest.approx([15.001, 15.002, 15.001, 0.002])
