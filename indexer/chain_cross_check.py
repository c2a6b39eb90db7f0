"""Have every page confirmed by a second endpoint, or by receipts: what nobody confirms is not believed."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from indexer.chain_bloom_watch import BloomWatch
from indexer.chain_echo import Echo
from indexer.chain_page import Page, Question, one_by_one
from indexer.chain_ranges import Ranges
from indexer.chain_settle import differing, rule, timed, timed_key
from indexer.errors import Unconfirmed
from indexer.model import Range
from shared.endpoint import Endpoint
from shared.pool import Pool
from shared.rpc_errors import Contradiction, RpcError

PATIENCE_S = 5.0
"""How long a second endpoint that is behind, or fails, is waited for."""

SLACK = 1.5
"""How much more than it gave last a second endpoint is asked for, to answer in the first one's words."""

AT_ONCE = 16
"""How many blocks are settled together."""


class CrossCheck:
    """Asks another endpoint for every page, and compares all that decides a row.

    Where two endpoints differ, receipts decide, else most endpoints. Where no other endpoint answers, the receipts of
    the page's own must prove it. Logs that were read by columns are read one by one only where the other endpoint does
    not tell them letter by letter.
    """

    def __init__(self, pool: Pool, watch: BloomWatch) -> None:
        self._pool = pool
        self._watch = watch
        self._lone: dict[Endpoint, Ranges] = {}

    async def check(self, page: Page, question: Question) -> None:
        """Raise Contradiction when the page is wrong, Unconfirmed when nobody can tell."""
        asked = replace(question, quick=None if page.copied is None else Echo(page))
        elsewhere = ""
        open_: Contradiction | None = None
        for endpoint in self._others(page, liars=not question.linked):
            try:
                opinion = await self._opinion(endpoint, asked)
            except RpcError:
                continue
            if opinion.headers[page.range.last].hash != page.headers[page.range.last].hash:
                elsewhere = endpoint.name
                continue
            found = await self._compare(page, opinion, question)
            if found is None:
                return
            open_ = open_ or found
        if open_ is not None:
            self._watch.verdicts["lie"] += 1
            raise open_
        if elsewhere:
            raise self._unconfirmed(page, f"{elsewhere} has another block {page.range.last}")
        if not await self._watch.prove(await one_by_one(page, question), question.filter):
            raise self._unconfirmed(page, "no other endpoint answers, and receipts do not prove it")

    async def _compare(self, page: Page, opinion: Page, question: Question) -> Contradiction | None:
        """None when the page is right, else what nobody can settle. Raises Contradiction when the page is wrong."""
        if opinion.copied is None:
            page = await one_by_one(page, question)
        both = page.headers.keys() & opinion.headers.keys()
        if other := [number for number in sorted(both) if _block(page, number) != _block(opinion, number)]:
            return _contradiction(page, opinion, other[0])
        echoes = opinion.copied is not None
        if echoes or page.logs == opinion.logs:
            return None
        page, opinion = _timed(page), _timed(opinion)
        numbers = differing(page.logs, opinion.logs, timed_key)
        others = [one for one in self._others(page, liars=False) if one is not opinion.endpoint]
        for at in range(0, len(numbers), AT_ONCE):
            some = numbers[at : at + AT_ONCE]
            rulings = await asyncio.gather(
                *(rule(page, opinion, number, question.filter, others, timed_key) for number in some)
            )
            for number, ruling in zip(some, rulings, strict=True):
                if ruling is None:
                    return _contradiction(page, opinion, number)
                if not ruling.page:
                    self._watch.verdicts["lie"] += 1
                    raise _contradiction(page, opinion, number)
        if numbers:
            self._watch.verdicts["lie"] += 1
            opinion.endpoint.distrust(_contradiction(opinion, page, numbers[0]))
        return None

    async def _opinion(self, endpoint: Endpoint, question: Question) -> Page:
        """The same page as this endpoint tells it, in as many questions as its limits need."""
        if endpoint not in self._lone:
            pool = Pool(self._pool.chain, [endpoint], self._pool.clock, patience_s=PATIENCE_S)
            pool.chain_id = self._pool.chain_id  # which the endpoint was asked for already
            self._lone[endpoint] = Ranges(pool, self._pool.clock, _believe, slack=SLACK)
        pages: list[Page] = []
        first, last = question.range.first, question.range.last
        while first <= last:
            pages.append(await self._lone[endpoint].page(replace(question, range=Range(first, last))))
            first = pages[-1].range.last + 1
        if len(pages) == 1:
            return pages[0]
        headers = {number: header for page in pages for number, header in page.headers.items()}
        return Page(question.range, headers, [log for page in pages for log in page.logs], 0, endpoint)

    def witness(self, endpoint: Endpoint) -> Endpoint | None:
        """Who is to confirm what this endpoint tells next."""
        return next((one for one in self._pool.awake() if one is not endpoint), None)

    def _others(self, page: Page, *, liars: bool) -> Sequence[Endpoint]:
        """Whom to ask: those that need no rest first; of those that rest for having been caught none but if `liars`.

        At the tip receipts are quicker than to wait for a liar; in the past its word on the other blocks saves many.
        """
        awake = [one for one in self._pool.awake(page.range.last) if one is not page.endpoint]
        resting = [
            one
            for one in self._pool.endpoints
            if one not in (page.endpoint, *awake)
            and not one.health.refused
            and not one.health.astray
            and (liars or not isinstance(one.health.last_error, Contradiction))
        ]
        return [*awake, *resting]

    def _unconfirmed(self, page: Page, why: str) -> Unconfirmed:
        text = f"{page.endpoint.name}: nobody confirms blocks {page.range}: {why}"
        return Unconfirmed(text, endpoint=page.endpoint.name)


async def _believe(page: Page, question: Question) -> None:
    """No second look at what is itself one."""


def _timed(page: Page) -> Page:
    return replace(page, logs=timed(page.logs, page.headers))


def _block(page: Page, number: int) -> tuple[bytes, bytes, int]:
    header = page.headers[number]
    return header.hash, header.parent_hash, header.timestamp


def _contradiction(page: Page, other: Page, number: int) -> Contradiction:
    text = f"block {number} is told otherwise by {other.endpoint.name}, and nobody proves this one right"
    return page.endpoint.contradiction("opinion", text)
