"""Ask one endpoint for the logs of a range, and believe nothing that contradicts itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field, replace

import msgspec

from indexer.chain_checks import NO_TIME, Expected, lie_in_headers, untimed_blocks
from indexer.chain_quick import Ahead, Given, Unread, read_quickly, stamped_ahead
from indexer.chain_receipts import matching, receipt_logs
from indexer.model import Copied, Filter, Range
from indexer.quick import Known, Quick
from shared.endpoint import Endpoint
from shared.rpc_answer import UNREADABLE, Answer
from shared.rpc_errors import BehindHead, Failure, Kind, RpcError
from shared.rpc_types import Call, Header, RawLog, block_calls

_logs = msgspec.json.Decoder(list[RawLog])


@dataclass(frozen=True, slots=True)
class Page:
    """All logs of a range that one endpoint gave, with the headers it gave along; checked.

    Where they were read by columns they are `copied`, held against what was `known`, and `logs` reads them on demand.
    """

    range: Range
    headers: dict[int, Header]
    logs: Sequence[RawLog]
    size_bytes: int
    endpoint: Endpoint
    copied: Copied | None = None
    known: Known | None = None

    @property
    def left(self) -> Sequence[RawLog]:
        """The logs that are no rows yet."""
        return self.logs if self.copied is None else self.copied.left

    @property
    def bloomed(self) -> Mapping[int, Header]:
        """The headers that were read with their blooms: logs that are rows needed none for the blocks between."""
        if self.copied is None:
            return self.headers
        return {number: self.headers[number] for number in (self.range.first, self.range.last)}

    @property
    def full(self) -> Set[int]:
        """The blocks that have logs, at least those of them whose headers came along."""
        if self.copied is not None:
            return self.copied.full
        return {int(number, 16) for number in dict.fromkeys(log.block_number for log in self.logs)}


@dataclass(frozen=True, slots=True)
class Question:
    """Which logs of which range, with every header of it or only the outer two; as rows where `quick` can do that."""

    range: Range
    filter: Filter
    linked: bool
    quick: Quick | None = field(default=None, compare=False)

    @property
    def numbers(self) -> list[int]:
        """The headers that travel along."""
        if self.linked:
            return list(range(self.range.first, self.range.last + 1))
        return sorted({self.range.first, self.range.last})


async def ask_page(endpoint: Endpoint, question: Question) -> Page:
    """One batch: the headers and the logs, so that the same backend answers both."""
    ahead = None
    if question.quick is not None and not question.linked:
        ahead = stamped_ahead(endpoint, question.range, question.filter)
    try:
        return await _ask_page(endpoint, question, ahead)
    finally:
        if ahead is not None:
            ahead.cancel()


async def _ask_page(endpoint: Endpoint, question: Question, ahead: Ahead) -> Page:
    filters = split_filter(question.filter, endpoint.abilities.most_filters)
    numbers = question.numbers
    answers = await endpoint.answers(
        [
            *block_calls(numbers),
            *(Call("eth_getLogs", (_query(question.range, one),)) for one in filters),
        ]
    )
    refusal = next((answer for answer in answers[len(numbers) :] if isinstance(answer, RpcError)), None)
    if refusal:
        raise refusal
    headers = _headers(endpoint, numbers, answers)
    raw = [answer for answer in answers[len(numbers) :] if not isinstance(answer, RpcError)]
    size_bytes = sum(memoryview(part).nbytes for part in raw)
    if question.quick is not None and len(raw) == 1 and not question.linked:
        page = Page(question.range, headers, Unread(raw[0]), size_bytes, endpoint)
        given = Given(question.range, question.filter, headers)
        found = await read_quickly(endpoint, raw[0], question.quick, given, ahead)
        expected = Expected(question.range, question.filter)
        if found is not None and not expected.lie_in(found.copied.left, found.headers):
            return replace(page, headers=found.headers, copied=found.copied, known=found.known)
    page = Page(question.range, headers, _parsed(endpoint, raw), size_bytes, endpoint)
    return await _timed(page, question)


async def one_by_one(page: Page, question: Question) -> Page:
    """The page with its logs read one by one, and a header for every block whose logs do not tell their time."""
    if page.copied is None:
        return page
    return await _timed(replace(page, logs=list(page.logs), copied=None, known=None), question)


async def headers_of(endpoint: Endpoint, numbers: Sequence[int]) -> dict[int, Header]:
    """The headers of blocks. Raises RpcError when one of them is not there."""
    return _headers(endpoint, numbers, await endpoint.answers(block_calls(numbers))) if numbers else {}


async def _timed(page: Page, question: Question) -> Page:
    """The page checked, with a header for every block whose logs do not tell their time."""
    expected = Expected(question.range, question.filter)
    if lie := lie_in_headers(page.headers) or expected.lie_in(page.logs, page.headers):
        raise page.endpoint.contradiction(*lie)
    missing = [number for number in untimed_blocks(page.logs) if number not in page.headers]
    if page.logs:
        page.endpoint.learn_timestamps(told=page.logs[0].block_timestamp not in NO_TIME)
    if not missing:
        return page
    page = replace(page, headers=page.headers | await headers_of(page.endpoint, missing))
    if lie := lie_in_headers(page.headers) or expected.lie_in(page.logs, page.headers):
        raise page.endpoint.contradiction(*lie)
    return page


async def with_headers(page: Page, filter: Filter) -> Page:  # noqa: A002
    """The page with every header of its range, checked against them."""
    missing = [number for number in range(page.range.first, page.range.last + 1) if number not in page.headers]
    page = replace(page, headers=page.headers | await headers_of(page.endpoint, missing))
    if lie := lie_in_headers(page.headers) or Expected(page.range, filter).lie_in(page.logs, page.headers):
        raise page.endpoint.contradiction(*lie)
    return page


async def page_by_receipts(endpoint: Endpoint, question: Question) -> Page:
    """The logs of a single block that `eth_getLogs` refuses."""
    number = question.range.first
    header = await endpoint.block(hex(number))
    if header is None:
        raise _not_there(endpoint, number)
    everything = await receipt_logs(endpoint, header)
    logs = matching(everything, question.filter)
    page = Page(question.range, {number: header}, logs, 0, endpoint)
    if lie := Expected(question.range, question.filter).lie_in(logs, page.headers):
        raise endpoint.contradiction(*lie)
    return page


def _query(range: Range, filter: Filter) -> dict[str, object]:  # noqa: A002
    query: dict[str, object] = {"fromBlock": hex(range.first), "toBlock": hex(range.last)}
    if filter.addresses:
        query["address"] = ["0x" + address.hex() for address in filter.addresses]
    if filter.topic0s:
        query["topics"] = [["0x" + topic.hex() for topic in filter.topic0s]]
    return query


def split_filter(filter: Filter, most: int | None) -> list[Filter]:  # noqa: A002
    """The filter in pieces of at most `most` addresses and topics; the pieces' logs do not overlap."""
    if most is None or len(filter.addresses) + len(filter.topic0s) <= most:
        return [filter]
    topics = _parts(filter.topic0s, max(most - 1, 1)) if len(filter.topic0s) >= most else [filter.topic0s]
    room = max(most - max(map(len, topics)), 1)
    return [Filter(some, few) for few in topics for some in _parts(filter.addresses, room)]


