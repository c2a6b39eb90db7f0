"""Tell what a stream's cursor covers from what was added to it since, so that only that is indexed from its beginning.

What is new becomes an annex: a stream of its own beside the main one, called `<stream>+<number>`, with the same tables.
When both stand at the same block it is merged.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from indexer.decoder import Dispatcher
from indexer.events import EventSpec
from indexer.streams import Stream

CHILDREN = b""
"""Stands in a scope for the contracts that a factory made."""

Pair = tuple[bytes, str]
Scope = frozenset[Pair]
Shape = tuple[str, int, Scope, tuple[str, ...], bool]
"""All by which two layouts of one config differ: of a stream its key, start, scope, factories, and whether others share
its tables."""


@dataclass(frozen=True, slots=True)
class Split:
    """A stream as it is to run. `fresh` are annexes that begin now, `known` those that began before."""

    main: Stream
    known: tuple[Stream, ...] = ()
    fresh: tuple[Stream, ...] = ()

    @property
    def streams(self) -> tuple[Stream, ...]:
        return self.main, *self.known, *self.fresh


def main_key(key: str) -> str:
    """The stream that an annex belongs to; a stream itself."""
    protocol, slash, contract = key.rpartition("/")
    return protocol + slash + contract.partition("+")[0]


def event_key(event: EventSpec) -> str:
    """An event by its signature and by what of it is indexed."""
    marked = ",".join(str(place) for place, param in enumerate(event.inputs) if param.indexed)
    return f"{event.signature} [{marked}]{' anonymous' if event.anonymous else ''}"


def scope_of(stream: Stream) -> Scope:
    """Every pair of address and event that the stream wants."""
    addresses = (*stream.addresses, *((CHILDREN,) if stream.parent is not None else ()))
    return frozenset((address, event_key(event)) for address in addresses for event in stream.tables)


def shapes_of(streams: Iterable[Stream]) -> list[Shape]:
    """The shapes of streams as they run: equal where nothing was laid out otherwise."""
    return [
        (one.key, one.start_block, scope_of(one), one.parent.keys if one.parent else (), one.beside is not None)
        for one in streams
    ]


def split(wanted: Stream, covered: Scope, annexes: Mapping[str, Scope]) -> Split:
    """Cut a stream into the part that its cursor covers and annexes for the rest; `annexes` are those begun before."""
    whole = scope_of(wanted)
    known = {key: scope & whole for key, scope in annexes.items()}
    rest = whole - covered - frozenset[Pair]().union(*known.values())
    numbers = (number for number in range(1, 10_000) if f"{wanted.key}+{number}" not in annexes)
    if rest or any(known.values()):
        wanted = replace(wanted, beside=wanted.addresses)
    return Split(
        _narrowed(wanted, wanted.key, covered & whole),
        tuple(_narrowed(wanted, key, scope) for key, scope in known.items() if scope),
        tuple(_narrowed(wanted, f"{wanted.key}+{next(numbers)}", part) for part in _products(rest)),
    )


def _products(pairs: Iterable[Pair]) -> list[Scope]:
    """The pairs in groups in which every address goes with every event."""
    events: dict[bytes, set[str]] = {}
    for address, event in pairs:
        events.setdefault(address, set()).add(event)
    groups: dict[frozenset[str], set[bytes]] = {}
    for address, names in sorted(events.items()):
        groups.setdefault(frozenset(names), set()).add(address)
    return [frozenset((address, name) for address in at for name in names) for names, at in groups.items()]


def _narrowed(stream: Stream, key: str, scope: Scope) -> Stream:
    """The stream with only what is in the scope. Invariant: the scope is a product of addresses and events."""
    addresses, events = {address for address, _ in scope}, {event for _, event in scope}
    kept = {event: table for event, table in stream.tables.items() if event_key(event) in events}
    others = [*stream.ignored, *(event for event in stream.tables if event not in kept)]
    return replace(
        stream,
        key=key,
        addresses=tuple(sorted(addresses - {CHILDREN})),
        tables=kept,
        dispatcher=Dispatcher(tuple(kept), ignored=others),
        parent=stream.parent if CHILDREN in addresses else None,
    )
