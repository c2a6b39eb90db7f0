"""Remember which implementations were seen behind proxies, and whether their events are known."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256

from indexer.events import EventSpec
from indexer.proxies import Behind
from shared.db import Connection, Database

OF_PROXIES = frozenset(
    {
        "Upgraded(address)",
        "Upgraded(string,address)",
        "AdminChanged(address,address)",
        "BeaconUpgraded(address)",
        "ProxyOwnershipTransferred(address,address)",
    }
)
"""Events that proxies emit themselves: an ABI of nothing else is not that of an implementation."""


@dataclass(frozen=True, slots=True)
class Seen:
    """One implementation of a proxy. `abi` is the digest of the events that were configured when it was last judged."""

    implementation: bytes
    abi: bytes
    known: bool


@dataclass(frozen=True, slots=True)
class Place:
    """A configured address. `listed` are the implementations whose events the user says he has."""

    stream: str
    address: bytes
    abi: bytes
    listed: frozenset[bytes]


@dataclass(frozen=True, slots=True)
class Noted:
    """What became of a look. `before` is the implementation that was there until now, None when nothing changed."""

    known: bool
    before: bytes | None


def digest(events: Iterable[EventSpec]) -> bytes:
    """What tells one set of events from another."""
    return sha256("\n".join(sorted(event.full_signature for event in events)).encode()).digest()


def only_of_proxies(events: Sequence[EventSpec]) -> bool:
    """Whether no event is one that an implementation emits."""
    return all(event.signature in OF_PROXIES for event in events)


def known(history: Sequence[Seen], implementation: bytes, abi: bytes, listed: Collection[bytes]) -> bool:
    """Whether the configured events are those of an implementation, as far as anybody can say.

    They are believed to be for the first one ever seen, for those that the user lists, and for one that came since the
    events were changed, or before they were. Shape: `history` is oldest first.
    """
    if implementation in listed or not history:
        return True
    same = next((one for one in history if one.implementation == implementation), None)
    return same.known or same.abi != abi if same is not None else history[-1].abi != abi


class Implementations:
    """The record in the database."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def note(self, place: Place, behind: Behind) -> Noted:
        """Write down what stands behind a proxy now."""
        async with self._db.transaction() as cx:
            history = await _history(cx, place)
            fits = known(history, behind.implementation, place.abi, place.listed)
            new = all(one.implementation != behind.implementation for one in history)
            await cx.execute(
                """insert into usdx.implementations (stream, proxy, implementation, kind, abi, known)
                select stream, $2, $3, $4, $5, $6 from usdx.cursors where stream = $1
                on conflict (stream, proxy, implementation) do update set
                kind = excluded.kind, abi = excluded.abi, known = excluded.known
                where excluded.known and (implementations.abi, implementations.known) <> (excluded.abi, true)""",
                place.stream, place.address, behind.implementation, behind.kind, place.abi, fits, on="implementations",
            )  # fmt: skip
        return Noted(fits, history[-1].implementation if new and history else None)


async def _history(cx: Connection, place: Place) -> list[Seen]:
    rows = await cx.fetch(
        """select implementation, abi, known from usdx.implementations
        where stream = $1 and proxy = $2 order by noticed_at, implementation""",
        place.stream, place.address, on="implementations",
    )  # fmt: skip
    return [Seen(*row) for row in rows]
