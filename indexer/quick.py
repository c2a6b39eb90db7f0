"""What reading logs by columns is told and what it gives: no single log, but finished rows."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from indexer.model import Copied
from indexer.schema import Table
from indexer.streams import Stream


@dataclass(frozen=True, slots=True)
class Stamps:
    """Which blocks there are, and when they were. Shape: ascending; 32 bytes of `hashes` a block; unix seconds."""

    numbers: array[int]
    hashes: bytes
    times: array[int]


@dataclass(frozen=True, slots=True)
class Known:
    """What the logs of an answer must agree with.

    Where logs do not tell their time, there is a stamp for each of their blocks. `below` is the hash of the block below
    the last one, if that is known.
    """

    first: int
    last: int
    stamps: Stamps
    below: bytes = b""


def stamps(headers: Iterable[tuple[int, bytes, int]] = ()) -> Stamps:
    """The stamps of some blocks. Shape: (number, hash, unix seconds), ascending. Raises OverflowError."""
    rows = list(headers)
    hashes = b"".join([hash_ for _, hash_, _ in rows])
    return Stamps(array("q", [number for number, _, _ in rows]), hashes, array("q", [time for _, _, time in rows]))


@dataclass(frozen=True, slots=True)
class Source:
    """One stream as far as columns go: whose logs it wants, and its tables."""

    addresses: frozenset[bytes]
    tables: tuple[Table, ...]


class Quick(Protocol):
    """Reads answers of `eth_getLogs`, given without their brackets.

    None means that only the general way can tell what is wrong with an answer. `unread` is how many wait for it.
    """

    @property
    def unread(self) -> int: ...

    async def decode(self, inner: memoryview, known: Known) -> Copied | None:
        """The rows of an answer, every check passed."""

    async def blocks(self, inner: memoryview) -> Sequence[int] | None:
        """The numbers of the blocks that have logs, ascending."""


def source(stream: Stream) -> Source:
    """A stream's part in it."""
    return Source(frozenset(stream.addresses), tuple(stream.tables.values()))
