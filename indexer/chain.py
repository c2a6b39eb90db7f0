"""Ask for heads, headers and logs, and refuse answers that contradict themselves."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace

from indexer.chain_bloom_watch import BloomWatch
from indexer.chain_checks import lie_in_headers
from indexer.chain_cross_check import CrossCheck
from indexer.chain_finality import Finality
from indexer.chain_page import Page, Question
from indexer.chain_ranges import TARGET_BYTES, Ranges
from indexer.model import BlockRef, Filter, Logs, Range
from indexer.quick import Quick
from shared.endpoint import Endpoint
from shared.pool import Pool
from shared.rpc_types import Call, Header


class Chain:
    """One chain as its pool sees it. Whatever it returns passed the checks; what did not was asked of another endpoint.

    `finality` is the chain's own "finalized" tag, or a depth in blocks; `blooms` whether headers' blooms are consulted;
    `cross_check` whether a second endpoint must confirm all logs.
    Errors are RpcErrors, raised when no endpoint could give a believable answer in time; all but Permanent ones may be
    tried again later.
    """

    def __init__(
        self,
        pool: Pool,
        finality: str | int = "finalized",
        *,
        blooms: bool = True,
        cross_check: bool = False,
        target_bytes: int = TARGET_BYTES,
    ) -> None:
        self.name = pool.chain
        self.finality = Finality(pool, finality)
        self.blooms = BloomWatch(pool, trusted=blooms)
        self._pool = pool
        self._cross_check = CrossCheck(pool, self.blooms) if cross_check else None
        witness = None if self._cross_check is None else self._cross_check.witness
        self._ranges = Ranges(pool, pool.clock, self._check, target_bytes, witness=witness)

    async def tip(self) -> BlockRef:
        """The block to aim at: the newest that the endpoints agree on.

        Lower than before only when the chain really changed, or got shorter for a while.
        """
        return _ref(await self._pool.head())

    async def finalized(self) -> BlockRef | None:
        """The newest block that can no longer change, by tag or by depth; None while there is none. Never goes down.

        Endpoints that are on another fork are left out before it counts.
        """
        block = await self.finality.block()
        settled = await self._pool.forks.settle(block) if block is not None else None
        return None if settled is None else _ref(settled)

    async def examine(self) -> bool:
        """Look once more whether an endpoint is on another fork than what is final; whether one was left out now."""
        block = await self.finality.block()
        return block is not None and await self._pool.forks.examine(block)

    async def headers(self, numbers: Sequence[int]) -> Mapping[int, BlockRef | None]:
        """The block at each number on one endpoint's chain; None where that chain ends below it."""

        async def ask(endpoint: Endpoint) -> Mapping[int, Header | None]:
            calls = [Call("eth_getBlockByNumber", (hex(number), False)) for number in numbers]
            answers = await endpoint.answers(calls)
            found = {number: endpoint.header(answer) for number, answer in zip(numbers, answers, strict=True)}
            if lie := lie_in_headers({number: header for number, header in found.items() if header}):
                raise endpoint.contradiction(*lie)
            return found

        found = await self._pool.on(ask, block=max(numbers, default=0))
        return {number: None if header is None else _ref(header) for number, header in found.items()}

    async def logs(
        self,
        range: Range,  # noqa: A002
        filter: Filter,  # noqa: A002
        *,
        linked: bool = False,
        quick: Quick | None = None,
    ) -> Logs:
        """All logs of the range, asked for in as many questions as the endpoints' limits need.

        With `linked`, every header of the range comes along, each one's parent the block below. What `quick` can read
        comes as rows.
        """
        pages = [page async for page in self._pages(Question(range, filter, linked, quick))]
        headers = {number: _ref(header) for page in pages for number, header in page.headers.items()}
        logs = pages[0].left if len(pages) == 1 else [log for page in pages for log in page.left]
        copied = [page.copied for page in pages if page.copied is not None]
        return Logs(range, headers, logs, sum(page.size_bytes for page in pages), copied)

    async def _check(self, page: Page, question: Question) -> None:
        """A second look at a page, which an audit wants thorough, and to itself."""
        if self._cross_check is None or self.blooms.thorough:
            await self.blooms.check(page, question)
        else:
            await self._cross_check.check(page, question)

    @property
    def splits(self) -> Mapping[str, int]:
        """How often a question had to be asked in smaller pieces, by what was refused."""
        return self._ranges.splits

    def span(self, filter: Filter) -> int:  # noqa: A002
        """How many blocks one question about this filter takes at present: the best width for a range."""
        return self._ranges.span(filter)

    async def _pages(self, question: Question) -> AsyncIterator[Page]:
        """Consecutive pages that tile the range and link to each other."""
        below: Header | None = None
        first = question.range.first
        while first <= question.range.last:
            rest = replace(question, range=Range(first, question.range.last))
            page = await self._ranges.page(rest)
            if below is not None and page.headers[first].parent_hash != below.hash:
                text = f"block {first} does not follow block {first - 1}, which was read before"
                lie = page.endpoint.contradiction("links", text)
                page.endpoint.distrust(lie)
                raise lie
            yield page
            below = page.headers[page.range.last]
            first = page.range.last + 1


def _ref(header: Header) -> BlockRef:
    return BlockRef(header.number, header.hash, header.parent_hash, header.timestamp)
