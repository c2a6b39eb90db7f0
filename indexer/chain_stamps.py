"""Hold many blocks by columns: which they are, what they follow, and when they were."""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from indexer.quick import Stamps
from shared.rpc_stamps import Stamp
from shared.rpc_types import LAST_SECOND, Header

WORD = 32


@dataclass(frozen=True, slots=True)
class Blocks:
    """Blocks in ascending order. Shape: `parents` are their parents' hashes, 32 bytes each."""

    stamps: Stamps
    parents: bytes

    def around(self, more: Blocks) -> Blocks:
        """These and others, which lie between the first and the last of these."""
        mine, theirs = self.stamps, more.stamps
        at = bisect_right(mine.numbers, mine.numbers[0]) if mine.numbers else 0
        return Blocks(
            Stamps(
                mine.numbers[:at] + theirs.numbers + mine.numbers[at:],
                mine.hashes[: at * WORD] + theirs.hashes + mine.hashes[at * WORD :],
                mine.times[:at] + theirs.times + mine.times[at:],
            ),
            self.parents[: at * WORD] + more.parents + self.parents[at * WORD :],
        )

    def linked(self) -> bool:
        """Whether each block follows the one below it, wherever that is there."""
        numbers, hashes = self.stamps.numbers, self.stamps.hashes
        if numbers and numbers[-1] - numbers[0] == len(numbers) - 1:
            return hashes[:-WORD] == self.parents[WORD:]
        return all(
            hashes[(at - 1) * WORD : at * WORD] == self.parents[at * WORD : (at + 1) * WORD]
            for at in range(1, len(numbers))
            if numbers[at] - 1 == numbers[at - 1]
        )

    def headers(self, wanted: Iterable[int]) -> dict[int, Header]:
        """Those of the blocks that are wanted, without their blooms."""
        out = {}
        for number in wanted:
            at = bisect_left(self.stamps.numbers, number)
            if at < len(self.stamps.numbers) and self.stamps.numbers[at] == number:
                own, parent = (words[at * WORD : (at + 1) * WORD] for words in (self.stamps.hashes, self.parents))
                out[number] = Header(number, own, parent, self.stamps.times[at], b"")
        return out


def blocks_of(numbers: Sequence[int], told: Sequence[Stamp]) -> Blocks | None:
    """The blocks that a node told of when it was asked for these, ascending and not none; None unless they are that."""
    try:
        hashes, parents = _words([one.hash for one in told]), _words([one.parent_hash for one in told])
        found = array("q", [int(one.number, 16) for one in told])
        times = array("q", [int(one.timestamp, 16) for one in told])
    except (ValueError, OverflowError):
        return None
    if found.tolist() != list(numbers) or min(times) < 0 or max(times) > LAST_SECOND:
        return None
    return Blocks(Stamps(found, hashes, times), parents)


def _words(texts: Sequence[str]) -> bytes:
    """0x-words of 32 bytes one after the other. Raises ValueError when one is none."""
    joined, width, count = "".join(texts), 2 + 2 * WORD, len(texts)
    if {*map(len, texts)} != {width} or joined[::width] != "0" * count or joined[1::width] != "x" * count:
        raise ValueError("not words of 32 bytes")
    out = bytes.fromhex(joined.replace("0x", ""))
    if len(out) != WORD * count:
        raise ValueError("not words of 32 bytes")
    return out
