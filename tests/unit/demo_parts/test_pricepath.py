"""One market, told the same way to everybody."""

import itertools
from decimal import Decimal

import pytest

from demo.pricepath import MARKETS, PricePath

NOW_MS = 1_795_000_000_000
DAY_MS = 86_400_000


def test_the_same_seed_tells_the_same_story() -> None:
    """A price depends on seed, pair and time only; these are pinned so that no release tells it differently."""
    path = PricePath("usdx")
    assert {pair: path.price_e8(pair, NOW_MS + 123) for pair in MARKETS} == {
        "ETH/USD": 3_197_37140100,
        "USDT/USD": 99963401,
    }
    assert PricePath("usdx") == path


def test_another_seed_tells_another_story() -> None:
    """Seeds are independent."""
    assert PricePath("a").price_e8("ETH/USD", NOW_MS) != PricePath("b").price_e8("ETH/USD", NOW_MS)


def test_prices_are_decimals_with_eight_places() -> None:
    """A price is the integer in 1e-8, exactly."""
    path = PricePath("usdx")
    assert path.price("ETH/USD", NOW_MS) == Decimal(path.price_e8("ETH/USD", NOW_MS)) / 10**8


@pytest.mark.parametrize("pair", MARKETS)
def test_a_price_moves_a_little_at_a_time(pair: str) -> None:
    """From one second to the next no price moves by more than 3 bps."""
    path = PricePath("usdx")
    prices = [path.price_e8(pair, NOW_MS + second * 1000) for second in range(3_600)]
    assert max(abs(b - a) * 10_000 // a for a, b in itertools.pairwise(prices)) < 3
    assert len(set(prices)) > 100


@pytest.mark.parametrize("seed", ["usdx", "1", "2", "3"])
def test_a_half_hour_average_stays_within_150_bps(seed: str) -> None:
    """Feed, pool average and exchanges agree by construction: no window up to 30 minutes strays too far."""
    path = PricePath(seed)
    prices = [path.price_e8("ETH/USD", NOW_MS + second * 1000) for second in range(0, 86_400, 10)]
    window = 180
    strays = [
        abs(sum(prices[at - window : at]) // window - prices[at]) * 10_000 // prices[at]
        for at in range(window, len(prices), 30)
    ]
    assert max(strays) < 130


def test_usdt_stays_a_dollar() -> None:
    """USDT/USD never leaves a dollar by more than 10 bps."""
    path = PricePath("usdx")
    prices = [path.price("USDT/USD", NOW_MS + at) for at in range(0, 30 * DAY_MS, 1_800_000)]
    assert max(abs(price - 1) for price in prices) <= Decimal("0.001")
