"""Doubt an empty answer that the header's bloom denies, and settle the doubt."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from indexer.chain_bloom import FilterBloom
from indexer.chain_page import Page, Question, ask_page
from indexer.chain_receipts import matching, prove_complete, receipt_logs
from indexer.model import Filter, Range
from shared.endpoint import Endpoint
from shared.pool import Pool
from shared.rpc_errors import Contradiction, RpcError
from shared.rpc_types import Header, RawLog

WEAK = 0.5  # a bloom so full that it says yes this often by chance says nothing
MOST_RECEIPTS = 4  # doubts of one page that are settled by receipts
VERDICTS = ("chance", "lie", "unproved", "bloom_unreliable")
KEPT = 64


class BloomWatch:
    """Compares every page with the blooms of its headers.

    Normally only blocks that are said to be empty are doubted, and not where blooms are too full to tell anything; a
    `thorough` watch, which an audit wants, settles every block that its bloom does not exclude. `trusted` ends for good
    when the chain's blooms are proved wrong, as on chains that leave them empty. `verdicts` counts how doubts ended: by
    chance (the page was right), a lie, unproved, or with an unreliable bloom.
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
        for number, header in page.bloomed.items():
            may_match = bloom.may_match(header.logs_bloom)
            if number in full and not may_match:
                await self._excluded(page, header, question.filter)
            elif may_match and (self.thorough or (number not in full and bloom.chance(header.logs_bloom) < WEAK)):
                doubted.append(header)
        if doubted and self.trusted:
            await self._settle(page, question, doubted)

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
        if witness is None or _same(witness, theirs):
            self._distrust()
            return
        self.verdicts["lie"] += 1
        raise page.endpoint.contradiction("bloom", f"logs of block {header.number} that its bloom excludes")

    async def _settle(self, page: Page, question: Question, doubted: Sequence[Header]) -> None:
        """Ask another endpoint for the same page; where there is none, or it differs, look into the receipts."""
        opinion = await self._second_opinion(page, question)
        if opinion is not None and _same(opinion.logs, page.logs):
            self.verdicts["chance"] += len(doubted)
            return
        open_ = list(doubted) if opinion is None else await _disputed(page, opinion)
        most = len(open_) if self.thorough else MOST_RECEIPTS
        proved = [await self._by_receipts(page, question.filter, header) for header in open_[:most]]
        self.verdicts["unproved"] += len(open_) - sum(proved)
        if opinion is not None:
            if sum(proved) < len(open_):
                self._lied(page, open_[0])
            text = f"other logs in block {open_[0].number} than its receipts hold"
            opinion.endpoint.distrust(opinion.endpoint.contradiction("bloom", text))

    async def _by_receipts(self, page: Page, filter: Filter, header: Header) -> bool:  # noqa: A002
        """Whether the receipts prove the page right about a block."""
        try:
            everything = await receipt_logs(page.endpoint, header)
        except Contradiction:
            raise  # the block itself is in doubt now
        except RpcError:
            return False
        if not _same(matching(everything, filter), _of_block(page, header.number)):
            self._lied(page, header)
        if not prove_complete(everything, header):
            self._distrust()
            return False
        self.verdicts["chance"] += 1
        return True

    async def _second_opinion(self, page: Page, question: Question) -> Page | None:
        """The same page of another endpoint that stands on the same block; None when nobody else can tell."""
        for endpoint in self._others(page.endpoint):
            try:
                opinion = await ask_page(endpoint, question)
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

    def _others(self, endpoint: Endpoint) -> list[Endpoint]:
        return [other for other in self._pool.awake() if other is not endpoint]

    def _lied(self, page: Page, header: Header) -> None:
        self.verdicts["lie"] += 1
        raise page.endpoint.contradiction("bloom", f"logs of block {header.number} are missing, or are not its own")

    def _distrust(self) -> None:
        self.verdicts["bloom_unreliable"] += 1
        self.trusted = False


async def _disputed(page: Page, opinion: Page) -> list[Header]:
    """The blocks of which two endpoints tell different logs."""
    numbers = {int(log.block_number, 16) for log in (*page.logs, *opinion.logs)}
    differing = [number for number in sorted(numbers) if not _same(_of_block(page, number), _of_block(opinion, number))]
    found = [page.headers.get(number) or await page.endpoint.block(hex(number)) for number in differing]
    return [header for header in found if header is not None]


def _of_block(page: Page, number: int) -> list[RawLog]:
    return [log for log in page.logs if int(log.block_number, 16) == number]


def _same(some: Sequence[RawLog], others: Sequence[RawLog]) -> bool:
    return [_key(log) for log in some] == [_key(log) for log in others]


def _key(log: RawLog) -> tuple[int, str, str, tuple[str, ...], str]:
    return int(log.block_number, 16), log.transaction_hash.lower(), log.address.lower(), log.topics, log.data
