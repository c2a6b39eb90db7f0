"""Chainlink AggregatorV3 and all that answers like it: decimals and description are read with every price.

Spec: docs.chain.link/data-feeds/api-reference (AggregatorV3Interface), …/l2-sequencer-feeds. `answeredInRound` is
deprecated and not looked at. Age is the rule `stale`'s, against this feed's own heartbeat; bounds are our own.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from oracle.errors import Unreadable
from oracle.model import Ticker, Timing
from oracle.onchain import EthCall, Sample, View, decimals
from oracle.params import Params, address, optional, seconds, whole
from oracle.rules.sequencer import sequencer_down
from oracle.words import call_data, sint, string, uint

LATEST_ROUND_DATA = "feaf968c"
DECIMALS = "313ce567"
DESCRIPTION = "7284e416"


@dataclass(frozen=True, slots=True)
class Chainlink:
    """One feed; `sequencer` is the rollup's uptime feed, where there is one."""

    address: bytes
    decimals: int | None = None
    sequencer: bytes | None = None
    sequencer_grace_s: float = 3600

    @property
    def timing(self) -> Timing:
        return "update"

    def calls(self) -> tuple[EthCall, ...]:
        own = tuple(EthCall(self.address, call_data(name)) for name in (LATEST_ROUND_DATA, DECIMALS, DESCRIPTION))
        return (*own, EthCall(self.sequencer, call_data(LATEST_ROUND_DATA))) if self.sequencer else own

    def more(self, view: View) -> tuple[EthCall, ...]:
        return ()

    def note(self, view: View) -> Sample | None:
        return None

    def read(self, view: View) -> Ticker:
        round_data = view.answers[0]
        if self.sequencer:
            self._sequencer_is_up(view)
        places = decimals(view.answers[1], self.decimals)
        return Ticker(
            price=Decimal(sint(round_data, 1, "latestRoundData()")).scaleb(-places),
            time_s=float(min(uint(round_data, 3, "latestRoundData()"), 2**40)),
            sequence=str(uint(round_data, 0, "latestRoundData()")),
            claims=string(view.answers[2], "description()"),
            note=f"{places} decimals",
        )

    def _sequencer_is_up(self, view: View) -> None:
        what = "the sequencer's latestRoundData()"
        answer, started_at = sint(view.answers[3], 1, what), uint(view.answers[3], 2, what)
        refused = sequencer_down(answer, started_at, view.now_s, self.sequencer_grace_s)
        if refused:
            raise Unreadable(refused.reason, refused.detail)


def reader(params: Params) -> Chainlink:
    return Chainlink(
        address=params.take("address", address),
        decimals=params.take("decimals", optional(whole(0, 40)), None),
        sequencer=params.take("sequencer", optional(address), None),
        sequencer_grace_s=params.take("sequencer_grace", seconds, 3600.0),
    )


def phase_and_round(round_id: int) -> tuple[int, int]:
    """A proxy's round id is phase << 64 | the aggregator's own round."""
    return round_id >> 64, round_id & (2**64 - 1)
