"""Turn the logs of an `eth_getLogs` answer into finished COPY rows, a column at a time.

The answer stays text: quotes tell where values begin, everything between values is compared with a template, and what
remains is hex that is decoded for all logs of an event at once. A log that differs from its template by one character,
or whose values are not those of its ABI type, is left to the general decoder; when logs cannot even be told apart, or
contradict each other, all of them are. So this room never raises: it does its work exactly, or not at all.
"""

from __future__ import annotations

import binascii
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

import msgspec
import numpy as np

from indexer.event_rows import EventRows, word
from indexer.log_shape import learn
from indexer.model import Log
from indexer.numerals import Numerals
from indexer.scan import Bytes, Cuts, Ints, Logs, Mask, cut, read
from indexer.schema import Table
from indexer.streams import Stream

MOST_LOGS_A_BLOCK = 1 << 31
_SAMPLE_BYTES = 1 << 14
_DISTINCT_ADDRESSES = 16
_one = msgspec.json.Decoder(Log)


@dataclass(frozen=True, slots=True)
class Blocks:
    """The blocks that have logs, ascending. Shape: hashes of 32 bytes; times in unix seconds, 0 when unknown."""

    numbers: Ints
    hashes: Bytes
    times: Ints


@dataclass(frozen=True, slots=True)
class Rows:
    """What came of one answer. Shape: COPY rows and their number by table; `left` are for the general decoder."""

    logs: int
    blocks: Blocks
    copies: dict[str, bytes | memoryview] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    left: list[Log] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Source:
    """One stream as far as this room goes: whose logs it wants, and its tables."""

    addresses: frozenset[bytes]
    tables: tuple[Table, ...]


def sources_of(streams: Iterable[Stream]) -> list[Source]:
    """Sources from streams."""
    return [Source(frozenset(one.addresses), tuple(one.tables.values())) for one in streams]


class Columns:
    """Decodes answers for a fixed set of sources."""

    def __init__(self, chain_id: int, sources: Sequence[Source]) -> None:
        numerals = Numerals()
        self._chain_id = chain_id
        self._events = [(_Owned(addresses), EventRows(table, numerals)) for addresses, table in _certain(sources)]

    def blocks(self, inner: Bytes) -> Blocks | None:
        """The blocks that have logs; None when `decode` would give up."""
        found = _read(inner)
        if found is None:
            return None
        _, logs = found
        return _blocks(logs) if len(logs.number) == len(found[0].start) else None

    def decode(self, inner: Bytes, times: Blocks | None = None) -> Rows | None:
        """The rows of the logs in `inner`, an `eth_getLogs` result without its brackets.

        `times` are all blocks with logs, for a node that leaves `blockTimestamp` out. None when only the general
        decoder can tell what is wrong with the answer.
        """
        if not len(inner):
            return Rows(0, NO_BLOCKS)
        found = _read(inner)
        if found is None:
            return None
        cuts, logs = found
        if times is not None:
            timed = _timed(logs, times)
            if timed is None:
                return None
            logs = timed
        try:
            copies, counts, done = self._rows(logs, len(cuts.start))
            left = [] if done.all() else _json(cuts, np.flatnonzero(~done))
            blocks = _blocks(_merged(logs, done, left, times) if left else logs)
        except (binascii.Error, msgspec.DecodeError, ValueError, OverflowError):
            return None
        return None if blocks is None else Rows(len(done), blocks, copies, counts, left)

    def _rows(self, logs: Logs, count: int) -> tuple[dict[str, bytes | memoryview], dict[str, int], Mask]:
        """COPY rows and their number by table, and which logs have one."""
        copies: dict[str, bytes | memoryview] = {}
        counts: dict[str, int] = {}
        done = np.zeros(count, np.bool_)
        meta = logs.meta(self._chain_id)
        hint = word(logs.places.text, logs.places.topics_at + 3)
        owner: dict[frozenset[bytes], Mask] = {}
        for owned, event in self._events:
            mine = (hint == event.hint) & (logs.topics == event.topics)
            if not mine.any():
                continue
            if owned.addresses not in owner:
                owner[owned.addresses] = owned.those(logs.address)
            mine &= owner[owned.addresses]
            if mine.all():
                written = event.rows(logs.places, meta)
            else:
                at = np.flatnonzero(mine)
                written = event.rows(logs.places[at], meta[at])
            done[written.logs] = True
            if len(written.logs):
                copies[str(event.table)] = written.rows
                counts[str(event.table)] = len(written.logs)
        return copies, counts, done


