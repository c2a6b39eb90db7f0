"""Turn checked logs into the rows of their tables."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from indexer.decoder import Values
from indexer.errors import DecodeError
from indexer.events import EventSpec
from indexer.json_form import param_converter
from indexer.model import Log, Logs
from indexer.schema import Column, Table
from indexer.streams import Stream
from indexer.text import storable
from shared.errors import Inconsistent

Row = tuple[object, ...]


@dataclass(slots=True)
class Rows:
    """Rows of one table, as tuples in the table's column order or as the body of a binary COPY."""

    table: Table
    records: list[Row] = field(default_factory=list)
    binary: list[bytes | memoryview] = field(default_factory=list)
    binary_rows: int = 0

    @property
    def count(self) -> int:
        return len(self.records) + self.binary_rows


@dataclass(slots=True)
class Batch:
    """The decoded logs of one range. Shape: `rows` by table name; `undecoded` as rows of `usdx.undecoded_logs`."""

    rows: dict[str, Rows] = field(default_factory=dict)
    undecoded: list[Row] = field(default_factory=list)

    def events(self) -> Mapping[str, int]:
        """How many rows of each event, by its name."""
        counts: Counter[str] = Counter()
        for rows in self.rows.values():
            counts[rows.table.event.name] += rows.count
        return counts


class RowWriter:
    """Decodes the logs of several streams in one pass."""

    def __init__(self, chain_id: int, streams: Iterable[Stream]) -> None:
        self._chain_id = chain_id
        self._owners: dict[str, dict[_Owner, int]] = {}
        self._streams: dict[str, _Owner] = {}
        self._tables: dict[str, Table] = {}
        for stream in streams:
            self._tables |= {str(table): table for table in stream.tables.values()}
            self._streams[stream.key] = _Owner(stream)
            self.own(stream.key, dict.fromkeys(stream.addresses, 0))

    def own(self, key: str, births: Mapping[bytes, int]) -> None:
        """From now on the logs of these addresses, each from the block of its birth on, belong to that stream, too."""
        owner = self._streams[key]
        for address, birth in births.items():
            owners = self._owners.setdefault("0x" + address.hex(), {})
            owners[owner] = min(birth, owners.get(owner, birth))

    def write_raw(self, key: str, head: Row, topics: Sequence[bytes], data: bytes, into: Batch) -> bool:
        """Decode one log for one stream; False when it is none of its events. Shape: `head` are the columns of META."""
        return self._streams[key].write(head, topics, data, into)

    def write(self, logs: Logs, into: Batch, only: str | None = None) -> None:
        """Decode every log for each stream that owns its address, or for one stream only.

        A log that only shares a topic belongs to nobody. Raises Inconsistent for one whose fields are no hex.
        """
        times: dict[int, datetime] = {}
        for part in logs.copied:
            for name, copy in part.copies.items():
                rows = into.rows.setdefault(name, Rows(self._tables[name]))
                rows.binary.append(copy)
                rows.binary_rows += part.counts[name]
        for log in logs.logs:
            owners = self._owners.get(log.address) or self._owners.get(log.address.lower())
            if owners is None:
                continue
            try:
                number = int(log.block_number, 16)
                time = times.get(number)
                if time is None:
                    time = times[number] = _time(log, logs)
                head = _head(self._chain_id, number, time, log)
                topics = [bytes.fromhex(topic[2:]) for topic in log.topics]
                data = bytes.fromhex(log.data[2:])
            except (ValueError, OverflowError, OSError) as exc:
                raise Inconsistent(f"log {log.log_index[:20]} of block {log.block_number[:20]}: {exc}") from exc
            for owner, birth in owners.items():
                if number >= birth and (only is None or owner.key == only):
                    owner.write(head, topics, data, into)


class _Owner:
    """A stream with its tables' row functions at hand."""

    def __init__(self, stream: Stream) -> None:
        self.key = stream.key
        self._decode = stream.dispatcher.decode
        self._tables: dict[int, tuple[str, Table, Callable[[Values], Values] | None]] = {
            id(event): (str(table), table, _stored(table)) for event, table in stream.tables.items()
        }
        self._events: tuple[EventSpec, ...] = tuple(stream.tables)  # keeps the ids above alive

    def write(self, head: Row, topics: Sequence[bytes], data: bytes, into: Batch) -> bool:
        try:
            event, values = self._decode(topics, data)
        except DecodeError as exc:
            if exc.kind != "unknown_event":
                into.undecoded.append((self.key, *head, list(topics), data, exc.kind, storable(str(exc))))
            return exc.kind != "unknown_event"
        name, table, stored = self._tables[id(event)]
        rows = into.rows.get(name)
        if rows is None:
            rows = into.rows[name] = Rows(table)
        rows.records.append(head + (stored(values) if stored else values))
        return True


def _head(chain_id: int, number: int, time: datetime, log: Log) -> Row:
    return (
        chain_id,
        number,
        int(log.log_index, 16),
        time,
        bytes.fromhex(log.block_hash[2:]),
        bytes.fromhex(log.transaction_hash[2:]),
        bytes.fromhex(log.address[2:]),
    )


def _time(log: Log, logs: Logs) -> datetime:
    header = logs.headers.get(int(log.block_number, 16))
    seconds = header.time if header is not None else int(log.block_timestamp or "0x0", 16)
    return datetime.fromtimestamp(seconds, UTC)


def _stored(table: Table) -> Callable[[Values], Values] | None:
    """A function from decoded values to what COPY takes, or None where they are the same."""
    parts = [stored_form(column) for column in table.columns]
    if not any(parts):
        return None

    def stored(values: Values) -> Values:
        return tuple(part(value) if part else value for part, value in zip(parts, values, strict=True))

    return stored


def stored_form(column: Column) -> Callable[[Any], object] | None:
    if column.type == "text":
        return storable
    if column.type != "jsonb":
        return None
    form = param_converter(column.param, storable)
    return lambda value: json.dumps(form(value), ensure_ascii=False, separators=(",", ":"))
