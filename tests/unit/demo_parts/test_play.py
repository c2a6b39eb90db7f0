"""The play is a pure function of seed, number, clock and book."""

from collections import Counter
from dataclasses import replace

import pytest

from demo.book import Action, Book
from demo.deploy import users
from demo.play import choose

PLAYERS = users(6)
TERMS_MS = (24_000, 36_000, 72_000)


def play(seed: str, length: int, rate_per_s: int = 20) -> tuple[list[Action], Book]:
    """Every action of a play in which each succeeds, and the book after it."""
    book, actions = Book(TERMS_MS), []
    for number in range(length):
        now_ms = number * 1000 // rate_per_s
        actions.append(choose(seed, number, now_ms, book, PLAYERS))
        book.apply(actions[-1], now_ms)
    return actions, book


def test_the_same_seed_plays_the_same() -> None:
    """Action by action."""
    assert play("a", 500) == play("a", 500)
    assert play("a", 50)[0] != play("b", 50)[0]


def test_choosing_changes_nothing() -> None:
    """The book is only read."""
    _, book = play("a", 300)
    before = {wexel: replace(note) for wexel, note in book.notes.items()}
    choose("a", 300, 15_000, book, PLAYERS)
    assert book.notes == before


def test_everything_happens() -> None:
    """Users do everything that the protocol knows, deposits in every pool among it."""
    actions, _ = play("a", 3_000)
    assert {action.function for action in actions} == {
        *("deposit", "boost", "accrue", "claim", "collateralize", "repay"),
        *("list", "cancel", "buy", "transferFrom", "redeem"),
    }
    assert {action.arguments[0] for action in actions if action.function == "deposit"} == {1, 2, 3}
    assert {action.sender for action in actions} == set(PLAYERS)


def test_a_long_play_keeps_its_size() -> None:
    """Matured wexels are redeemed as fast as new ones come: the book stays small for ever."""
    actions, book = play("a", 20_000)
    kinds = Counter(action.function for action in actions)
    assert len(book.notes) < 600
    assert kinds["redeem"] > 0.9 * kinds["deposit"]


@pytest.mark.parametrize("seed", ["a", "b"])
def test_the_play_keeps_the_protocols_rules(seed: str) -> None:
    """What is chosen would not be refused: owners act, freely, in time, within limits."""
    book = Book(TERMS_MS)
    for number in range(4_000):
        now_ms = number * 50
        action = choose(seed, number, now_ms, book, PLAYERS)
        _check(action, book, now_ms)
        book.apply(action, now_ms)


def _check(action: Action, book: Book, now_ms: int) -> None:
    match action.function, action.arguments:
        case "deposit", (_, amount_usd):
            assert amount_usd >= 100 * 10**6
        case "buy", (listing,):
            assert next(note for note in book if note.listing == listing).owner != action.sender
        case "cancel", (listing,):
            assert next(note for note in book if note.listing == listing).owner == action.sender
        case "accrue", (wexel,):
            assert wexel in book.notes
        case "transferFrom", (sender, receiver, wexel):
            assert sender == action.sender == book.notes[wexel].owner != receiver
            assert book.notes[wexel].free
        case function, (wexel, *rest):
            note = book.notes[wexel]
            assert note.owner == action.sender
            assert function == "repay" or note.listing is None
            match function:
                case "boost":
                    assert note.boost_bp + rest[0] <= 500
                    assert now_ms < note.matures_ms
                case "collateralize":
                    assert not note.loan_usd
                    assert 0 < rest[0] <= note.principal_usd * 6 // 10
                case "list":
                    assert not note.loan_usd
                case "repay":
                    assert note.loan_usd
                case "redeem":
                    assert note.matures_ms < now_ms
                    assert not note.loan_usd
