"""What endpoints do can be seen."""

import pytest
from structlog.testing import capture_logs

from indexer import chain_metrics
from indexer.chain import Chain
from indexer.chain_ranges import SPLITS
from indexer.model import Range
from shared.endpoint import Endpoint
from shared.metrics import Registry
from shared.pool import Pool
from shared.rpc_log import UnknownTexts
from shared.rpc_metrics import FAMILIES, METHODS, REASONS, RpcMeter
from tests.fakes import faults
from tests.fakes.chain import FakeChain
from tests.fakes.clock import Hands
from tests.fakes.families import TRON
from tests.fakes.node import FakeNode
from tests.unit.node.world import WANTED, busy_chain, chain_of, places, pool_of, truth

WHO = {"chain": "test", "provider": "one"}


@pytest.fixture
def fake() -> FakeChain:
    return busy_chain(30)


def metered(registry: Registry, *nodes: FakeNode, hands: Hands | None = None) -> tuple[Pool, RpcMeter]:
    meter, clock = RpcMeter(registry, "test"), (hands or Hands()).clock()
    return Pool("test", [Endpoint(node.name, node, clock, observe=meter.observe) for node in nodes], clock), meter


def test_everything_starts_at_zero(registry: Registry, fake: FakeChain) -> None:
    """Every known series exists at 0 before the first question."""
    pool, meter = metered(registry, FakeNode(fake, "one"))
    with meter.reading(pool):
        for method in METHODS:
            assert registry.value("usdx_rpc_requests_total", **WHO, method=method, outcome="ok") == 0
        for reason in REASONS:
            assert registry.value("usdx_rpc_errors_total", **WHO, reason=reason) == 0
        assert registry.value("usdx_rpc_failovers_total", chain="test") == 0
        assert registry.value("usdx_rpc_contradictions_total", **WHO, check="hash") == 0
        assert registry.value("usdx_rpc_provider_up", **WHO) == 0
        assert registry.value("usdx_rpc_provider_head_block", **WHO) is None


async def test_questions_are_counted(registry: Registry, fake: FakeChain) -> None:
    """Each call of a batch counts by method and outcome, the exchange once by its time."""
    node = FakeNode(fake, "one")
    pool, meter = metered(registry, node)
    with meter.reading(pool):
        await pool.start()
        before = registry.value("usdx_rpc_request_duration_seconds_count", **WHO) or 0
        chain = Chain(pool)
        await chain.tip()
        await chain.logs(Range(1, 20), WANTED)
        assert registry.value("usdx_rpc_requests_total", **WHO, method="eth_getLogs", outcome="ok") == 2
        assert registry.value("usdx_rpc_request_duration_seconds_count", **WHO) == before + 2
        assert (registry.value("usdx_rpc_compute_units_total", **WHO) or 0) > 100
        assert (registry.value("usdx_rpc_response_bytes_total", **WHO) or 0) > 1_000
        assert registry.value("usdx_rpc_provider_up", **WHO) == 1
        assert registry.value("usdx_rpc_provider_head_block", **WHO) == 30
        assert registry.value("usdx_rpc_provider_head_lag_blocks", **WHO) == 0
        assert registry.value("usdx_rpc_provider_ability", **WHO, ability="finalized_tag") == 1


async def test_failures_are_counted_by_reason(registry: Registry, fake: FakeChain) -> None:
    """A failure counts under what it means, a lie under the check that found it, a new first choice as such."""
    one, two = FakeNode(fake, "one"), FakeNode(fake, "two")
    hands = Hands()
    pool, meter = metered(registry, one, two, hands=hands)
    with meter.reading(pool):
        await pool.start()
        one.fail(faults.rate_limited("0"))
        await pool.call("eth_chainId")
        one.fail(faults.wrong_block_hash().often(50))
        await Chain(pool).logs(Range(1, 20), WANTED, linked=True)
        hands.at += 5
        one.fail(faults.billing())
        await pool.call("eth_chainId")
        await pool.call("eth_chainId")
        assert registry.value("usdx_rpc_errors_total", **WHO, reason="rate_limit") == 1
        assert registry.value("usdx_rpc_requests_total", **WHO, method="eth_chainId", outcome="rate_limit") == 1
        assert registry.value("usdx_rpc_contradictions_total", **WHO, check="hash") == 1
        assert registry.value("usdx_rpc_errors_total", **WHO, reason="billing") == 1
        assert registry.value("usdx_rpc_provider_up", **WHO) == 0
        assert registry.value("usdx_rpc_failovers_total", chain="test") == 1


