"""Fetch a whole range, asking for less when the node cannot give it at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from indexer.errors import ForkedRange
from indexer.model import BlockRef, Filter, Logs, Range
from indexer.planner import Window
from indexer.reorg import broken_link
from shared.errors import TooLarge
from shared.rpc_errors import Kind, RpcError


class Reader(Protocol):
    """What this package needs of a chain."""

    async def tip(self) -> BlockRef: ...

    async def finalized(self) -> BlockRef | None: ...

    async def headers(self, numbers: Sequence[int]) -> Mapping[int, BlockRef | None]: ...

    async def logs(self, range: Range, filter: Filter, *, linked: bool = False) -> Logs: ...  # noqa: A002


class Fetcher:
    """Fetches ranges and learns from the answers how wide they may be."""

    def __init__(self, chain: Reader, window: Window | None = None) -> None:
        self._chain = chain
        self.window = window or Window()
        self.splits: dict[str, int] = {}

    async def fetch(self, span: Range, wanted: Filter, *, linked: bool) -> list[Logs]:
        """The logs of the range in one or more consecutive pieces that link to each other.

        Raises ForkedRange when the pieces or headers belong to different forks, and whatever the chain raises for a
        single block it cannot give.
        """
        pieces: list[Logs] = []
        first = span.first
        while first <= span.last:
            piece = await self._piece(Range(first, min(span.last, first + self.window.blocks - 1)), wanted, linked)
            if pieces and piece.first.parent != pieces[-1].last.hash:
                raise ForkedRange(f"block {first} does not stand on the block before it; the endpoint changed forks")
            _check_links(piece)
            pieces.append(piece)
            first = piece.range.last + 1
        return pieces

    async def _piece(self, span: Range, wanted: Filter, linked: bool) -> Logs:
        """The logs of the widest beginning of `span` that the chain gives. Every retry is narrower."""
        while True:
            try:
                logs = await self._chain.logs(span, wanted, linked=linked)
            except TooLarge as exc:
                if len(span) == 1:
                    raise
                self._narrow(span, exc)
                span = Range(span.first, min(span.last - 1, span.first + self.window.blocks - 1))
            else:
                self.window = self.window.after(span, len(logs.logs), logs.size_bytes)
                return logs

    def _narrow(self, span: Range, exc: TooLarge) -> None:
        self.splits[exc.reason] = self.splits.get(exc.reason, 0) + 1
        failure = exc.failure if isinstance(exc, RpcError) else None
        self.window = self.window.refused(
            span,
            failure.limit if failure else None,
            failure.suggested if failure else None,
            structural=failure is not None and failure.kind is Kind.STRUCTURAL,
        )


def _check_links(piece: Logs) -> None:
    ordered = [piece.headers[number] for number in sorted(piece.headers)]
    broken = broken_link(ordered)
    if broken is not None:
        raise ForkedRange(f"block {broken.number} does not stand on the block before it; the endpoint changed forks")
