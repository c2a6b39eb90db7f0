"""Laws of aggregation, for any quotes."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from oracle.model import Observation
from oracle.rules.deviation import agree, median, spread_bps
from tests.unit.oracle.feeds import feed, observe

D = Decimal
NAMES = "abcdefghi"
near = st.decimals(min_value=95, max_value=105, places=6)
wide = st.one_of(near, st.decimals(min_value="0.000001", max_value=10**9, places=6))
some = st.lists(wide, min_size=1, max_size=9)
limits = st.decimals(min_value=1, max_value=500, places=2)


LIMIT = D(150)


def seen(prices: list[Decimal], limit: Decimal = LIMIT) -> Observation:
    named = dict(zip(NAMES, prices, strict=False))
    return observe(feed(*named, max_deviation_bps=limit), dict(named))[0]


@given(some, limits)
def test_the_price_lies_within_the_survivors(prices: list[Decimal], limit: Decimal) -> None:
    """A price is never below the lowest nor above the highest source that it stands on."""
    one = seen(prices, limit)
    if one.price is not None:
        used = [each.price for each in one.used if each.price is not None]
        assert min(used) <= one.price <= max(used)
        assert one.price == median(used)


@given(some, limits, st.randoms())
def test_order_does_not_matter(prices: list[Decimal], limit: Decimal, random: object) -> None:
    """The same quotes under other names make the same price."""
    shuffled = list(prices)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert seen(prices, limit).price == seen(shuffled, limit).price


@given(some, limits, st.integers(1, 10**6), st.integers(-6, 6))
def test_scale_does_not_matter(prices: list[Decimal], limit: Decimal, factor: int, power: int) -> None:
    """Every price k times as large makes a price k times as large, by the same sources."""
    k = D(factor).scaleb(power)
    one, other = seen(prices, limit), seen([p * k for p in prices], limit)
    assert [i.verdict for i in one.inputs] == [i.verdict for i in other.inputs]
    if one.price is not None:
        assert other.price == one.price * k


@given(st.lists(near, min_size=1, max_size=9), st.integers(0, 8), st.decimals(min_value=0, max_value=5, places=6))
def test_raising_a_quote_never_lowers_the_price(prices: list[Decimal], which: int, by: Decimal) -> None:
    """Monotone in each quote, as long as the same sources are used."""
    raised = [price + by if i == which % len(prices) else price for i, price in enumerate(prices)]
    one, other = seen(prices), seen(raised)
    if one.price is not None and other.price is not None:
        same = [i.verdict for i in one.inputs] == [i.verdict for i in other.inputs]
        assert not same or other.price >= one.price


@given(some, limits)
def test_no_minority_rules(prices: list[Decimal], limit: Decimal) -> None:
    """Those that are used are at least two and a majority, or all there are, and agree within the limit."""
    points = [(price, D(0)) for price in prices]
    agreed = agree(points, limit, drop=True).agreed
    if agreed and len(prices) > 1:
        assert len(agreed) >= 2
        assert 2 * len(agreed) > len(prices)
    if agreed:
        assert spread_bps([points[i] for i in agreed]) <= limit


@given(st.integers(1, 4), st.lists(wide, max_size=4), limits)
def test_a_close_majority_is_always_heard(more: int, others: list[Decimal], limit: Decimal) -> None:
    """Whatever a minority says, a majority within a quarter of the limit is never refused, and sets the price."""
    others = others[: more - 1] if more > 1 else []
    count = max(2, len(others) + 1)
    close = [D(100) * (1 + limit / 80_000 * (i % 3 - 1)) for i in range(count)]
    one = seen(others + close, limit)
    assert one.price is not None
    assert abs(one.price - 100) <= D(100) * limit / 10_000


@given(near, st.decimals(min_value=1, max_value=500, places=2))
def test_exactly_the_limit_passes_and_one_part_more_fails(low: Decimal, limit: Decimal) -> None:
    """Two quotes exactly at the limit agree; moved by a part in 10^20 they do not."""
    middle, half = low, low * limit / 20_000
    exact = [(middle - half, D(0)), (middle + half, D(0))]
    assert agree(exact, limit, drop=True).agreed == (0, 1)
    beyond = [exact[0], (exact[1][0] + D("1e-20"), D(0))]
    assert agree(beyond, limit, drop=True).agreed == ()


@settings(max_examples=200)
@given(st.lists(wide, min_size=3, max_size=9), limits)
def test_refusing_is_stricter_than_dropping(prices: list[Decimal], limit: Decimal) -> None:
    """Whatever on_outlier = refuse accepts, drop accepts with the same price."""
    named = dict(zip(NAMES, prices, strict=False))
    strict, _ = observe(feed(*named, max_deviation_bps=limit, on_outlier="refuse"), dict(named))
    if strict.price is not None:
        assert seen(prices, limit).price == strict.price