class _Owned:
    """The addresses of a stream."""

    def __init__(self, addresses: frozenset[bytes]) -> None:
        self.addresses = addresses
        self._few = [np.frombuffer(one, np.uint8) for one in addresses] if len(addresses) <= _DISTINCT_ADDRESSES else []

    def those(self, address: Bytes) -> Mask:
        """Which logs come from one of them."""
        if self._few:
            out = np.zeros(len(address), np.bool_)
            for one in self._few:
                out |= (address == one).all(axis=1)
            return out
        packed = address.tobytes()
        return np.array([packed[at : at + 20] in self.addresses for at in range(0, len(packed), 20)], np.bool_)


NO_BLOCKS = Blocks(np.empty(0, np.int64), np.empty((0, 32), np.uint8), np.empty(0, np.int64))


def _certain(sources: Sequence[Source]) -> list[tuple[frozenset[bytes], Table]]:
    """Tables that topic0, topic count and address alone decide on; the general decoder keeps the rest."""
    out = []
    for one in sources:
        shared = any(other is not one and one.addresses & other.addresses for other in sources)
        keys = [(table.event.topic0, table.event.topic_count) for table in one.tables]
        for table, key in zip(one.tables, keys, strict=True):
            if not shared and key[0] is not None and keys.count(key) == 1:
                out.append((one.addresses, table))
    return out


def _read(inner: Bytes) -> tuple[Cuts, Logs] | None:
    """The logs told apart, and those among them that are written as the first one is."""
    sample = inner[:_SAMPLE_BYTES].tobytes()
    shape = learn(sample[: sample.find(b"}") + 1])
    cuts = cut(inner, shape) if shape is not None else None
    if shape is None or cuts is None:
        return None
    try:
        return cuts, read(cuts, shape)
    except binascii.Error:
        return None


def _json(cuts: Cuts, places: Ints) -> list[Log]:
    """The remaining logs read as JSON, which also proves that the answer was cut in the right places."""
    whole = cuts.text.data
    starts, stops = cuts.start[places].tolist(), cuts.stop[places].tolist()
    return [_one.decode(whole[start:stop]) for start, stop in zip(starts, stops, strict=True)]


def _merged(logs: Logs, done: Mask, left: Sequence[Log], times: Blocks | None) -> Logs:
    """All logs again, as far as their blocks are concerned. Raises ValueError for what is no number, hash or time."""
    known = dict(zip(times.numbers.tolist(), times.times.tolist(), strict=True)) if times is not None else {}
    number, index, time = (np.empty(len(done), np.int64) for _ in range(3))
    block_hash = np.empty((len(done), 32), np.uint8)
    place = logs.places.log
    number[place], index[place], time[place], block_hash[place] = logs.number, logs.index, logs.time, logs.block_hash
    for at, log in zip(np.flatnonzero(~done).tolist(), left, strict=True):
        number[at], index[at] = int(log.block_number, 16), int(log.log_index, 16)
        time[at] = known.get(int(number[at]), -1) if times is not None else int(log.block_timestamp or "", 16)
        block_hash[at] = np.frombuffer(bytes.fromhex(log.block_hash[2:]), np.uint8)
    return replace(logs, number=number, index=index, time=time, block_hash=block_hash)


def _timed(logs: Logs, times: Blocks) -> Logs | None:
    """The logs with the times of their blocks; None when a block is missing or has another hash."""
    if not len(times.numbers):
        return None
    at = np.minimum(np.searchsorted(times.numbers, logs.number), len(times.numbers) - 1)
    known = (times.numbers[at] == logs.number).all() and (times.hashes[at] == logs.block_hash).all()
    return replace(logs, time=times.times[at]) if known else None


def _blocks(logs: Logs) -> Blocks | None:
    """The blocks of the logs; None when logs are out of order or disagree about their block."""
    number, index = logs.number, logs.index
    if not (index < MOST_LOGS_A_BLOCK).all():
        return None
    same = number[1:] == number[:-1]
    ordered = (number[1:] > number[:-1]) | (same & (index[1:] > index[:-1]))
    hashes = logs.block_hash.view(np.uint64)
    agree = (hashes[1:] == hashes[:-1]).all(axis=1) & (logs.time[1:] == logs.time[:-1])
    if not (ordered & (agree | ~same)).all():
        return None
    first = np.flatnonzero(np.append(True, ~same))
    return Blocks(number[first], logs.block_hash[first], logs.time[first])
