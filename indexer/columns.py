"""Turn the logs of an `eth_getLogs` answer into finished COPY rows, a column at a time.

The answer stays text: quotes tell where values begin, everything between values is compared with a template, and what
remains is hex that is decoded for all logs of an event at once. A log that differs from its template by one character,
or whose values are not those of its ABI type, is left to the general decoder; when logs cannot even be told apart, or
contradict each other, all of them are. So this room never raises: it does its work exactly, or not at all.
"""

from __future__ import annotations

import binascii
from collections.abc import Sequence
from dataclasses import replace

import msgspec
import numpy as np

from indexer.event_rows import EventRows, word
from indexer.log_shape import LogShape, learn
from indexer.model import Copied, Log
from indexer.numerals import Numerals
from indexer.quick import Known, Source
from indexer.scan import Bytes, Cuts, Ints, Logs, Mask, cut, numbers, read
from indexer.schema import Table

MOST_LOGS_A_BLOCK = 1 << 31
_SAMPLE_BYTES = 1 << 14
_DISTINCT_ADDRESSES = 16
_one = msgspec.json.Decoder(Log)


class Columns:
    """Decodes answers for a fixed set of sources."""

    def __init__(self, chain_id: int, sources: Sequence[Source]) -> None:
        numerals = Numerals()
        self._chain_id = chain_id
        self._events = [
            (_Owned(addresses), EventRows(table, numerals)) for table, addresses in _certain(sources).items()
        ]

    def blocks(self, inner: Bytes) -> list[int] | None:
        """The numbers of the blocks that have logs, ascending; None when `decode` is sure to give up."""
        found = _cut(inner)
        read = None if found is None else numbers(*found)
        return None if read is None else np.unique(read).tolist()

    def decode(self, inner: Bytes, known: Known) -> Copied | None:
        """The rows of the logs in `inner`, an `eth_getLogs` result without its brackets.

        None when only the general decoder can tell what is wrong with the answer.
        """
        if not len(inner):
            return Copied(0)
        found = _read(inner)
        if found is None:
            return None
        cuts, read = found
        headers = _Headers(known)
        try:
            logs = headers.timed(read)
            if logs is None:
                return None
            copies, counts, done = self._rows(logs, len(cuts.start))
            left = [] if done.all() else _json(cuts, np.flatnonzero(~done))
            everything = headers.timed(_merged(logs, done, left)) if left else logs
        except (binascii.Error, msgspec.DecodeError, ValueError, OverflowError, RecursionError):
            return None
        if everything is None or not _ordered(everything) or not headers.agree(everything):
            return None
        return Copied(len(done), copies, counts, left, headers.full(everything))

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


class _Headers:
    """What is known of the blocks."""

    def __init__(self, known: Known) -> None:
        self._first, self._last = known.first, known.last
        self._numbers = np.frombuffer(known.stamps.numbers, np.int64)
        self._hashes = np.frombuffer(known.stamps.hashes, np.uint8).reshape(-1, 32)
        self._times = np.frombuffer(known.stamps.times, np.int64)
        self._below = np.frombuffer(known.below, np.uint8)

    def timed(self, logs: Logs) -> Logs | None:
        """The logs with the times of their blocks where they tell none; None when a header is missing for that."""
        if logs.time.all():
            return logs
        at = self._places(logs)
        if at is None or not (self._numbers[at] == logs.number).all():
            return None
        return replace(logs, time=np.where(logs.time == 0, self._times[at], logs.time))

    def agree(self, logs: Logs) -> bool:
        """Whether the logs are of the range, and of the very blocks that are known."""
        if logs.number[0] < self._first or logs.number[-1] > self._last:
            return False
        if len(self._below) and not (logs.block_hash[logs.number == self._last - 1] == self._below).all():
            return False
        at = self._places(logs)
        if at is None:
            return True
        mine = self._numbers[at] == logs.number
        at, hashes, times = at[mine], logs.block_hash[mine], logs.time[mine]
        return bool((self._hashes[at] == hashes).all() and (self._times[at] == times).all())

    def full(self, logs: Logs) -> frozenset[int]:
        """The known blocks that have logs."""
        return frozenset(self._numbers[np.isin(self._numbers, logs.number)].tolist())

    def _places(self, logs: Logs) -> Ints | None:
        if not len(self._numbers):
            return None
        return np.minimum(np.searchsorted(self._numbers, logs.number), len(self._numbers) - 1)


def _certain(sources: Sequence[Source]) -> dict[Table, frozenset[bytes]]:
    """Tables that topic0, topic count and address alone decide on, each with whose logs fill it.

    The general decoder keeps the rest. A table that several sources fill, as annexes do, is theirs together.
    """
    out: dict[Table, frozenset[bytes]] = {}
    for one in sources:
        shared = any(other is not one and one.addresses & other.addresses for other in sources)
        keys = [(table.event.topic0, table.event.topic_count) for table in one.tables]
        for table, key in zip(one.tables, keys, strict=True):
            if not shared and key[0] is not None and keys.count(key) == 1:
                out[table] = out.get(table, frozenset()) | one.addresses
    return out


def _read(inner: Bytes) -> tuple[Cuts, Logs] | None:
    """The logs told apart, and those among them that are written as the first one is."""
    found = _cut(inner)
    try:
        return None if found is None else (found[0], read(*found))
    except binascii.Error:
        return None


def _cut(inner: Bytes) -> tuple[Cuts, LogShape] | None:
    """The logs told apart, and how the first one is written."""
    sample = inner[:_SAMPLE_BYTES].tobytes()
    shape = learn(sample[: sample.find(b"}") + 1])
    cuts = cut(inner, shape) if shape is not None else None
    return None if shape is None or cuts is None else (cuts, shape)


def _json(cuts: Cuts, places: Ints) -> list[Log]:
    """The remaining logs read as JSON, which also proves that the answer was cut in the right places."""
    whole = cuts.text.data
    starts, stops = cuts.start[places].tolist(), cuts.stop[places].tolist()
    return [_one.decode(whole[start:stop]) for start, stop in zip(starts, stops, strict=True)]


def _merged(logs: Logs, done: Mask, left: Sequence[Log]) -> Logs:
    """All logs again, as far as their blocks are concerned. Raises ValueError for what is no number or hash."""
    number, index, time = (np.empty(len(done), np.int64) for _ in range(3))
    block_hash = np.empty((len(done), 32), np.uint8)
    place = logs.places.log
    number[place], index[place], time[place], block_hash[place] = logs.number, logs.index, logs.time, logs.block_hash
    for at, log in zip(np.flatnonzero(~done).tolist(), left, strict=True):
        number[at], index[at] = int(log.block_number, 16), int(log.log_index, 16)
        time[at] = int(log.block_timestamp or "0x0", 16)
        block_hash[at] = np.frombuffer(bytes.fromhex(log.block_hash[2:]), np.uint8)
    return replace(logs, number=number, index=index, time=time, block_hash=block_hash)


def _ordered(logs: Logs) -> bool:
    """Whether logs ascend, and agree with each other about their blocks."""
    number, index = logs.number, logs.index
    if not (index < MOST_LOGS_A_BLOCK).all():
        return False
    same = number[1:] == number[:-1]
    ascending = (number[1:] > number[:-1]) | (same & (index[1:] > index[:-1]))
    hashes = logs.block_hash.view(np.uint64)
    one_block = (hashes[1:] == hashes[:-1]).all(axis=1)
    return bool((ascending & (one_block == same) & (~same | (logs.time[1:] == logs.time[:-1]))).all())
