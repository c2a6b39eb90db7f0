"""Pyth on chain: `getPriceUnsafe` of the Pyth contract; needs no key, but somebody must push.

Spec: docs.pyth.network/price-feeds/api-reference/evm/get-price-unsafe. The exponent comes with every price.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from oracle.model import Ticker, Timing
from oracle.onchain import EthCall, Sample, View
from oracle.params import Params, address
from oracle.words import call_data, sint, small, uint

GET_PRICE_UNSAFE = "96834ad3"


@dataclass(frozen=True, slots=True)
class Pyth:
    """One price id at one Pyth contract."""

    address: bytes
    price_id: bytes

    @property
    def timing(self) -> Timing:
        return "update"

    def calls(self) -> tuple[EthCall, ...]:
        return (EthCall(self.address, call_data(GET_PRICE_UNSAFE, int.from_bytes(self.price_id, "big"))),)

    def more(self, view: View) -> tuple[EthCall, ...]:
        return ()

    def note(self, view: View) -> Sample | None:
        return None

    def read(self, view: View) -> Ticker:
        what, answer = "getPriceUnsafe()", view.answers[0]
        exponent = small(sint(answer, 2, what), 30, "the exponent")
        return Ticker(
            price=Decimal(small(sint(answer, 0, what), 2**63, "the price")).scaleb(exponent),
            confidence=Decimal(small(uint(answer, 1, what), 2**64, "the confidence")).scaleb(exponent),
            time_s=float(min(uint(answer, 3, what), 2**40)),
        )


def reader(params: Params) -> Pyth:
    return Pyth(address=params.take("address", address), price_id=params.take("price_id", price_id))


def price_id(value: object) -> bytes:
    """32 bytes of hex, with or without 0x."""
    if not isinstance(value, str) or len(value.removeprefix("0x")) != 64:
        raise ValueError("64 hex digits")
    return bytes.fromhex(value.removeprefix("0x"))
