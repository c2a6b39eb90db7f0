"""Every series of a chain whose labels are known exists before anything happens."""

from typing import Any
from unittest.mock import MagicMock

from demo.contracts_build import ROOT
from indexer.assembly import Deployment
from indexer.horizon import Horizon
from indexer.keeper import Keeper
from indexer.metrics import REASONS, STAGES, WAITS, ChainState, Meter
from indexer.model import Cursor
from indexer.wiring import publish
from shared import protocol
from shared.clock import system_clock
from shared.health import Health
from shared.metrics import Registry
from shared.rpc_errors import Kind
from shared.settings import ChainSettings, ProtocolSettings
from tests.fakes.clock import Hands
from tests.fakes.node import FakeNode
from tests.unit.node.world import busy_chain, chain_of, pool_of

WEXEL = ROOT / "protocols" / "wexel"


async def test_series_exist_at_zero() -> None:
    """Steps given up by any reason, waits and stages count from 0, so that the first of each is a rise."""
    registry, clock = Registry(), system_clock()
    Meter(registry, ChainState("base", Horizon(chain_of(FakeNode(busy_chain(1))), clock), [], 1.0), clock)
    page = registry.exposition().decode()
    assert {kind.value for kind in Kind} | {"database_unavailable", "contradiction", "deep_reorg"} <= {*REASONS}
    for reason in REASONS:
        assert f'usdx_indexer_step_errors_total{{chain="base",reason="{reason}"}} 0.0\n' in page
    for wait in WAITS:
        assert f'usdx_indexer_stalled_seconds_total{{chain="base",on="{wait}"}} 0.0\n' in page
    for stage in STAGES:
        assert f'usdx_indexer_batch_duration_seconds_count{{chain="base",stage="{stage}"}} 0.0\n' in page


def test_events_of_a_chain_that_was_not_met_yet() -> None:
    """The series of a chain's events exist while its nodes are away: the ABIs name them, no node is asked."""
    registry, node = Registry(), FakeNode(busy_chain(1))
    deployed = Deployment("wexel", protocol.load(WEXEL), ProtocolSettings(path=WEXEL, chain="test"))
    settings = ChainSettings.model_validate({"rpc": [{"name": "node", "url": "http://127.0.0.1:1"}]})
    Keeper(MagicMock(registry=registry, clock=Hands().clock()), settings, pool_of(node), [deployed])
    page = registry.exposition().decode()
    for name in ("PoolCreated", "Sold"):
        for family in ("processed", "reverted"):
            assert f'usdx_indexer_events_{family}_total{{chain="test",type="{name}"}} 0.0\n' in page
    assert node.posts == 0


def test_a_chain_that_halted_before_its_first_step_says_why() -> None:
    """A chain whose layout is refused under the lease has no progress; its check names the error, not a start."""
    registry, clock = Registry(), system_clock()
    state = ChainState(
        "base", Horizon(chain_of(FakeNode(busy_chain(1))), clock), (), 1.0, halted="a view is in the way"
    )
    process = MagicMock(health=Health(registry, clock), clock=clock)
    publish(process, [MagicMock(loop="chain base", state=state)])
    check = process.health.checks()["chain base"]
    assert (check.ok, check.detail) == (False, "HALTED: a view is in the way")


class Handing(dict[str, Any]):
    """What a worker has, while it is handed another stream between any two of them that a scrape looks at."""

    def __getattribute__(self, name: str) -> Any:
        found = super().__getattribute__(name)
        return (lambda: self._growing(found())) if name in ("items", "values") else found

    def _growing(self, items: Any) -> Any:
        for number, item in enumerate(items):
            super().__setitem__(f"new {number}", None)
            yield item


def test_streams_are_handed_over_under_a_scrape() -> None:
    """A scrape while a worker takes up or lets go of streams tells of those there were; it does not fail."""
    at = Cursor(49, bytes(32), 0)
    stream = MagicMock(start_block=0)
    worker = MagicMock(streams=Handing(a=stream, b=stream), seen=Handing(a=at, b=at))
    state = ChainState("base", MagicMock(tip=MagicMock(number=99)), [worker], 1.0)
    assert state.cursor() == at
    assert state.done_ratio() == 0.5
