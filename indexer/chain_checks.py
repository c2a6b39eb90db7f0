"""Find the lie in a node's logs, if there is one."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import pairwise
from operator import lt
from typing import NamedTuple

from indexer.model import Filter, Range
from shared.rpc_types import LAST_SECOND, Header, RawLog

MOST_LOGS_A_BLOCK = 1 << 31  # a log index is an `int` in Postgres
NO_TIME = (None, "0x0", "0x")

_BYTES = re.compile(r"0x(?:[0-9a-fA-F]{2})*+")  # possessive: to go back would need memory for every pair
_QUANTITIES = re.compile(r"(?:0x[0-9a-fA-F]*+ ?)*+")  # many, quicker than each
_WORD = re.compile(r"0x[0-9a-fA-F]{64}")
_ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}")


class Lie(NamedTuple):
    """Which check failed, and in what way."""

    check: str
    text: str


class Expected:
    """What the logs of one question must look like."""

    def __init__(self, range: Range, filter: Filter) -> None:  # noqa: A002
        self.range = range
        self._addresses = frozenset("0x" + address.hex() for address in filter.addresses)
        self._topics = frozenset(("0x" + topic.hex(),) for topic in filter.topic0s)

    def lie_in(self, logs: Sequence[RawLog], headers: Mapping[int, Header]) -> Lie | None:
        """The first contradiction among these logs, and between them and the headers of the same node."""
        try:
            return _misshapen(logs) or self._foreign(logs) or self._disorder(logs) or self._fork(logs, headers)
        except ValueError as error:
            return Lie("shape", f"a log whose numbers are no hex ({error})")

    def _foreign(self, logs: Sequence[RawLog]) -> Lie | None:
        if True in [log.removed for log in logs]:
            return Lie("removed", "logs that were reorganised away")
        if self._addresses:
            strangers = {address.lower() for address in {log.address for log in logs}} - self._addresses
            if strangers:
                return Lie("filter", f"logs of {min(strangers)[:42]}, which was not asked for")
        others = {log.topics[:1] for log in logs} - self._topics if self._topics else set()
        if others and (others := {tuple(map(str.lower, topics)) for topics in others} - self._topics):
            return Lie("filter", f"logs of event {str(*min(others))[:66] or 'anonymous'}, which was not asked for")
        return None

    def _disorder(self, logs: Sequence[RawLog]) -> Lie | None:
        indices = [int(log.log_index, 16) for log in logs]
        if (huge := max(indices, default=0)) >= MOST_LOGS_A_BLOCK:
            return Lie("order", f"a log index of {huge}")
        numbers = [int(log.block_number, 16) for log in logs]
        places = [number << 32 | index for number, index in zip(numbers, indices, strict=True)]
        if not all(map(lt, places, places[1:])):
            at = next(at for at, (before, after) in enumerate(pairwise(places)) if before >= after)
            return Lie(
                "order",
                f"log {indices[at + 1]} of block {numbers[at + 1]} came after log {indices[at]} of block {numbers[at]}",
            )
        if places and (numbers[0] < self.range.first or numbers[-1] > self.range.last):
            return Lie("range", f"logs of {numbers[0]}..{numbers[-1]}, asked for {self.range}")
        return None

    def _fork(self, logs: Sequence[RawLog], headers: Mapping[int, Header]) -> Lie | None:
        texts = dict.fromkeys((log.block_number, log.block_hash) for log in logs)
        hashes = [(int(number, 16), hash_) for number, hash_ in texts]  # in order, as is known by now
        if len({number for number, _ in hashes}) < len(hashes):
            return Lie("hash", "logs of one block with two block hashes")
        known = {number: header.hash for number, header in headers.items()}
        if self.range.last in headers:
            known.setdefault(self.range.last - 1, headers[self.range.last].parent_hash)
        for number, hash_ in hashes:
            if number in known and hash_.lower() != "0x" + known[number].hex():
                return Lie("hash", f"logs of another block {number} than its header")
        if any(mine == theirs for (_, mine), (_, theirs) in pairwise(hashes)):
            return Lie("hash", "logs of two blocks with one block hash")
        return self._wrong_time(logs, headers)

    def _wrong_time(self, logs: Sequence[RawLog], headers: Mapping[int, Header]) -> Lie | None:
        for number, time in {(log.block_number, log.block_timestamp) for log in logs}:
            header = headers.get(int(number, 16))
            if time not in NO_TIME and not 0 <= int(time or "", 16) <= LAST_SECOND:
                return Lie("time", f"logs of block {int(number, 16)} at second {str(time)[:40]}")
            if header is not None and time not in NO_TIME and int(time or "", 16) != header.timestamp:
                return Lie("time", f"logs of block {header.number} with another time than its header")
        return None


def _misshapen(logs: Sequence[RawLog]) -> Lie | None:
    """A field that is no hex of its width."""
    stamps = {log.block_number for log in logs} | {log.block_timestamp or "0x" for log in logs}
    if not _QUANTITIES.fullmatch(" ".join([*stamps, *[log.log_index for log in logs]])):
        return Lie("shape", "a log whose numbers are no hex")
    words = {word for log in logs for word in (log.block_hash, log.transaction_hash, *log.topics)}
    for texts, shape, what in (
        ([log.data for log in logs], _BYTES, "data"),
        (words, _WORD, "a hash or topic"),
        ({log.address for log in logs}, _ADDRESS, "an address"),
    ):
        if not all(map(shape.fullmatch, texts)):
            wrong = next(text for text in texts if not shape.fullmatch(text))
            return Lie("shape", f"a log with {what} that is no such hex: {wrong[:80]!r}")
    return None


def untimed_blocks(logs: Sequence[RawLog]) -> list[int]:
    """The blocks whose logs do not tell their time, ascending."""
    return [
        int(number, 16) for number in dict.fromkeys(log.block_number for log in logs if log.block_timestamp in NO_TIME)
    ]


def lie_in_headers(headers: Mapping[int, Header]) -> Lie | None:
    """A header under another number than its own, or one whose parent is not the header below."""
    for number, header in headers.items():
        if header.number != number:
            return Lie("number", f"block {header.number} came for block {number}")
        below = headers.get(number - 1)
        if below is not None and header.parent_hash != below.hash:
            return Lie("links", f"block {number} does not follow block {number - 1}")
    return None
