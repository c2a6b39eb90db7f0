"""What the indexer asks of a chain."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from indexer.model import BlockRef, Filter, Logs, Range
from indexer.quick import Quick


class Reader(Protocol):
    """A chain whose answers were checked. Failures are RpcErrors, and all but Permanent ones may mend themselves."""

    async def tip(self) -> BlockRef: ...

    async def finalized(self) -> BlockRef | None: ...

    async def examine(self) -> bool: ...

    async def headers(self, numbers: Sequence[int]) -> Mapping[int, BlockRef | None]: ...

    async def logs(
        self,
        range: Range,  # noqa: A002
        filter: Filter,  # noqa: A002
        *,
        linked: bool = False,
        quick: Quick | None = None,
    ) -> Logs: ...

    def span(self, filter: Filter) -> int: ...  # noqa: A002
