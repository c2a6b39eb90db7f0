"""Fetch a range of logs whatever the limits of the endpoints are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial

from indexer.chain_page import Page, Question, ask_page, page_by_receipts
from indexer.model import Filter, Range
from shared.clock import Clock
from shared.endpoint import Endpoint
from shared.endpoint_window import Answered, Window, suggested_blocks
from shared.pool import Pool
from shared.rpc_errors import (
    Contradiction,
    Failure,
    FilterTooBig,
    Kind,
    NoEndpoint,
    RangeTooWide,
    RateLimited,
    Rejected,
    RpcError,
    TooManyResults,
)

TARGET_BYTES = 1_500_000  # about 2,000 logs: few requests, and still quick to parse
COLUMNS_BYTES = 2_200_000  # about 3,300 logs: read by columns, more at once is quicker
LINKED_BLOCKS = 90  # headers that travel with one question
FIRST_PAUSE_S = 0.25
LEAST_FILTERS = 2
UNEXPLAINED = "unexplained"
SPLITS = (Kind.STRUCTURAL.value, Kind.DENSITY.value, Kind.FILTER.value, UNEXPLAINED)

Check = Callable[[Page, Question], Awaitable[None]]
Witness = Callable[[Endpoint], Endpoint | None]


class Ranges:
    """Asks for ranges. Every retry is narrower, goes to another endpoint, waits or is the last.

    `check` looks at every page once more and raises Contradiction where it finds one; `witness` is whom it asks then.
    With `slack` an endpoint is asked for so many times what it gave last, if that is all of the range. `splits` counts
    what had to be asked for in smaller pieces, by what was refused: the range, its results, the filter, or nobody knows
    what.
    """

    def __init__(
        self,
        pool: Pool,
        clock: Clock,
        check: Check,
        target_bytes: int = TARGET_BYTES,
        *,
        witness: Witness | None = None,
        slack: float = 1.0,
    ) -> None:
        self._pool = pool
        self._check = check
        self._witness = witness
        self._slack = slack
        self._clock = clock
        self._target_bytes = target_bytes
        self.splits = Counter(dict.fromkeys(SPLITS, 0))

    def span(self, filter: Filter) -> int:  # noqa: A002
        """How many blocks one question takes at present, the witness's too unless that takes far fewer."""
        mine = self._span(self._pool.first, filter)
        witness = self._witness(self._pool.first) if self._witness is not None else None
        theirs = mine if witness is None else self._span(witness, filter)
        return theirs if mine // 2 <= theirs < mine else mine

    async def page(self, question: Question) -> Page:
        """The logs of a prefix of the range: as much of it as an endpoint gives at once."""
        before = {endpoint: endpoint.windows.get(question.filter) for endpoint in self._pool.endpoints}
        while True:
            try:
                return await self._pool.on(
                    partial(self._from, question=question),
                    block=question.range.last,
                    hopeless=_width_may_be_why if len(question.range) > 1 else _misnumbered,
                )
            except RpcError as error:
                if len(question.range) == 1 and _misnumbered([error]):
                    return await self._renumbered(question, error)
                if len(question.range) == 1 or not _width_may_be_why([error]):
                    self._unlearn(question.filter, before)
                    raise
                self.splits[UNEXPLAINED] += 1
                question = self._learn_failure(question, error)

    async def _renumbered(self, question: Question, why: RpcError) -> Page:
        """A block whose logs everybody numbers wrongly, by its receipts; raises `why` where there are none."""
        try:
            return await self._pool.on(partial(page_by_receipts, question=question))
        except RpcError:
            raise why from None

    async def _from(self, endpoint: Endpoint, question: Question) -> Page:
        """A page of one endpoint, narrowed until it fits."""
        width = min(len(question.range), self._fit(endpoint, question))
        pause_s = FIRST_PAUSE_S
        doubted = 0
        while True:
            part = _narrowed(question, width)
            try:
                page = await ask_page(endpoint, part)
                await self._check(page, part)
            except (FilterTooBig, RangeTooWide, TooManyResults) as error:
                if isinstance(error, FilterTooBig) and _fewer_filters(endpoint, part.filter, error):
                    self.splits[Kind.FILTER.value] += 1
                    continue
                if width == 1:
                    return await self._single(endpoint, part, error)
                if error.failure.doubt is Kind.RATE:
                    await self._clock.sleep(pause_s)
                    pause_s *= 2
                    doubted = max(doubted, width)
                self.splits[_why(error.failure)] += 1
                width = self._learn_refusal(endpoint, part, error.failure)
            else:
                if doubted:  # the same endpoint takes less, so the range was meant, not the rate
                    endpoint.ceiling = endpoint.ceiling.refused(doubted, None)
                self._learn_answer(endpoint, part, page)
                return page

    async def _single(self, endpoint: Endpoint, question: Question, why: RpcError) -> Page:
        """A block that is refused on its own: by its receipts, unless the endpoint only meant that we ask too fast."""
        if why.failure.doubt is Kind.RATE:
            raise RateLimited(str(why), endpoint=endpoint.name, method=why.method, failure=why.failure)
        return await page_by_receipts(endpoint, question)

    def _fit(self, endpoint: Endpoint, question: Question) -> int:
        """How many blocks to begin with: what the endpoint takes, or a little more if nothing is left then."""
        span, whole = self._span(endpoint, question.filter), len(question.range)
        return whole if span < whole <= min(self._slack * span, endpoint.ceiling.blocks or whole) else span

    def _span(self, endpoint: Endpoint, filter: Filter) -> int:  # noqa: A002
        window = endpoint.windows.get(filter, Window())
        return min(window.span, endpoint.ceiling.blocks or window.span)

    def _learn_refusal(self, endpoint: Endpoint, question: Question, failure: Failure) -> int:
        """Remember what was refused; the next width, always narrower."""
        width = len(question.range)
        suggested = suggested_blocks(failure, question.range.first, question.range.last)
        window = endpoint.windows.get(question.filter, Window())
        if failure.kind is Kind.STRUCTURAL and not failure.doubt:
            endpoint.ceiling = endpoint.ceiling.refused(width, failure.limit or suggested)
            assert endpoint.ceiling.blocks is not None
            return min(endpoint.ceiling.blocks, width - 1)
        if failure.unit == "results" and failure.limit:
            endpoint.abilities = replace(endpoint.abilities, most_results=failure.limit)
        endpoint.windows[question.filter] = window.refused(width, suggested)
        return endpoint.windows[question.filter].span

    def _learn_failure(self, question: Question, error: RpcError) -> Question:
        """A narrower question, and narrower ones from now on, of those endpoints that failed for no told reason."""
        named = {one.endpoint for one in _each([error])}
        failed = [endpoint for endpoint in self._pool.endpoints if endpoint.name in named]
        widths = [self._width(endpoint, question) for endpoint in failed]
        for endpoint, width in zip(failed, widths, strict=True):
            endpoint.windows[question.filter] = endpoint.windows.get(question.filter, Window()).failed(width)
        width = max(self._width(endpoint, question) for endpoint in failed or self._pool.endpoints)
        return _narrowed(question, min(width, len(question.range) - 1))

    def _unlearn(self, filter: Filter, before: Mapping[Endpoint, Window | None]) -> None:  # noqa: A002
        """Forget what was learned of widths when in the end no width helped."""
        for endpoint, window in before.items():
            endpoint.windows.pop(filter, None)
            if window is not None:
                endpoint.windows[filter] = window

    def _width(self, endpoint: Endpoint, question: Question) -> int:
        """How much of the range an endpoint is asked for at once."""
        return len(_narrowed(question, min(len(question.range), self._span(endpoint, question.filter))).range)

    def _learn_answer(self, endpoint: Endpoint, question: Question, page: Page) -> None:
        width = len(question.range)
        endpoint.ceiling = endpoint.ceiling.answered(width)
        target_bytes = self._target_bytes if page.copied is None else max(COLUMNS_BYTES, self._target_bytes)
        answered = Answered(width, len(page.logs) if page.copied is None else page.copied.logs, page.size_bytes)
        endpoint.windows[question.filter] = endpoint.windows.get(question.filter, Window()).answered(
            answered, target_bytes, endpoint.abilities.most_results
        )


