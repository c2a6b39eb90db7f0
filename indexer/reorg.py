"""Find the last block that our record and the chain share."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from indexer.model import BlockRef

FIRST_PROBE = 16


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A block that a stream once stood at."""

    number: int
    hash: bytes


def probes(checkpoints: Sequence[Checkpoint]) -> Iterator[Sequence[Checkpoint]]:
    """The checkpoints, newest first, in groups that grow fourfold: most forks are short."""
    ordered = sorted(checkpoints, key=lambda one: one.number, reverse=True)
    at, size = 0, FIRST_PROBE
    while at < len(ordered):
        yield ordered[at : at + size]
        at, size = at + size, size * 4


def shared(group: Sequence[Checkpoint], headers: Mapping[int, BlockRef | None]) -> Checkpoint | None:
    """The newest checkpoint of the group that is on the chain the headers come from."""
    common = (one for one in group if (header := headers.get(one.number)) is not None and header.hash == one.hash)
    return max(common, key=lambda one: one.number, default=None)
