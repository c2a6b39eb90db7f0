"""One stream: a contract of a protocol on a chain, with what decodes it and where its rows go."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from indexer.decoder import Dispatcher
from indexer.events import EventSpec
from indexer.model import Filter
from indexer.schema import Table, tables

MANY_ADDRESSES = 2_000
"""From how many contracts on it is better to ask for their topics at any address and to choose here."""

NOBODY = bytes(20)
"""An address without logs: an empty list would mean any."""


@dataclass(frozen=True, slots=True)
class Parent:
    """The factory that makes a stream's contracts: its streams, and where in which table their addresses are."""

    keys: tuple[str, ...]
    table: Table
    column: str

    @property
    def position(self) -> int:
        """The column's place in a row."""
        return self.table.column_names.index(self.column)


@dataclass(frozen=True, slots=True, eq=False)
class Stream:
    """Everything fixed about a stream. `key` is `<protocol>/<contract>`; `tables` are by event.

    `addresses` are those of the config; a stream with a `parent` also has the contracts that this one made. Where other
    streams fill the same tables, `beside` are all the addresses that the config names for them.
    """

    key: str
    chain: str
    addresses: tuple[bytes, ...]
    start_block: int
    dispatcher: Dispatcher
    tables: Mapping[EventSpec, Table] = field(default_factory=dict)
    parent: Parent | None = None
    ignored: tuple[EventSpec, ...] = ()
    beside: tuple[bytes, ...] | None = None


def stream(
    key: str,
    chain: str,
    schema: str,
    events: Sequence[EventSpec],
    addresses: Sequence[bytes],
    start_block: int,
    ignored: Sequence[EventSpec] = (),
    parent: Parent | None = None,
) -> Stream:
    """A stream whose tables are named after the contract part of its key; `ignored` are events of it not wanted."""
    contract = key.rpartition("/")[2]
    found = tables(schema, contract, events)
    by_event = {table.event: table for table in found}
    return Stream(
        key, chain, tuple(addresses), start_block, Dispatcher(events, ignored=ignored), by_event, parent, tuple(ignored)
    )


def filter_of(streams: Iterable[Stream], born: Iterable[bytes] = ()) -> Filter:
    """One question for all of them: the union of their addresses and of their topics, any topic if one wants all.

    `born` are the contracts that factories made for them.
    """
    chosen = list(streams)
    addresses = {address for one in chosen for address in one.addresses} | set(born)
    wanted = [one.dispatcher.topic0s for one in chosen if one.tables]
    topics = sorted({topic for topic0s in wanted for topic in topic0s}) if all(wanted) else []
    if len(addresses) > MANY_ADDRESSES and topics:
        return Filter((), tuple(topics))
    return Filter(tuple(sorted(addresses)) or (NOBODY,), tuple(topics))
