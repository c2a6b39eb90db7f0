"""Uniswap V2: the average price between two cumulatives that we noted ourselves, at least a window apart.

Spec: v2-periphery `UniswapV2OracleLibrary.currentCumulativePrices`, `ExampleOracleSimple`. Cumulatives are UQ112x112
times seconds and wrap on purpose. Until the window has elapsed there is no price: spot is never a substitute.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from decimal import Context, Decimal

from oracle.errors import Unreadable
from oracle.model import Ticker, Timing
from oracle.onchain import EthCall, Sample, View
from oracle.params import Params, address, flag, whole
from oracle.reasons import Reason
from oracle.sources.uniswap_v3 import window
from oracle.words import call_data, uint

GET_RESERVES = "0902f1ac"
PRICE0_CUMULATIVE = "5909c0d5"
PRICE1_CUMULATIVE = "5a3d5493"
Q112 = 2**112


@dataclass(frozen=True, slots=True)
class UniswapV2:
    """One pair of tokens; its decimals must be given, the pair does not tell them."""

    pool: bytes
    base_decimals: int
    quote_decimals: int
    window_s: int = 1800
    base_is_token0: bool = True

    @property
    def timing(self) -> Timing:
        return "update"

    def calls(self) -> tuple[EthCall, ...]:
        cumulative = PRICE0_CUMULATIVE if self.base_is_token0 else PRICE1_CUMULATIVE
        return (EthCall(self.pool, call_data(GET_RESERVES)), EthCall(self.pool, call_data(cumulative)))

    def more(self, view: View) -> tuple[EthCall, ...]:
        return ()

    def note(self, view: View) -> Sample | None:
        """The cumulative as of this block, if it can be read."""
        with suppress(Unreadable):
            return self._cumulative(view)
        return None

    def read(self, view: View) -> Ticker:
        base, quote, _ = self._reserves(view)
        now = self._cumulative(view)
        before = self._old_enough(view)
        average = (now.value - before.value) % 2**256 // (now.at_s - before.at_s)
        return Ticker(
            price=self._price(average, Q112),
            spot=self._price(quote, base),
            liquidity=Decimal(base).scaleb(-self.base_decimals),
            time_s=float(view.block_time_s),
        )

    def _cumulative(self, view: View) -> Sample:
        """The stored cumulative brought up to this block, as the library does without a transaction."""
        base, quote, last = self._reserves(view)
        elapsed = (view.block_time_s - last) % 2**32
        stored = uint(view.answers[1], 0, "priceCumulativeLast()")
        return Sample(view.block_time_s, (stored + (quote * Q112 // base) * elapsed) % 2**256)

    def _reserves(self, view: View) -> tuple[int, int, int]:
        what = "getReserves()"
        sides = (uint(view.answers[0], 0, what), uint(view.answers[0], 1, what))
        base, quote = sides if self.base_is_token0 else (sides[1], sides[0])
        if not base or not quote:
            raise Unreadable(Reason.ILLIQUID, "the pool is empty")
        return base, quote, uint(view.answers[0], 2, what)

    def _old_enough(self, view: View) -> Sample:
        """The youngest sample that is a whole window old."""
        old = [one for one in view.past if view.block_time_s - one.at_s >= self.window_s]
        if not old:
            oldest_s = max((view.block_time_s - one.at_s for one in view.past), default=0)
            raise Unreadable(Reason.WINDOW, f"{oldest_s} of {self.window_s} s seen so far")
        return max(old, key=lambda one: one.at_s)

    def _price(self, above: int, below: int) -> Decimal:
        context = Context(prec=34)
        return context.divide(Decimal(above), Decimal(below)).scaleb(self.base_decimals - self.quote_decimals, context)


def reader(params: Params) -> UniswapV2:
    return UniswapV2(
        pool=params.take("pool", address),
        base_decimals=params.take("base_decimals", whole(0, 40)),
        quote_decimals=params.take("quote_decimals", whole(0, 40)),
        window_s=params.take("window", window, 1800),
        base_is_token0=params.take("base_is_token0", flag, True),
    )
