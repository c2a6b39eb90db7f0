"""One stream: a contract of a protocol on a chain, with what decodes it and where its rows go."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from indexer.decoder import Dispatcher
from indexer.events import EventSpec
from indexer.model import Filter
from indexer.schema import Table, tables


@dataclass(frozen=True, slots=True, eq=False)
class Stream:
    """Everything fixed about a stream. `key` is `<protocol>/<contract>`; `tables` are by event."""

    key: str
    chain: str
    addresses: tuple[bytes, ...]
    start_block: int
    dispatcher: Dispatcher
    tables: Mapping[EventSpec, Table] = field(default_factory=dict)


def stream(
    key: str,
    chain: str,
    schema: str,
    events: Sequence[EventSpec],
    addresses: Sequence[bytes],
    start_block: int,
    ignored: Sequence[EventSpec] = (),
) -> Stream:
    """A stream whose tables are named after the contract part of its key; `ignored` are events of it not wanted."""
    contract = key.rpartition("/")[2]
    found = tables(schema, contract, events)
    by_event = {table.event: table for table in found}
    return Stream(key, chain, tuple(addresses), start_block, Dispatcher(events, ignored=ignored), by_event)


def filter_of(streams: Iterable[Stream]) -> Filter:
    """One question for all of them: the union of their addresses and of their topics, any topic if one wants all."""
    chosen = list(streams)
    addresses = sorted({address for one in chosen for address in one.addresses})
    wanted = [one.dispatcher.topic0s for one in chosen]
    topics = sorted({topic for topic0s in wanted for topic in topic0s}) if all(wanted) else []
    return Filter(tuple(addresses), tuple(topics))
