"""Chains start side by side."""

import asyncio
from typing import Any, cast

import pytest

from indexer.keeper import Keeper
from indexer.wiring import start
from shared.errors import ConfigError, Permanent, UsdxError
from shared.rpc_errors import TransportFailed


class Chain:
    """Stands for a keeper: it starts, fails, or hears nothing."""

    def __init__(self, name: str, how: UsdxError | str = "") -> None:
        self.name, self.how = name, how
        self.met = False
        self.troubles = ""

    async def start(self) -> None:
        if isinstance(self.how, UsdxError):
            raise self.how
        if self.how == "silent":
            await asyncio.Event().wait()
        self.met = True


async def _start(*chains: Chain, within_s: float | None = 0.01) -> list[str]:
    late = await start([cast(Keeper, chain) for chain in chains], within_s)
    return [cast(Any, keeper).name for keeper in late]


async def test_others_need_not_wait() -> None:
    """A chain whose node is dead or silent is left for later."""
    good = Chain("good")
    assert await _start(Chain("dead", TransportFailed("x")), good, Chain("mute", "silent")) == ["dead", "mute"]
    assert good.met


async def test_nobody_to_go_ahead() -> None:
    """When no chain can be met the process says so and ends; a lone chain has all its own patience."""
    with pytest.raises(TransportFailed):
        await _start(Chain("dead", TransportFailed("x")), Chain("gone", TransportFailed("y")))
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(_start(Chain("lone", "silent")), 0.05)


@pytest.mark.parametrize("wrong", [ConfigError("x"), Permanent("y")])
async def test_what_the_user_must_mend(wrong: UsdxError) -> None:
    """What is wrong in the config or the database ends the start, however well the other chains are."""
    with pytest.raises(type(wrong)):
        await _start(Chain("good"), Chain("wrong", wrong))
