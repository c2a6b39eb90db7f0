"""Settle what endpoints tell differently about a block: by receipts that its bloom proves, else by what most tell."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import msgspec

from indexer.chain_checks import NO_TIME
from indexer.chain_page import Page, Question, ask_page
from indexer.chain_receipts import matching, prove_complete, receipt_logs
from indexer.model import Filter, Log, Range
from shared.endpoint import Endpoint
from shared.rpc_errors import Contradiction, RpcError
from shared.rpc_types import Header

Key = tuple[object, ...]


class Ruling(NamedTuple):
    """Who is right about a block."""

    page: bool
    opinion: bool


async def rule(
    page: Page,
    opinion: Page,
    number: int,
    filter: Filter,  # noqa: A002
    others: Sequence[Endpoint],
    key: Callable[[Log], Key],
) -> Ruling | None:
    """Who is right about a block of which two pages tell differently; None when nobody can tell."""
    mine, theirs = [await _header(one, number) for one in (page, opinion)]
    if mine is None or theirs is None or (mine.hash, mine.timestamp) != (theirs.hash, theirs.timestamp):
        return None
    truth = await settled(number, mine.hash, filter, (page.endpoint, opinion.endpoint, *others))
    if truth is None:
        return None
    right = [key(_at(log, mine)) for log in truth]
    return Ruling(*([key(log) for log in by_block(one.logs).get(number, ())] == right for one in (page, opinion)))


async def settled(
    number: int,
    hash_: bytes,
    filter: Filter,  # noqa: A002
    endpoints: Sequence[Endpoint],
) -> Sequence[Log] | None:
    """The block's logs by receipts that its bloom proves, if all such agree, else as most tell; None without either."""
    told: list[Sequence[Log]] = []
    proved: list[Sequence[Log]] = []
    for endpoint in endpoints:
        try:
            logs, sure = await _told(endpoint, number, hash_, filter)
        except RpcError:
            continue
        told.append(logs)
        if sure:
            proved.append(logs)
    if proved and all(_keys(one) == _keys(proved[0]) for one in proved):
        return proved[0]
    counts = Counter(tuple(_keys(logs)) for logs in told)
    best, votes = max(counts.items(), key=lambda item: item[1], default=((), 0))
    if votes < 2 or 2 * votes <= len(told):
        return None
    return next(logs for logs in told if tuple(_keys(logs)) == best)


def row_key(log: Log) -> Key:
    """Everything that decides a row but its time."""
    place = int(log.block_number, 16), int(log.log_index, 16)
    words = log.block_hash, log.transaction_hash, log.address, *log.topics
    return (*place, *[word.lower() for word in words], log.data.lower())


def timed_key(log: Log) -> Key:
    """Everything that decides a row, of a log that tells its time."""
    return (*row_key(log), int(log.block_timestamp or "0x0", 16))


def timed(logs: Sequence[Log], headers: Mapping[int, Header]) -> Sequence[Log]:
    """The logs, each with its block's time."""
    return [log if log.block_timestamp not in NO_TIME else _at(log, headers[int(log.block_number, 16)]) for log in logs]


def by_block(logs: Sequence[Log]) -> dict[int, list[Log]]:
    """The logs of each block that has some."""
    out: dict[int, list[Log]] = {}
    for log in logs:
        out.setdefault(int(log.block_number, 16), []).append(log)
    return out


def differing(some: Sequence[Log], others: Sequence[Log], key: Callable[[Log], Key]) -> list[int]:
    """The blocks of which two tell different logs, ascending."""
    mine, theirs = by_block(some), by_block(others)
    return sorted(
        number
        for number in mine.keys() | theirs.keys()
        if [key(log) for log in mine.get(number, ())] != [key(log) for log in theirs.get(number, ())]
    )


def _at(log: Log, header: Header) -> Log:
    return msgspec.structs.replace(log, block_timestamp=hex(header.timestamp))


def _keys(logs: Sequence[Log]) -> list[Key]:
    return [row_key(log) for log in logs]


async def _header(page: Page, number: int) -> Header | None:
    """A block as a page's endpoint tells it."""
    try:
        return page.headers.get(number) or await page.endpoint.block(hex(number))
    except RpcError:
        return None


async def _told(endpoint: Endpoint, number: int, hash_: bytes, filter: Filter) -> tuple[Sequence[Log], bool]:  # noqa: A002
    """An endpoint's logs of a block, by receipts if it has them, and whether the header's bloom proves them."""
    header = await endpoint.block(hex(number))
    if header is None or header.hash != hash_:
        raise endpoint.contradiction("hash", f"another block {number}")
    try:
        everything = await receipt_logs(endpoint, header)
    except Contradiction:
        raise
    except RpcError:
        page = await ask_page(endpoint, Question(Range(number, number), filter, linked=False))
        return page.logs, False
    return matching(everything, filter), any(header.logs_bloom) and prove_complete(everything, header)
