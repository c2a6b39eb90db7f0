"""Every series of a chain whose labels are known exists before anything happens."""

from indexer.horizon import Horizon
from indexer.metrics import REASONS, STAGES, WAITS, ChainState, Meter
from shared.clock import system_clock
from shared.metrics import Registry
from shared.rpc_errors import Kind
from tests.fakes.node import FakeNode
from tests.unit.node.world import busy_chain, chain_of


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
