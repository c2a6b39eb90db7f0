"""Uniswap V3's tick arithmetic in exact integers.

Source: v3-core `TickMath.getSqrtRatioAtTick`, v3-periphery `OracleLibrary.consult` and `getQuoteAtTick`. Python's floor
division is what Solidity needs an extra step for: ticks round toward minus infinity.
"""

from __future__ import annotations

from decimal import Context, Decimal

MAX_TICK = 887272
Q96, Q128, Q192 = 2**96, 2**128, 2**192
_FACTORS = (
    0xFFFCB933BD6FAD37AA2D162D1A594001,
    0xFFF97272373D413259A46990580E213A,
    0xFFF2E50F5F656932EF12357CF3C7FDCC,
    0xFFE5CACA7E10E4E61C3624EAA0941CD0,
    0xFFCB9843D60F6159C9DB58835C926644,
    0xFF973B41FA98C081472E6896DFB254C0,
    0xFF2EA16466C96A3843EC78B326B52861,
    0xFE5DEE046A99A2A811C461F1969C3053,
    0xFCBE86C7900A88AEDCFFC83B479AA3A4,
    0xF987A7253AC413176F2B074CF7815E54,
    0xF3392B0822B70005940C7A398E4B70F3,
    0xE7159475A2C29B7443B29C7FA6E889D9,
    0xD097F3BDFD2022B8845AD8F792AA5825,
    0xA9F746462D870FDF8A65DC1F90E061E5,
    0x70D869A156D2A1B890BB3DF62BAF32F7,
    0x31BE135F97D08FD981231505542FCFA6,
    0x9AA508B5B7A84E1C677DE54F3E99BC9,
    0x5D6AF8DEDB81196699C329225EE604,
    0x2216E584F5FA1EA926041BEDFE98,
    0x48A170391F7DC42444E8FA2,
)


def sqrt_ratio_at_tick(tick: int) -> int:
    """√1.0001^tick in Q64.96, rounded up as the pool does. Raises ValueError beyond ±887272."""
    steps = abs(tick)
    if steps > MAX_TICK:
        raise ValueError(f"tick {tick} is beyond ±{MAX_TICK}")
    ratio = Q128
    for bit, factor in enumerate(_FACTORS):
        if steps >> bit & 1:
            ratio = ratio * factor >> 128
    if tick > 0:
        ratio = (2**256 - 1) // ratio
    return (ratio >> 32) + (1 if ratio % 2**32 else 0)


def mean_tick(older: int, newer: int, window_s: int) -> int:
    """The time-weighted tick between two cumulatives (int56, wrapping) `window_s` apart."""
    return wrapped(newer - older, 56) // window_s


def wrapped(value: int, bits: int) -> int:
    """The signed integer of so many bits that `value` is congruent to."""
    value %= 1 << bits
    return value - (1 << bits) if value >> (bits - 1) else value


def harmonic_liquidity(older: int, newer: int, window_s: int) -> int:
    """The time-weighted harmonic mean of liquidity from seconds-per-liquidity cumulatives (uint160, Q128, wrapping)."""
    delta = (newer - older) % 2**160
    return Q128 - 1 if delta == 0 else min(window_s * (2**160 - 1) // (delta << 32), Q128 - 1)


def quote_at_tick(tick: int, base_amount: int, base_is_token0: bool) -> int:
    """How much quote token `base_amount` of the base token is worth, to the last unit as on chain."""
    root = sqrt_ratio_at_tick(tick)
    ratio, one = (root * root, Q192) if root <= Q128 - 1 else (root * root >> 64, Q128)
    return ratio * base_amount // one if base_is_token0 else one * base_amount // ratio


def price_at_root(root: int, base_decimals: int, quote_decimals: int, base_is_token0: bool) -> Decimal:
    """The price of a whole base token in whole quote tokens at a √ratio in Q64.96, to 34 digits."""
    exact, short = Context(prec=120), Context(prec=34)
    ratio = exact.divide(Decimal(root * root), Decimal(Q192))
    price = ratio if base_is_token0 else exact.divide(Decimal(1), ratio)
    return short.plus(price.scaleb(base_decimals - quote_decimals, exact))


def price_at_tick(tick: int, base_decimals: int, quote_decimals: int, base_is_token0: bool) -> Decimal:
    """The price at a whole tick: what `quote_at_tick` rounds down."""
    return price_at_root(sqrt_ratio_at_tick(tick), base_decimals, quote_decimals, base_is_token0)
