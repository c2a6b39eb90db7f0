"""One file a source: how it is asked, how it is read, how much it allows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from oracle.onchain import Reader
from oracle.params import Params
from oracle.sources import (
    binance,
    bitstamp,
    bybit,
    chainlink,
    coinbase,
    coingecko,
    curve,
    gate,
    hermes,
    kraken,
    kucoin,
    okx,
    pyth,
    uniswap_v2,
    uniswap_v3,
)
from oracle.venue import Venue

VENUES: Mapping[str, Venue] = MappingProxyType(
    {
        one.name: one
        for one in (
            binance.VENUE,
            bitstamp.VENUE,
            bybit.VENUE,
            coinbase.VENUE,
            coingecko.VENUE,
            gate.VENUE,
            hermes.VENUE,
            kraken.VENUE,
            kucoin.VENUE,
            okx.VENUE,
        )
    }
)
READERS: Mapping[str, Callable[[Params], Reader]] = MappingProxyType(
    {
        "chainlink": chainlink.reader,
        "pyth": pyth.reader,
        "uniswap_v3": uniswap_v3.reader,
        "uniswap_v2": uniswap_v2.reader,
        "curve": curve.reader,
    }
)
MANUAL = "manual"
