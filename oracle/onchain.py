"""What an on-chain source tells: which calls it needs, and how their answers are read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from oracle.errors import Unreadable
from oracle.model import Outcome, Refused, Ticker, Timing
from oracle.reasons import Reason
from oracle.words import uint

Answer = bytes | None  # None: the contract refused


@dataclass(frozen=True, slots=True)
class EthCall:
    """One eth_call: 20 bytes of address, and data."""

    to: bytes
    data: bytes


@dataclass(frozen=True, slots=True)
class Sample:
    """A cumulative price that we noted ourselves, at a block's time (unix seconds)."""

    at_s: int
    value: int


@dataclass(frozen=True, slots=True)
class View:
    """The answers of one block to a source's calls, in the order of its calls; `now_s` is our own time."""

    answers: tuple[Answer, ...]
    block_number: int
    block_time_s: int
    now_s: float
    more: tuple[Answer, ...] = ()
    past: Sequence[Sample] = ()


class Reader(Protocol):
    """An on-chain source. `read` raises nothing but `Unreadable`; the other methods raise nothing."""

    @property
    def timing(self) -> Timing: ...

    def calls(self) -> tuple[EthCall, ...]:
        """What to ask."""
        ...

    def more(self, view: View) -> tuple[EthCall, ...]:
        """What to ask in the same block once the first answers are known."""
        ...

    def note(self, view: View) -> Sample | None:
        """What to remember for later rounds."""
        ...

    def read(self, view: View) -> Ticker:
        """The price."""
        ...


def read(reader: Reader, view: View, max_block_age_s: float) -> Outcome:
    """A source's ticker, or why it has none; raises nothing, whatever the bytes."""
    age_s = view.now_s - view.block_time_s
    if age_s > max_block_age_s:
        return Refused(Reason.OLD_BLOCK, f"block {view.block_number} is {age_s:.0f} s old, limit {max_block_age_s:g} s")
    try:
        return reader.read(view)
    except Unreadable as exc:
        return exc.refused


def decimals(answer: Answer, declared: int | None, what: str = "decimals()") -> int:
    """The contract's decimals, which must be the declared ones where the configuration declares any."""
    found = uint(answer, 0, what)
    if found > 40:
        raise Unreadable(Reason.MALFORMED, f"{what} answered {found}")
    if declared is not None and found != declared:
        raise Unreadable(Reason.SCALE, f"{what} answered {found}, the configuration says {declared}")
    return found
