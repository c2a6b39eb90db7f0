"""Keep in mind who holds which wexel, as far as the demo's users have to know."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Action:
    """One call that one user makes to `contract` (a name of the deployment)."""

    sender: str
    contract: str
    function: str
    arguments: tuple[Any, ...]


@dataclass(slots=True)
class Note:
    """A wexel that is not redeemed. Times are the play's own clock in ms; `listing` is its open listing's number."""

    wexel: int
    owner: str
    principal_usd: int
    created_ms: int
    matures_ms: int
    booked_ms: int
    boost_bp: int = 0
    loan_usd: int = 0
    listing: int | None = None

    @property
    def free(self) -> bool:
        """Neither collateral nor on sale."""
        return not self.loan_usd and self.listing is None


@dataclass(slots=True)
class Book:
    """Every wexel that is not redeemed, by number, oldest first."""

    terms_ms: tuple[int, ...]  # of the pools from 1 on
    notes: dict[int, Note] = field(default_factory=dict)
    last_wexel: int = 0
    last_listing: int = 0

    def __iter__(self) -> Iterator[Note]:
        return iter(self.notes.values())

    def apply(self, action: Action, now_ms: int) -> None:
        """Write down an action as if it had succeeded."""
        match action.function, action.arguments:
            case "deposit", (pool, amount_usd):
                self.last_wexel += 1
                matures_ms = now_ms + self.terms_ms[pool - 1]
                self.notes[self.last_wexel] = Note(
                    self.last_wexel, action.sender, amount_usd, now_ms, matures_ms, now_ms
                )
            case "transferFrom", (_, receiver, wexel):
                self.notes[wexel].owner = receiver
            case "list", (wexel, _):
                self.last_listing += 1
                self.notes[wexel].listing = self.last_listing
            case (("cancel" | "buy"), (listing,)):
                self._close(listing, action)
            case _, (wexel, *rest):
                self._change(self.notes[wexel], action.function, rest, now_ms)

    def _close(self, listing: int, action: Action) -> None:
        note = next(note for note in self if note.listing == listing)
        note.listing = None
        if action.function == "buy":
            note.owner = action.sender

    def _change(self, note: Note, function: str, rest: list[Any], now_ms: int) -> None:
        match function:
            case "boost":
                note.boost_bp += rest[0]
                note.booked_ms = now_ms
            case "accrue" | "claim":
                note.booked_ms = now_ms
            case "collateralize":
                note.loan_usd = rest[0]
            case "repay":
                note.loan_usd = 0
            case "redeem":
                del self.notes[note.wexel]
            case _:
                raise AssertionError(f"the book knows no {function}")
