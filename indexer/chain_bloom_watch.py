"""Doubt an empty answer that the header's bloom denies, and settle the doubt."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace

from indexer.chain_bloom import FilterBloom
from indexer.chain_page import Page, Question, ask_page, with_headers
from indexer.chain_receipts import matching, prove_complete, receipt_logs
from indexer.chain_settle import Key, differing, row_key, rule
from indexer.model import Filter, Range
from shared.endpoint import Endpoint
from shared.pool import Pool
from shared.rpc_errors import Contradiction, RpcError
from shared.rpc_types import Header, RawLog

WEAK = 0.5  # a bloom so full that it says yes this often by chance says nothing
AT_ONCE = 16  # blocks whose receipts are asked for together
MOST_RECEIPTS = 4  # doubts of one page that are settled by receipts
VERDICTS = ("chance", "lie", "unproved", "bloom_unreliable")
KEPT = 64


class BloomWatch:
    """Compares every page with the blooms of its headers.

    Normally only blocks that are said to be empty are doubted; where blooms are too full to tell anything, only at the
    tip, and only another endpoint is asked. A `thorough` watch, which an audit wants, settles every block that its
    bloom does not exclude. `trusted` ends for good when the chain's blooms are proved wrong, as on chains that leave
    them empty. `verdicts` counts how doubts ended: by chance (the page was right), a lie, unproved, or with an
    unreliable bloom.
    """

    def __init__(self, pool: Pool, *, trusted: bool = True) -> None:
        self.trusted = trusted
        self.thorough = False
        self.verdicts = Counter(dict.fromkeys(VERDICTS, 0))
        self._pool = pool
        self._blooms: dict[Filter, FilterBloom] = {}

    async def check(self, page: Page, question: Question) -> None:
        """Raise Contradiction when logs are missing or invented, as far as that can be told."""
        if not self.trusted:
            return
        bloom = self._bloom(question.filter)
        full = page.full
        doubted: list[Header] = []
        faint: list[Header] = []
        for number, header in page.bloomed.items():
            may_match = bloom.may_match(header.logs_bloom)
            if number in full and not may_match:
                await self._excluded(page, header, question.filter)
            elif may_match and (self.thorough or number not in full):
                telling = self.thorough or bloom.chance(header.logs_bloom) < WEAK
                (doubted if telling else faint).append(header)
        if (doubted or (faint and question.linked)) and self.trusted:
            await self._settle(page, question, doubted, faint)

    async def prove(self, page: Page, filter: Filter) -> bool:  # noqa: A002
        """Whether blooms exclude or receipts prove everything in the page. Raises Contradiction when they deny it."""
        if not self.trusted:
            return False
        page = await with_headers(page, filter)
        bloom, full = self._bloom(filter), page.full
        doubted: list[Header] = []
        for number, header in page.headers.items():
            may_match = bloom.may_match(header.logs_bloom)
            if number in full and not may_match:
                await self._excluded(page, header, filter)
            elif may_match or not any(header.logs_bloom):  # which some chains leave empty
                doubted.append(header)
        for at in range(0, len(doubted), AT_ONCE):
            some = doubted[at : at + AT_ONCE]
            proved = await asyncio.gather(*(self._by_receipts(page, filter, header, row_key) for header in some))
            if not all(proved):
                return False
        return self.trusted

    def _bloom(self, filter: Filter) -> FilterBloom:  # noqa: A002
        if filter not in self._blooms:
            if len(self._blooms) >= KEPT:
                self._blooms.clear()
            self._blooms[filter] = FilterBloom(filter)
        return self._blooms[filter]

    async def _excluded(self, page: Page, header: Header, filter: Filter) -> None:  # noqa: A002
        """There are logs that the bloom excludes: it is wrong if others have them too, else they are invented."""
        if not any(header.logs_bloom):
            self._distrust()
            return
        theirs = _of_block(page, header.number)
        alone = Question(Range(header.number, header.number), filter, linked=False)
        opinion = await self._second_opinion(replace(page, range=alone.range), alone)
        witness = opinion.logs if opinion is not None else await self._witness(page.endpoint, header, filter)
        if witness is None or not differing(witness, theirs, _loose):
            self._distrust()
            return
        self.verdicts["lie"] += 1
        raise page.endpoint.contradiction("bloom", f"logs of block {header.number} that its bloom excludes")

    async def _settle(self, page: Page, question: Question, doubted: Sequence[Header], faint: Sequence[Header]) -> None:
        """Ask another endpoint for the same page; where there is none, look into the receipts of what is `doubted`.

        What is only `faint` is not worth receipts: in a full bloom that would be nearly every block's.
        """
        most = len(page.range) if self.thorough else MOST_RECEIPTS
        opinion = await self._second_opinion(page, question)
        if opinion is None:
            proved = [await self._by_receipts(page, question.filter, header, _loose) for header in doubted[:most]]
            self.verdicts["unproved"] += len(doubted) + len(faint) - sum(proved)
            return
        open_ = differing(page.logs, opinion.logs, self._key)
        settled = await self._decide(page, opinion, question.filter, open_[:most])
        unsettled = set(open_).difference(settled)
        self.verdicts["unproved"] += len(unsettled)
        self.verdicts["chance"] += sum(header.number not in unsettled for header in (*doubted, *faint))

    async def _decide(self, page: Page, opinion: Page, filter: Filter, numbers: Sequence[int]) -> Sequence[int]:  # noqa: A002
        """Find out who is wrong about blocks of which two endpoints tell different logs; where the page is right.

        What nobody can settle is believed of who tells more.
        """
        others = [one for one in self._others(page.endpoint) if one is not opinion.endpoint]
        right: list[int] = []
        for number in numbers:
            ruling = await rule(page, opinion, number, filter, others, self._key)
            mine, theirs = ({self._key(log) for log in _of_block(one, number)} for one in (page, opinion))
            if not (ruling.page if ruling is not None else mine > theirs):
                self._lied(page, number)
            if ruling is not None:
                right.append(number)
        if right:
            text = f"other logs in block {right[0]} than its receipts hold"
            opinion.endpoint.distrust(opinion.endpoint.contradiction("bloom", text))
        return right

    async def _by_receipts(self, page: Page, filter: Filter, header: Header, key: Callable[[RawLog], Key]) -> bool:  # noqa: A002
        """Whether the receipts prove the page right about a block."""
        try:
            everything = await receipt_logs(page.endpoint, header)
        except Contradiction:
            raise  # the block itself is in doubt now
        except RpcError:
            return False
        if differing(matching(everything, filter), _of_block(page, header.number), key):
            self._lied(page, header.number)
        if not prove_complete(everything, header):
            self._distrust()
            return False
        self.verdicts["chance"] += 1
        return True

    async def _second_opinion(self, page: Page, question: Question) -> Page | None:
        """The same page of another endpoint that stands on the same block; None when nobody else can tell."""
        for endpoint in self._others(page.endpoint):
            try:
                opinion = await ask_page(endpoint, replace(question, quick=None))
            except RpcError:
                continue
            if opinion.headers[page.range.last].hash == page.headers[page.range.last].hash:
                return opinion
        return None

    async def _witness(self, accused: Endpoint, header: Header, filter: Filter) -> Sequence[RawLog] | None:  # noqa: A002
        """The block's matching logs by the receipts of any endpoint, others first; None when nobody can tell."""
        for endpoint in (*self._others(accused), accused):
            try:
                return matching(await receipt_logs(endpoint, header), filter)
            except RpcError:
                continue
        return None

    @property
    def _key(self) -> Callable[[RawLog], Key]:
        """What two endpoints must tell alike."""
        return row_key if self.thorough else _loose

    def _others(self, endpoint: Endpoint) -> list[Endpoint]:
        return [other for other in self._pool.awake() if other is not endpoint]

    def _lied(self, page: Page, number: int) -> None:
        self.verdicts["lie"] += 1
        raise page.endpoint.contradiction("bloom", f"logs of block {number} are missing, or are not its own")

    def _distrust(self) -> None:
        self.verdicts["bloom_unreliable"] += 1
        self.trusted = False


def _of_block(page: Page, number: int) -> list[RawLog]:
    return [log for log in page.logs if int(log.block_number, 16) == number]


def _loose(log: RawLog) -> Key:
    """What a log says, and in which block; not its index, which some nodes get wrong."""
    words = log.transaction_hash, log.address, *log.topics, log.data
    return int(log.block_number, 16), *[word.lower() for word in words]