def _narrowed(question: Question, blocks: int) -> Question:
    """The first `blocks` of the question's range, fewer where all headers travel along."""
    blocks = min(blocks, LINKED_BLOCKS) if question.linked else blocks
    first, last = question.range.first, question.range.last
    return replace(question, range=Range(first, min(last, first + max(blocks, 1) - 1)))


def _why(failure: Failure) -> str:
    """What a range is split for."""
    kind = failure.kind.value
    return kind if failure.known and not failure.doubt and kind in SPLITS else UNEXPLAINED


def _width_may_be_why(errors: Sequence[RpcError]) -> bool:
    """Whether a narrower range may be answered where this one was not."""
    each = _each(errors)
    return _misnumbered(errors) or any(not one.failure.known or one.failure.doubt is Kind.DENSITY for one in each)


def _misnumbered(errors: Sequence[RpcError]) -> bool:
    """Whether everybody numbers logs wrongly, which the block's receipts can mend."""
    each = _each(errors)
    return bool(each) and all(isinstance(one, Contradiction) and one.check == "order" for one in each)


def _each(errors: Sequence[RpcError]) -> list[RpcError]:
    return [one for error in errors for one in (error.errors if isinstance(error, NoEndpoint) else (error,))]


def _fewer_filters(endpoint: Endpoint, filter: Filter, error: FilterTooBig) -> bool:  # noqa: A002
    """Remember how many addresses and topics the endpoint takes, always fewer than were refused; whether there are any.

    Raises Rejected when there are not and nothing but the filter can be meant.
    """
    asked = endpoint.abilities.most_filters or len(filter.addresses) + len(filter.topic0s)
    if asked <= LEAST_FILTERS:
        if error.failure.doubt is Kind.DENSITY:
            return False
        raise Rejected(str(error), endpoint=endpoint.name, method=error.method, failure=error.failure)
    said = error.failure.limit
    fewer = said if said and said < asked else max(asked // 2, LEAST_FILTERS)
    endpoint.abilities = replace(endpoint.abilities, most_filters=fewer)
    return True