def _parts(items: tuple[bytes, ...], size: int) -> list[tuple[bytes, ...]]:
    return [items[at : at + size] for at in range(0, len(items), size)] or [()]


def _headers(endpoint: Endpoint, numbers: Sequence[int], answers: Sequence[Answer]) -> dict[int, Header]:
    headers: dict[int, Header] = {}
    for number, answer in zip(numbers, answers, strict=False):
        header = endpoint.header(answer)
        if header is None:
            raise _not_there(endpoint, number)
        headers[number] = header
    return headers


def _not_there(endpoint: Endpoint, number: int) -> BehindHead:
    """The error of a block that the endpoint does not have, which it may have soon; counted where it had to have it."""
    endpoint.lacks(number)
    text = f"{endpoint.name}: block {number} is not there yet"
    return BehindHead(text, endpoint=endpoint.name, method="eth_getLogs", failure=Failure(Kind.BEHIND))


def _parsed(endpoint: Endpoint, answers: Sequence[msgspec.Raw]) -> list[RawLog]:
    """The logs of several pieces in order."""
    try:
        pieces = [_logs.decode(answer) for answer in answers]
    except UNREADABLE as error:
        raise endpoint.contradiction("shape", f"logs without their fields ({error})") from error
    if len(pieces) == 1:
        return pieces[0]
    try:
        return sorted(
            (log for piece in pieces for log in piece),
            key=lambda log: (int(log.block_number, 16), int(log.log_index, 16)),
        )
    except ValueError as error:
        raise endpoint.contradiction("shape", f"a log whose numbers are no hex ({error})") from error
