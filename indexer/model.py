"""The nouns of the indexer: blocks, ranges, logs, cursors and what a step did."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from shared.rpc_types import RawLog as Log

__all__ = [
    "BlockRef",
    "Committed",
    "Copied",
    "Cursor",
    "Filter",
    "Idle",
    "Log",
    "Logs",
    "Range",
    "RolledBack",
    "Step",
    "Timing",
]


@dataclass(frozen=True, slots=True)
class BlockRef:
    """One block by number and hash. Shape: `parent` is the hash of the block below; `time` is unix seconds."""

    number: int
    hash: bytes
    parent: bytes
    time: int


@dataclass(frozen=True, slots=True)
class Range:
    """An inclusive interval of block numbers, `first..last`; never empty."""

    first: int
    last: int

    def __post_init__(self) -> None:
        if not 0 <= self.first <= self.last:
            raise ValueError(f"not a block range: {self.first}..{self.last}")

    def __len__(self) -> int:
        return self.last - self.first + 1

    def __contains__(self, number: object) -> bool:
        return isinstance(number, int) and self.first <= number <= self.last

    def __str__(self) -> str:
        return f"{self.first}..{self.last}"


@dataclass(frozen=True, slots=True)
class Filter:
    """Which logs to ask for. An empty tuple means any."""

    addresses: tuple[bytes, ...] = ()
    topic0s: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class Copied:
    """Logs that are rows already.

    Shape: binary COPY rows, and how many, by table; `left` are logs that only the general decoder may judge; `logs`
    counts both. `full` are those blocks with logs whose headers were known.
    """

    logs: int
    copies: Mapping[str, bytes | memoryview] = field(default_factory=dict)
    counts: Mapping[str, int] = field(default_factory=dict)
    left: Sequence[Log] = ()
    full: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Logs:
    """All logs of a range that match a filter, checked against headers from the same endpoint.

    Shape: `logs` ascend by (block, index). `headers` holds at least the first and the last block of the range, every
    block of it when the range was asked for `linked` (each one's parent is the block below), and every block that has
    logs when the node puts no `blockTimestamp` into them. Logs that are rows already are in `copied` instead of `logs`.
    """

    range: Range
    headers: Mapping[int, BlockRef]
    logs: Sequence[Log]
    size_bytes: int = 0
    copied: Sequence[Copied] = ()

    @property
    def count(self) -> int:
        return len(self.logs) + sum(sum(part.counts.values()) for part in self.copied)

    @property
    def first(self) -> BlockRef:
        return self.headers[self.range.first]

    @property
    def last(self) -> BlockRef:
        return self.headers[self.range.last]


@dataclass(frozen=True, slots=True)
class Cursor:
    """How far a stream is: everything up to and including this block is stored. A fresh stream has `hash` None."""

    number: int
    hash: bytes | None
    time: int | None


@dataclass(frozen=True, slots=True)
class Timing:
    """Where a step spent its time, in seconds.

    `waited_s` is the part of `fetch_s` in which nothing else was done but wait for the node; `decoder_s` went to the
    decoder.
    """

    fetch_s: float = 0.0
    waited_s: float = 0.0
    decode_s: float = 0.0
    store_s: float = 0.0
    decoder_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Committed:
    """A range was stored and its streams moved up to `block`.

    Shape: `events` counts rows by event name. `live` says that the streams had been at the tip before; only then does
    `rows` hold the rows by table, for those who count what is new. `committed_at` is unix seconds.
    """

    chain: str
    streams: tuple[str, ...]
    range: Range
    block: BlockRef
    events: Mapping[str, int]
    timing: Timing
    committed_at: float
    undecoded: int = 0
    live: bool = False
    rows: Mapping[str, Sequence[tuple[object, ...]]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RolledBack:
    """The chain changed under its streams: rows above `ancestor` are gone. `events` counts them by event name."""

    chain: str
    streams: tuple[str, ...]
    ancestor: int
    depth: int
    events: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Idle:
    """There was nothing to do: every stream stands at the tip."""

    chain: str
    tip: BlockRef


Step = Committed | RolledBack | Idle
