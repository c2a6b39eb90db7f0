"""Uniswap V3: the time-weighted average of a pool over a window, in exact integers.

Spec: v3-core `IUniswapV3PoolDerivedState.observe`, v3-periphery `OracleLibrary`. A pool that keeps too few observations
has no average and is refused; a quiet pool extrapolates its last tick, which is right: nobody traded.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from oracle.errors import Unreadable
from oracle.model import Ticker, Timing
from oracle.onchain import EthCall, Sample, View, decimals
from oracle.params import Params, address, flag, optional, whole
from oracle.params import seconds as seconds_
from oracle.reasons import Reason
from oracle.ticks import MAX_TICK, harmonic_liquidity, mean_tick, price_at_root, price_at_tick
from oracle.words import array, call_data, small, uint

SLOT0 = "3850c7bd"
OBSERVE = "883bdbfd"
OBSERVATIONS = "252c09d7"
TOKEN0 = "0dfe1681"
TOKEN1 = "d21220a7"
DECIMALS = "313ce567"


@dataclass(frozen=True, slots=True)
class UniswapV3:
    """One pool; decimals are read from the tokens unless given."""

    pool: bytes
    window_s: int = 1800
    base_is_token0: bool = True
    base_decimals: int | None = None
    quote_decimals: int | None = None
    min_cardinality: int = 2

    @property
    def timing(self) -> Timing:
        return "update"

    def calls(self) -> tuple[EthCall, ...]:
        observe = call_data(OBSERVE, 32, 2, self.window_s, 0)
        names = (call_data(SLOT0), observe, call_data(TOKEN0), call_data(TOKEN1))
        return tuple(EthCall(self.pool, data) for data in names)

    def more(self, view: View) -> tuple[EthCall, ...]:
        """The oldest observation (behind the newest in the ring, or the first of all), and the tokens' decimals."""
        try:
            index, cardinality = uint(view.answers[0], 2, "slot0()"), uint(view.answers[0], 3, "slot0()")
            tokens = [uint(view.answers[i], 0, "token()").to_bytes(32, "big")[12:] for i in (2, 3)]
        except Unreadable:
            return ()
        oldest = (index + 1) % max(cardinality, 1)
        return (
            EthCall(self.pool, call_data(OBSERVATIONS, oldest)),
            EthCall(self.pool, call_data(OBSERVATIONS, 0)),
            *(EthCall(token, call_data(DECIMALS)) for token in tokens),
        )

    def note(self, view: View) -> Sample | None:
        return None

    def read(self, view: View) -> Ticker:
        self._has_a_window(view)
        what, answer = "observe()", view.answers[1]
        ticks, per_liquidity = array(answer, 0, what, signed=True), array(answer, 1, what)
        if len(ticks) != 2 or len(per_liquidity) != 2:
            raise Unreadable(Reason.MALFORMED, f"observe() answered {len(ticks)} ticks")
        tick = small(mean_tick(ticks[0], ticks[1], self.window_s), MAX_TICK, "the mean tick")
        root = uint(view.answers[0], 0, "slot0()")
        if not 0 < root < 2**160:
            raise Unreadable(Reason.MALFORMED, f"slot0() answered a root of {root}")
        sides = (*self._decimals(view), self.base_is_token0)
        return Ticker(
            price=price_at_tick(tick, *sides),
            spot=price_at_root(root, *sides),
            liquidity=Decimal(harmonic_liquidity(per_liquidity[0], per_liquidity[1], self.window_s)),
            time_s=float(view.block_time_s),
            note=f"tick {tick}, keeps {uint(view.answers[0], 3, 'slot0()')} observations",
        )

    def _has_a_window(self, view: View) -> None:
        cardinality = uint(view.answers[0], 3, "slot0()")
        if cardinality < self.min_cardinality:
            detail = f"the pool keeps {cardinality} observations, needs {self.min_cardinality}"
            raise Unreadable(Reason.WINDOW, detail)
        oldest, first = view.more[0], view.more[1]
        chosen = oldest if uint(oldest, 3, "observations()") else first
        age_s = (view.block_time_s - uint(chosen, 0, "observations()")) % 2**32
        if age_s < self.window_s:
            raise Unreadable(Reason.WINDOW, f"the oldest observation is {age_s} s old, the window {self.window_s} s")

    def _decimals(self, view: View) -> tuple[int, int]:
        base, quote = (view.more[2], view.more[3]) if self.base_is_token0 else (view.more[3], view.more[2])
        return (
            decimals(base, self.base_decimals, "the base token's decimals()"),
            decimals(quote, self.quote_decimals, "the quote token's decimals()"),
        )


def reader(params: Params) -> UniswapV3:
    return UniswapV3(
        pool=params.take("pool", address),
        window_s=params.take("window", window, 1800),
        base_is_token0=params.take("base_is_token0", flag, True),
        base_decimals=params.take("base_decimals", optional(whole(0, 40)), None),
        quote_decimals=params.take("quote_decimals", optional(whole(0, 40)), None),
        min_cardinality=params.take("min_cardinality", whole(1, 65535), 2),
    )


def window(value: object) -> int:
    """Whole seconds from 1 s to a week."""
    found = seconds_(value)
    if found != int(found) or not 1 <= found <= 604_800:
        raise ValueError("whole seconds from 1s to 7d")
    return int(found)
