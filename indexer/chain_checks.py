"""Find the lie in a node's logs, if there is one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

from indexer.model import Filter, Range
from shared.rpc_types import Header, RawLog

MOST_LOGS_A_BLOCK = 1 << 31  # a log index is an `int` in Postgres
NO_TIME = (None, "0x0", "0x")


class Lie(NamedTuple):
    """Which check failed, and in what way."""

    check: str
    text: str


class Expected:
    """What the logs of one question must look like."""

    def __init__(self, range: Range, filter: Filter) -> None:  # noqa: A002
        self.range = range
        self._addresses = frozenset("0x" + address.hex() for address in filter.addresses)
        self._topics = frozenset("0x" + topic.hex() for topic in filter.topic0s)

    def lie_in(self, logs: Sequence[RawLog], headers: Mapping[int, Header]) -> Lie | None:
        """The first contradiction among these logs, and between them and the headers of the same node."""
        try:
            return self._foreign(logs) or self._disorder(logs) or self._fork(logs, headers)
        except ValueError as error:
            return Lie("shape", f"a log whose numbers are no hex ({error})")

    def _foreign(self, logs: Sequence[RawLog]) -> Lie | None:
        if any(log.removed for log in logs):
            return Lie("removed", "logs that were reorganised away")
        if self._addresses and (strangers := {log.address.lower() for log in logs} - self._addresses):
            return Lie("filter", f"logs of {min(strangers)[:42]}, which was not asked for")
        if self._topics and (others := {log.topics[0] if log.topics else "" for log in logs} - self._topics):
            return Lie("filter", f"logs of event {min(others)[:66] or 'anonymous'}, which was not asked for")
        return None

    def _disorder(self, logs: Sequence[RawLog]) -> Lie | None:
        places = [(int(log.block_number, 16), int(log.log_index, 16)) for log in logs]
        for before, after in pairwise(places):
            if before >= after:
                return Lie(
                    "order", f"log {after[1]} of block {after[0]} came after log {before[1]} of block {before[0]}"
                )
        if places and (places[0][0] < self.range.first or places[-1][0] > self.range.last):
            return Lie("range", f"logs of {places[0][0]}..{places[-1][0]}, asked for {self.range}")
        if (huge := max((index for _, index in places), default=0)) >= MOST_LOGS_A_BLOCK:
            return Lie("order", f"a log index of {huge}")
        return None

    def _fork(self, logs: Sequence[RawLog], headers: Mapping[int, Header]) -> Lie | None:
        hashes: dict[str, str] = {}
        for log in logs:
            if hashes.setdefault(log.block_number, log.block_hash) != log.block_hash:
                return Lie("hash", f"logs of block {int(log.block_number, 16)} with two block hashes")
        for number, hash_ in hashes.items():
            header = headers.get(int(number, 16))
            if header is not None and hash_.lower() != "0x" + header.hash.hex():
                return Lie("hash", f"logs of another block {header.number} than its header")
        return self._wrong_time(logs, headers)

    def _wrong_time(self, logs: Sequence[RawLog], headers: Mapping[int, Header]) -> Lie | None:
        times = {log.block_number: log.block_timestamp for log in logs}
        for number, time in times.items():
            header = headers.get(int(number, 16))
            if header is not None and time not in NO_TIME and int(time or "", 16) != header.timestamp:
                return Lie("time", f"logs of block {header.number} with another time than its header")
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
