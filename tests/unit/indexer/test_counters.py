"""A protocol's own counters."""

from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.counters import EventCounters
from indexer.errors import BadAbi
from indexer.model import BlockRef, Committed, Range, Timing
from indexer.schema import Table, tables
from indexer.signature import parse_signature
from shared.metrics import Registry
from shared.protocol import CounterSpec

VOLUME = CounterSpec(
    "usdx_volume_usd_total", "Volume.", "desk", "Sold", {"pool": "pool", "chain": "$chain"}, "price", 6
)
META = (31337, 1, 0, None, b"", b"", b"")
AMOUNTS = [100_000, 200_000, 1, 33_333_333, 10**15 + 1, 7]


def table_of(signature: str) -> Table:
    return tables("shop", "desk", [parse_signature(signature)])[0]


def counting(registry: Registry, table: Table) -> EventCounters:
    counters = EventCounters(registry, "demo", 31337)
    counters.add([VOLUME], {"desk": [table]})
    return counters


def sold(table: Table, *amounts: int) -> Committed:
    return committed({str(table): [(*META, 1, Decimal(amount)) for amount in amounts]})


def committed(rows: dict[str, list[tuple[object, ...]]]) -> Committed:
    block = BlockRef(1, b"", b"", 0)
    return Committed("demo", (), Range(1, 1), block, {}, Timing(0, 0, 0, 0), 0.0, live=True, rows=rows)


def test_a_sum_is_exact_whatever_was_added(registry: Registry) -> None:
    """Each value shown is the float next to the exact sum: ten dimes make a dollar, and nothing drifts."""
    table = table_of("Sold(uint8 pool, uint256 price)")
    counters = counting(registry, table)
    total = 0
    for round_ in range(2_000):
        amount = AMOUNTS[round_ % len(AMOUNTS)]
        counters.observe(sold(table, amount))
        total += amount
        shown = registry.value("usdx_volume_usd_total", pool="1", chain="demo")
        assert shown == float(Decimal(total) / 10**6)


@pytest.mark.parametrize("last", [0, 1])
def test_a_small_amount_after_large_ones_is_counted(registry: Registry, last: int) -> None:
    """What a float rounds is never taken back: not even where nothing or next to nothing is added after it."""
    table = table_of("Sold(uint8 pool, uint256 price)")
    counters = counting(registry, table)
    for amount in (747_144_855, 6_207_890_734, last):
        counters.observe(sold(table, amount))
    assert registry.value("usdx_volume_usd_total", pool="1", chain="demo") == (6_955_035_589 + last) / 10**6


@given(st.lists(st.integers(0, 10**10) | st.integers(0, 2**256 - 1), max_size=8), st.integers(0, 77))
def test_a_sum_is_the_float_next_to_the_truth(amounts: list[int], scale: int) -> None:
    """Whatever the amounts and their scale."""
    registry = Registry()
    table = table_of("Sold(uint8 pool, uint256 price)")
    counters = EventCounters(registry, "demo", 31337)
    counters.add([replace(VOLUME, scale=scale)], {"desk": [table]})
    for at, amount in enumerate(amounts, 1):
        counters.observe(sold(table, amount))
        shown = registry.value("usdx_volume_usd_total", pool="1", chain="demo")
        assert shown == float(Fraction(sum(amounts[:at]), 10**scale))


def test_two_chains_have_series_of_their_own(registry: Registry) -> None:
    """What one chain counts is not added to what another does."""
    table = table_of("Sold(uint8 pool, uint256 price)")
    counting(registry, table).observe(sold(table, 10**6))
    other = EventCounters(registry, "other", 1)
    other.add([VOLUME], {"desk": [table]})
    other.observe(sold(table, 3 * 10**6))
    assert registry.value("usdx_volume_usd_total", pool="1", chain="demo") == 1
    assert registry.value("usdx_volume_usd_total", pool="1", chain="other") == 3


def test_only_what_cannot_be_negative_is_counted(registry: Registry) -> None:
    """A counter of a signed amount is refused: it would have to go down."""
    with pytest.raises(BadAbi, match="only goes up"):
        counting(registry, table_of("Sold(uint8 pool, int256 price)"))


HERALDS = {
    "Listed(uint8 pool, uint256 price)": {"7"},
    "Named(bytes32 name, uint8 pool)": {"7"},
    "Wide(uint256 pool)": set(),
    "Other(uint8 desk)": set(),
}


@pytest.mark.parametrize(("signature", "pools"), HERALDS.items(), ids=HERALDS)
def test_a_series_begins_before_it_counts(registry: Registry, signature: str, pools: set[str]) -> None:
    """Another event with the same parameters names a series, which is 0 until its own event counts: `rate()` would not
    see the first count otherwise."""
    table, herald = tables(
        "shop", "desk", [parse_signature("Sold(uint8 pool, uint256 price)"), parse_signature(signature)]
    )
    counters = EventCounters(registry, "demo", 31337)
    counters.add([VOLUME], {"desk": [table, herald]})
    named = [7 if column.param.name == "pool" else 0 for column in herald.columns]
    counters.observe(committed({str(herald): [(*META, *named)]}))
    assert {labels["pool"] for name, labels, _ in registry.samples() if name == VOLUME.name} == pools
    assert registry.value(VOLUME.name, pool="7", chain="demo") == (0 if pools else None)
