"""Say what a pair costs at any moment of the demo's made-up market.

A pure function of the seed and the time, so that exchanges, feed and pool agree without talking to each other, and a
checker knows the truth. Noise of several periods is laid over each other, integers only; the amplitudes are chosen so
that a time-weighted average of up to 30 minutes stays within 150 bps of the price.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from hashlib import blake2b
from types import MappingProxyType

E8 = 10**8
_BP = E8 // 10_000


@dataclass(frozen=True, slots=True)
class Wave:
    """Noise that takes a new random value within ±`amplitude_bps` every `period_ms`, straight lines between them."""

    period_ms: int
    amplitude_bps: int


@dataclass(frozen=True, slots=True)
class Market:
    """Where a price hovers, in 1e-8, and how it moves."""

    base_e8: int
    waves: tuple[Wave, ...]


MARKETS: Mapping[str, Market] = MappingProxyType(
    {
        "ETH/USD": Market(
            3_150 * E8,
            (Wave(21_600_000, 300), Wave(3_600_000, 60), Wave(600_000, 25), Wave(60_000, 8), Wave(5_000, 2)),
        ),
        "USDT/USD": Market(E8, (Wave(3_600_000, 6), Wave(600_000, 3), Wave(60_000, 1))),
    }
)


@dataclass(frozen=True, slots=True)
class PricePath:
    """The truth about every price; the same seed tells the same story."""

    seed: str

    def price(self, pair: str, at_ms: int) -> Decimal:
        """What one unit of the base costs at a unix time in milliseconds, with eight decimals."""
        return Decimal(self.price_e8(pair, at_ms)).scaleb(-8)

    def price_e8(self, pair: str, at_ms: int) -> int:
        """The same in 1e-8, as a Chainlink feed answers it."""
        market = MARKETS[pair]
        moves = (self.noise_e8(pair, wave, at_ms) for wave in market.waves)
        return market.base_e8 * (E8 + sum(moves)) // E8

    def noise_e8(self, name: str, wave: Wave, at_ms: int) -> int:
        """A wave's value at a time as a fraction of 1, in 1e-8; `name` tells waves of the same shape apart."""
        lattice, inside_ms = divmod(at_ms, wave.period_ms)
        left, right = self._random(name, wave, lattice), self._random(name, wave, lattice + 1)
        return (left * (wave.period_ms - inside_ms) + right * inside_ms) // wave.period_ms

    def _random(self, name: str, wave: Wave, lattice: int) -> int:
        digest = blake2b(f"{self.seed}|{name}|{wave.period_ms}|{lattice}".encode(), digest_size=8).digest()
        amplitude_e8 = wave.amplitude_bps * _BP
        return int.from_bytes(digest) % (2 * amplitude_e8 + 1) - amplitude_e8
