"""The nouns of the oracle: Pair, Ticker, Quote, Leg, Input, Observation, Round."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal

from oracle.reasons import Reason

Result = Literal["fresh", "cached", "refused"]
Verdict = Literal["used", "dropped", "failed"]
Standing = Literal["independent", "derivative", "manual"]
Timing = Literal["live", "update"]


@dataclass(frozen=True, slots=True, order=True)
class Pair:
    """How many `quote` one `base` costs; USDT is an asset of its own and never USD."""

    base: str
    quote: str

    @classmethod
    def parse(cls, text: str) -> Pair:
        """Read "ETH/USD". Raises ValueError when it is anything but two names and one slash."""
        base, slash, quote = text.partition("/")
        if not (slash and base and quote) or "/" in quote or base == quote:
            raise ValueError(f"{text!r} is no pair such as ETH/USD")
        return cls(base, quote)

    def __str__(self) -> str:
        return f"{self.base}/{self.quote}"

    @property
    def asset(self) -> str:
        """The label of this pair in metrics: the bare base when it is priced in dollars."""
        return self.base if self.quote == "USD" else str(self)


@dataclass(frozen=True, slots=True)
class Ticker:
    """What one answer says about one symbol, before anybody judges it.

    `time_s` is the venue's own time of the price; `server_time_s` is the venue's clock when it answered,
    which says nothing of the price but much of our own clock. `confidence` is half a width, in the price's unit.
    `claims` is the pair an on-chain feed says it is; `spot` the momentary price beside a time-weighted one; `note` is
    for a person who checks the source.
    """

    price: Decimal
    time_s: float | None = None
    server_time_s: float | None = None
    sequence: str | None = None
    confidence: Decimal | None = None
    volume: Decimal | None = None
    liquidity: Decimal | None = None
    spot: Decimal | None = None
    claims: str | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Refused:
    """Why there is no price: a word from the closed set, and the details for a person."""

    reason: Reason
    detail: str = ""


Outcome = Ticker | Refused


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote(Ticker):
    """A ticker with the source that gave it, the pair it is of, and the time we received it (wall and monotonic)."""

    source: str
    pair: Pair
    received_at_s: float
    received_mono_s: float

    @property
    def oldest_s(self) -> float:
        """The venue's own time, or that of receipt when the venue gives none."""
        return self.received_at_s if self.time_s is None else self.time_s


@dataclass(frozen=True, slots=True)
class Fetched:
    """What became of asking one source once; `duration_s` until the answer or the deadline."""

    source: str
    outcome: Quote | Refused
    duration_s: float


@dataclass(frozen=True, slots=True)
class Leg:
    """One conversion: the observation of `pair` that was multiplied with (or, inverted, divided by)."""

    pair: Pair
    inverted: bool = False

    def __str__(self) -> str:
        return f"1/({self.pair})" if self.inverted else str(self.pair)


@dataclass(frozen=True, slots=True)
class Input:
    """One source's part in an observation: its quote, the price it came to, and the verdict."""

    source: str
    verdict: Verdict
    group: str
    quote: Quote | None = None
    price: Decimal | None = None
    slack_bps: Decimal = Decimal(0)
    reason: Reason | None = None
    detail: str = ""
    deviation_bps: Decimal | None = None
    unchanged_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Observation:
    """What the sources of one feed came to in one round, with its whole derivation.

    `fresh` has a price that may be published; `cached` repeats the last good one and is never published; `refused`
    has none. `reason` says what stood in the way of a fresh one. `confidence` is 0.5, 0.7 or 0.9, decaying when cached.
    """

    feed: Pair
    result: Result
    observed_at_s: float
    price: Decimal | None = None
    reason: Reason | None = None
    detail: str = ""
    spread_bps: Decimal | None = None
    confidence: Decimal = Decimal(0)
    groups: tuple[str, ...] = ()
    inputs: tuple[Input, ...] = ()
    legs: Mapping[Pair, Conversion] = field(default_factory=dict)
    oldest_input_at_s: float | None = None
    clock_skew_s: float | None = None
    published: bool = False

    @property
    def used(self) -> tuple[Input, ...]:
        """The inputs the price stands on."""
        return tuple(one for one in self.inputs if one.verdict == "used")


@dataclass(frozen=True, slots=True)
class Conversion:
    """A leg's value as the round found it, or why it could not be used."""

    price: Decimal
    spread_bps: Decimal
    observed_at_s: float
    refused: Refused | None = None


@dataclass(frozen=True, slots=True)
class Round:
    """One round of one feed: what was fetched and what it came to."""

    observation: Observation
    fetched: tuple[Fetched, ...]
    duration_s: float
    missed_ticks: int = 0
