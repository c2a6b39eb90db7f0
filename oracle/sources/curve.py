"""Curve: a pool's own moving average `price_oracle`, 18 decimals, of coin i in coin 0.

Spec: docs.curve.finance (stableswap-ng and tricrypto-ng oracles). Pools deployed before 2023-12-12 09:39:35 UTC whose
coins have not all 18 decimals average wrongly and are refused when the configuration is read.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Context, Decimal

from oracle.model import Ticker, Timing
from oracle.onchain import EthCall, Sample, View
from oracle.params import Params, address, flag, whole
from oracle.words import call_data, small, uint

PRICE_ORACLE_I = "68727653"
PRICE_ORACLE = "86fc88d3"
LAST_PRICE_I = "3931ab52"
LAST_PRICE = "fde625e6"
MENDED = datetime(2023, 12, 12, tzinfo=UTC).date()


@dataclass(frozen=True, slots=True)
class Curve:
    """One price of one pool; not `indexed` for pools of two coins whose functions take no index."""

    pool: bytes
    index: int = 0
    indexed: bool = True
    inverted: bool = False

    @property
    def timing(self) -> Timing:
        return "update"

    def calls(self) -> tuple[EthCall, ...]:
        if not self.indexed:
            return (EthCall(self.pool, call_data(PRICE_ORACLE)), EthCall(self.pool, call_data(LAST_PRICE)))
        return tuple(EthCall(self.pool, call_data(name, self.index)) for name in (PRICE_ORACLE_I, LAST_PRICE_I))

    def more(self, view: View) -> tuple[EthCall, ...]:
        return ()

    def note(self, view: View) -> Sample | None:
        return None

    def read(self, view: View) -> Ticker:
        average = self._price(uint(view.answers[0], 0, "price_oracle()"))
        spot = self._price(uint(view.answers[1], 0, "last_price()")) if view.answers[1] else None
        return Ticker(price=average, spot=spot or None, time_s=float(view.block_time_s))

    def _price(self, value: int) -> Decimal:
        price = Decimal(small(value, 2**128, "price_oracle()")).scaleb(-18)
        return Context(prec=34).divide(Decimal(1), price) if self.inverted and price else price


def reader(params: Params) -> Curve:
    pool = Curve(
        pool=params.take("pool", address),
        index=params.take("index", whole(0, 7), 0),
        indexed=params.take("indexed", flag, True),
        inverted=params.take("inverted", flag, False),
    )
    deployed = params.take("deployed", day, date.max)
    coins: tuple[int, ...] = params.take("coin_decimals", places, ())
    if deployed <= MENDED and any(one != 18 for one in coins):
        expected = (
            "a pool deployed after 2023-12-12: averages of older ones are wrong unless all coins have 18 decimals"
        )
        params.problems.append(("deployed", expected, deployed))
    return pool


def day(value: object) -> date:
    if isinstance(value, date):
        return value
    if isinstance(value, str):
        return date.fromisoformat(value)
    raise ValueError("a day such as 2024-05-01")


def places(value: object) -> tuple[int, ...]:
    if not isinstance(value, list):
        raise ValueError("a list such as [18, 6]")
    return tuple(whole(0, 40)(one) for one in value)
