"""An endpoint that says nothing is noticed, whoever stops waiting first."""

import asyncio

import pytest

from shared.clock import system_clock
from shared.endpoint import Endpoint
from shared.endpoint_health import DOWN_AFTER
from shared.rpc_answer import Reply
from shared.rpc_errors import TransportFailed


class Mute:
    """Takes every question and never answers."""

    async def post(self, body: bytes) -> Reply:
        await asyncio.Event().wait()
        raise AssertionError

    async def close(self) -> None: ...


async def test_a_caller_who_gives_up_counts_as_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    """Impatient callers, such as a price round, do not make a mute endpoint look well."""
    monkeypatch.setattr("shared.rpc.SILENT_S", 0.005)
    endpoint = Endpoint("mute", Mute(), system_clock())
    endpoint.health.answered(0.01)
    for _ in range(DOWN_AFTER):
        endpoint.health.resting_until = 0.0
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(endpoint.call("eth_blockNumber"), 0.01)
    assert not endpoint.health.up()
    assert isinstance(endpoint.health.last_error, TransportFailed)


async def test_a_head_is_not_waited_for_as_long_as_an_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """A look at a mute endpoint ends with a transport failure of its own."""
    monkeypatch.setattr("shared.endpoint.LOOK_S", 0.01)
    endpoint = Endpoint("mute", Mute(), system_clock())
    with pytest.raises(TransportFailed, match="no head within"):
        await endpoint.look()


async def test_a_caller_who_changes_his_mind_blames_nobody() -> None:
    """A question that is dropped at once, as a rollback does, says nothing of the endpoint."""
    endpoint = Endpoint("mute", Mute(), system_clock())
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(endpoint.call("eth_blockNumber"), 0.01)
    assert endpoint.health.streak == 0
    assert endpoint.health.last_error is None
    assert endpoint.health.latency_s is None
