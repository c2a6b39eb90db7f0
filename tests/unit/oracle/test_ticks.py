"""Tick arithmetic is exact: expected values are computed here in another way, or published by v3-core's own tests."""

from __future__ import annotations

from decimal import Context, Decimal, localcontext

import pytest

from oracle.ticks import (
    MAX_TICK,
    harmonic_liquidity,
    mean_tick,
    price_at_root,
    price_at_tick,
    quote_at_tick,
    sqrt_ratio_at_tick,
    wrapped,
)

# v3-core TickMath.spec.ts and its snapshots
SNAPSHOTS = {
    -887272: 4295128739,
    887272: 1461446703485210103287273052203988822378723970342,
    -50: 79030349367926598376800521322,
    50: 79426470787362580746886972461,
    -100: 78833030112140176575862854579,
    100: 79625275426524748796330556128,
    -250: 78244023372248365697264290337,
    250: 80224679980005306637834519095,
    0: 79228162514264337593543950336,
}


@pytest.mark.parametrize(("tick", "ratio"), SNAPSHOTS.items())
def test_published_ratios(tick: int, ratio: int) -> None:
    """Every published ratio is met to the last unit, both extremes included."""
    assert sqrt_ratio_at_tick(tick) == ratio


@pytest.mark.parametrize("tick", [0, 1, -1, 7, -7, 1000, -1000, 76012, -76012, 200311, -276324, 500000, -500000, 700000,
                                  -700000, 887271, -887271, MAX_TICK, -MAX_TICK])  # fmt: skip
def test_ratios_against_high_precision_powers(tick: int) -> None:
    """√1.0001^tick · 2^96, computed with 120 digits, is within a part in 10^19 or one unit of the pool's ratio."""
    with localcontext(Context(prec=120)):
        exact = (Decimal("1.0001") ** Decimal(tick)).sqrt() * 2**96
        off = abs(Decimal(sqrt_ratio_at_tick(tick)) - exact)
        assert off <= max(Decimal(1), exact * Decimal("1e-19"))


@pytest.mark.parametrize("tick", [MAX_TICK + 1, -MAX_TICK - 1])
def test_beyond_the_extremes_there_is_no_ratio(tick: int) -> None:
    """Ticks beyond ±887272 do not exist."""
    with pytest.raises(ValueError, match="beyond"):
        sqrt_ratio_at_tick(tick)


def test_mean_ticks_round_toward_minus_infinity() -> None:
    """As in OracleLibrary.consult: truncation, and one less for a negative remainder."""
    assert mean_tick(0, 100, 30) == 3
    assert mean_tick(0, -100, 30) == -4
    assert mean_tick(0, -90, 30) == -3
    assert mean_tick(-90, 0, 30) == 3


def test_cumulatives_wrap() -> None:
    """A difference across the wrap of int56 or uint160 is the true one."""
    assert mean_tick(2**55 - 10, -(2**55) + 20, 30) == 1
    assert wrapped(2**55, 56) == -(2**55)
    assert harmonic_liquidity(2**160 - 5, 2**96 - 5, 100) == harmonic_liquidity(0, 2**96, 100)


def test_harmonic_liquidity_is_what_the_library_computes() -> None:
    """Constant liquidity L over T seconds reads as L, up to the rounding of the cumulative."""
    window, liquidity = 1800, 10**18
    delta = (window << 128) // liquidity
    assert abs(harmonic_liquidity(0, delta, window) - liquidity) <= liquidity // 10**18 + 1
    assert harmonic_liquidity(5, 5, window) == 2**128 - 1


EXTREMES = [  # v3-periphery OracleLibrary.spec.ts, getQuoteAtTick
    (-887272, 2**128 - 1, True, 1),
    (-887272, 2**128 - 1, False, 115783384738768196242144082653949453838306988932806144552194799290216044976282),
    (887272, 2**128 - 1, True, 115783384785599357996676985412062652720342362943929506828539444553934033845703),
    (887272, 2**128 - 1, False, 1),
]


@pytest.mark.parametrize(("tick", "amount", "base_is_token0", "expected"), EXTREMES)
def test_published_quotes_at_the_extremes(tick: int, amount: int, base_is_token0: bool, expected: int) -> None:
    """The periphery's own four extreme quotes come out to the last unit."""
    assert quote_at_tick(tick, amount, base_is_token0) == expected


@pytest.mark.parametrize("tick", [-276324, -200311, 0, 76012, 200311])
@pytest.mark.parametrize("base_is_token0", [True, False])
def test_a_price_is_a_quote_that_was_not_rounded_down(tick: int, base_is_token0: bool) -> None:
    """The price of 10^18 base units, in quote units, is the on-chain quote up to its rounding."""
    price = price_at_tick(tick, 18, 6, base_is_token0) * 10**6
    assert int(price) - quote_at_tick(tick, 10**18, base_is_token0) in (0, 1) or price > 10**20


def test_decimals_scale() -> None:
    """A pool of 18 and 6 decimals: USDC per WETH from a known √price (3,000 USDC for 1 WETH, token0 = USDC)."""
    with localcontext(Context(prec=60)):
        root = int((Decimal(10**18) / Decimal(3000 * 10**6)).sqrt() * 2**96)
    price = price_at_root(root, 18, 6, base_is_token0=False)
    assert abs(price - 3000) < Decimal("1e-15")
    inverse = price_at_root(root, 6, 18, base_is_token0=True)
    assert abs(inverse * 3000 - 1) < Decimal("1e-15")
