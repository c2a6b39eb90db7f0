"""Decide what one of the protocol's users does next.

A pure function of the seed, the action's number, the play's clock and the book: the same seed gives the same play.
The clock may run behind the chain's but never before it, and by less than `_SLACK_MS`; so what is chosen here is not
refused there.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from random import Random
from types import MappingProxyType

from demo.book import Action, Book, Note

_SLACK_MS = 5_000
_BOOST_CAP_BP = 500
_LTV_PERCENT = 60
_DOLLARS = (100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000)
_USD = 10**6


@dataclass(frozen=True, slots=True)
class Scene:
    """What a choice is made from."""

    rng: Random
    now_ms: int
    book: Book
    users: tuple[str, ...]

    def one(self, wanted: Callable[[Note], bool]) -> Note | None:
        """Any wexel that fits, None when there is none."""
        found = [note for note in self.book if wanted(note)]
        return self.rng.choice(found) if found else None

    def somebody(self, but: str = "") -> str:
        """Any user, but not that one."""
        return self.rng.choice([user for user in self.users if user != but])

    def early(self, note: Note) -> bool:
        """Whether it is far from maturity: in the first two thirds of its term."""
        return self.now_ms < note.created_ms + (note.matures_ms - note.created_ms) * 2 // 3

    def rested(self, note: Note) -> bool:
        """Whether it has earned something since its yield was last booked."""
        return note.booked_ms + _SLACK_MS <= min(self.now_ms, note.matures_ms)

    def matured(self, note: Note) -> bool:
        """Whether it has matured on any clock."""
        return note.matures_ms + _SLACK_MS <= self.now_ms


def choose(seed: str, number: int, now_ms: int, book: Book, users: tuple[str, ...]) -> Action:
    """The play's action of that number."""
    scene = Scene(Random(f"{seed}/{number}"), now_ms, book, users)  # a str seeds by SHA-512, the same everywhere
    while True:
        if action := scene.rng.choice(_URN)(scene):
            return action


def _deposit(scene: Scene) -> Action:
    dollars, rng = scene.rng.choice(_DOLLARS), scene.rng
    amount_usd = dollars * _USD + rng.randrange(dollars) * _USD + rng.choice([0, 0, rng.randrange(_USD)])
    return _vault(scene.somebody(), "deposit", 1 + rng.randrange(len(scene.book.terms_ms)), amount_usd)


def _boost(scene: Scene) -> Action | None:
    note = scene.one(lambda note: note.listing is None and note.boost_bp < _BOOST_CAP_BP and scene.early(note))
    return (
        None
        if note is None
        else _vault(note.owner, "boost", note.wexel, 1 + scene.rng.randrange(min(250, _BOOST_CAP_BP - note.boost_bp)))
    )


def _accrue(scene: Scene) -> Action | None:
    note = scene.one(scene.rested)
    return None if note is None else _vault(scene.somebody(), "accrue", note.wexel)


def _claim(scene: Scene) -> Action | None:
    note = scene.one(lambda note: note.listing is None and scene.rested(note))
    if note is None:
        return None
    to = scene.somebody() if scene.rng.randrange(8) == 0 else note.owner
    return _vault(note.owner, "claim", note.wexel, to)


def _borrow(scene: Scene) -> Action | None:
    note = scene.one(lambda note: note.free and scene.early(note))
    if note is None:
        return None
    limit_usd = note.principal_usd * _LTV_PERCENT // 100
    return _vault(note.owner, "collateralize", note.wexel, limit_usd * (20 + scene.rng.randrange(81)) // 100)


def _repay(scene: Scene) -> Action | None:
    note = scene.one(lambda note: note.loan_usd > 0)
    return None if note is None else _vault(note.owner, "repay", note.wexel)


def _list(scene: Scene) -> Action | None:
    note = scene.one(lambda note: note.free and scene.early(note))
    if note is None:
        return None
    return _market(note.owner, "list", note.wexel, note.principal_usd * (95 + scene.rng.randrange(20)) // 100)


def _cancel(scene: Scene) -> Action | None:
    note = scene.one(lambda note: note.listing is not None)
    return None if note is None else _market(note.owner, "cancel", note.listing)


def _buy(scene: Scene) -> Action | None:
    note = scene.one(lambda note: note.listing is not None)
    return None if note is None else _market(scene.somebody(but=note.owner), "buy", note.listing)


def _give(scene: Scene) -> Action | None:
    note = scene.one(lambda note: note.free)
    return (
        None
        if note is None
        else _vault(note.owner, "transferFrom", note.owner, scene.somebody(but=note.owner), note.wexel)
    )


def _settle(scene: Scene) -> Action | None:
    """Bring a matured wexel nearer to its redemption."""
    note = scene.one(scene.matured)
    if note is None:
        return None
    if note.listing is not None:
        return _market(note.owner, "cancel", note.listing)
    return _vault(note.owner, "repay" if note.loan_usd else "redeem", note.wexel)


def _vault(sender: str, function: str, *arguments: object) -> Action:
    return Action(sender, "vault", function, arguments)


def _market(sender: str, function: str, *arguments: object) -> Action:
    return Action(sender, "marketplace", function, arguments)


_WEIGHTS: Mapping[Callable[[Scene], Action | None], int] = MappingProxyType(
    {
        _deposit: 22,
        _boost: 8,
        _accrue: 6,
        _claim: 10,
        _borrow: 10,
        _repay: 6,
        _list: 9,
        _cancel: 2,
        _buy: 7,
        _give: 2,
        _settle: 40,
    }
)
_URN = tuple(way for way, weight in _WEIGHTS.items() for _ in range(weight))
