"""The keeper moves the pool to the tick of the market's price."""

from decimal import Decimal, localcontext

import pytest

from demo.keeper import pool_tick


@pytest.mark.parametrize("price", ["1", "0.0001", "3150.12345678", "99999.99", "3150"])
def test_a_tick_is_the_last_below_the_price(price: str) -> None:
    """1.0001 ** tick is at most the raw price and 1.0001 ** (tick + 1) above it, for both orders of the tokens."""
    with localcontext(prec=60):
        raw = Decimal(price).scaleb(-12)
        for ratio, base_is_token0 in ((raw, True), (1 / raw, False)):
            tick = pool_tick(Decimal(price), base_is_token0=base_is_token0)
            assert Decimal("1.0001") ** tick <= ratio < Decimal("1.0001") ** (tick + 1)