async def test_no_secrets_and_no_overflow(registry: Registry, fake: FakeChain) -> None:
    """Exposed text holds no URL and no address, and our own methods fit under the cap of their label."""
    pool, meter = metered(registry, FakeNode(fake, "one"))
    with meter.reading(pool):
        for method in ("eth_call", "eth_gasPrice", "eth_syncing", "eth_feeHistory", "eth_mining"):
            with pytest.raises(Exception, match="does not exist"):
                await pool.call(method)
        await pool.head()
        text = registry.exposition().decode()
    assert "://" not in text
    assert "0x" not in text
    assert registry.value("usdx_metrics_label_overflow_total", label="method") == 0


async def test_several_chains_share_the_families(registry: Registry, fake: FakeChain) -> None:
    """Two chains in one process are two series of each family; a closed pool's states vanish."""
    clock = Hands().clock()
    pools = []
    for name in ("base", "bsc"):
        meter = RpcMeter(registry, name)
        pools.append((meter, Pool(name, [Endpoint("one", FakeNode(fake), clock, observe=meter.observe)], clock)))
    with pools[0][0].reading(pools[0][1]):
        with pools[1][0].reading(pools[1][1]):
            for name in ("base", "bsc"):
                assert registry.value("usdx_rpc_provider_up", chain=name, provider="one") == 0
        assert registry.value("usdx_rpc_provider_up", chain="bsc", provider="one") is None


def test_ten_providers_of_two_chains(registry: Registry) -> None:
    """The cap on providers counts per chain, so that chains do not take each other's names away."""
    counters = registry.counter(next(family for family in FAMILIES if family.name == "usdx_rpc_response_bytes_total"))
    for chain in ("base", "bsc"):
        for number in range(5):
            counters.start(chain, f"{chain}-{number}")
    assert registry.value("usdx_rpc_response_bytes_total", chain="bsc", provider="bsc-4") == 0


async def test_finality_and_blooms_are_shown(registry: Registry, fake: FakeChain) -> None:
    """A scrape tells where finality comes from and whether blooms are believed."""
    chain = chain_of(FakeNode(fake, family=TRON))
    chain_metrics.watch(registry, chain)
    await chain.tip()
    assert registry.value("usdx_indexer_finality_by_tag", chain="test") == 0
    assert registry.value("usdx_indexer_finality_depth_blocks", chain="test") == 64
    assert registry.value("usdx_indexer_blooms_trusted", chain="test") == 1
    assert registry.value("usdx_indexer_bloom_doubts_total", chain="test", verdict="lie") == 0


REFUSALS = {
    "structural_limit": faults.says(-32602, "exceed maximum block range 10"),
    "density": faults.says(-32005, "query returned more than 10000 results"),
    "filter_size": faults.says(-32602, "exceed max addresses or topics per search position"),
    "unexplained": faults.says(-32602, "flurb exceeds the wibble"),
}


@pytest.mark.parametrize("reason", SPLITS)
async def test_splits_are_counted_by_reason(registry: Registry, fake: FakeChain, reason: str) -> None:
    """What had to be asked for in pieces says why; every reason is there at 0 before."""
    node = FakeNode(fake)
    chain = chain_of(node)
    chain_metrics.watch(registry, chain)
    await chain.tip()
    before = [registry.value("usdx_indexer_range_splits_total", chain="test", reason=one) for one in SPLITS]
    assert before == [0.0] * len(SPLITS)
    node.fail(REFUSALS[reason])
    logs = await chain.logs(Range(1, 30), WANTED)
    assert places(logs) == truth(fake, 1, 30)
    after = {one: registry.value("usdx_indexer_range_splits_total", chain="test", reason=one) for one in SPLITS}
    assert after == dict.fromkeys(SPLITS, 0.0) | {reason: 1.0}


async def test_unknown_refusals_are_logged_once(fake: FakeChain) -> None:
    """A text that the catalogue lacks is logged the first time, whatever numbers are in it."""
    node = FakeNode(fake, "one")
    unknown = UnknownTexts("test")
    clock = Hands().clock()
    pool = Pool("test", [Endpoint("one", node, clock, observe=unknown.observe)], clock)
    await pool.start()
    with capture_logs() as logs:
        for number in (7, 8):
            node.fail(faults.says(-32602, f"flurb {number} exceeds the wibble"))
            with pytest.raises(Exception, match="flurb"):
                await pool.call("eth_getLogs", [{}])
        node.fail(faults.says(-32602, "block range is too wide"))
        with pytest.raises(Exception, match="too wide"):
            await pool.call("eth_getLogs", [{}])
    assert [entry["error"] for entry in logs] == ["one: eth_getLogs: flurb 7 exceeds the wibble"]


async def test_a_new_first_choice_is_logged(fake: FakeChain) -> None:
    """Who is asked first from now on, and why, is said once."""
    one, two = FakeNode(fake, "one"), FakeNode(fake, "two")
    pool = pool_of(one, two)
    await pool.start()
    one.fail(faults.billing())
    with capture_logs() as logs:
        for _ in range(5):
            await pool.call("eth_chainId")
    assert [(entry["endpoint"], entry["before"]) for entry in logs] == [("two", "one")]
