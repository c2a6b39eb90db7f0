"""Compare the logs of a range on two endpoints, and settle what they differ in.

Where they differ in a block, its receipts decide if the header's bloom proves them; else what more than half of the
endpoints say, two at least.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from indexer.chain import Chain
from indexer.chain_page import Question, ask_page
from indexer.chain_receipts import matching, prove_complete, receipt_logs
from indexer.model import BlockRef, Filter, Log, Logs, Range
from shared.clock import Clock
from shared.endpoint import Endpoint
from shared.pool import Pool
from shared.rpc_errors import Contradiction, RpcError

Key = tuple[object, ...]


@dataclass(frozen=True, slots=True)
class Compared:
    """Two answers as one. `differences` say who was wrong where, `open` are blocks that nobody could settle."""

    logs: Logs
    differences: Sequence[str] = ()
    open: Sequence[int] = ()


def alone(pool: Pool, endpoint: Endpoint, clock: Clock) -> Chain:
    """The chain as this one endpoint tells it, within all its limits; blooms have no say."""
    return Chain(Pool(pool.chain, [endpoint], clock, chain_id=pool.chain_id), blooms=False)


async def compare(
    first: Endpoint,
    second: Endpoint,
    answers: tuple[Logs, Logs],
    filter: Filter,  # noqa: A002
    others: Sequence[Endpoint] = (),
) -> Compared:
    """What both say where they agree, and the truth where they do not. Raises Contradiction when they are on two forks.

    `others` are asked where the two differ.
    """
    one, two = answers
    if one.last.hash != two.last.hash:
        raise second.contradiction("hash", f"another block {one.range.last} than {first.name} has")
    mine, theirs = _by_block(one.logs), _by_block(two.logs)
    differing = sorted(number for number in mine.keys() | theirs.keys() if _keys(mine, number) != _keys(theirs, number))
    logs = {number: list(group) for number, group in mine.items()}
    differences: list[str] = []
    open_: list[int] = []
    for number in differing:
        truth = await _settled(one.headers[number], filter, (first, second, *others))
        if truth is None:
            open_.append(number)
            text = f"{first.name} has {len(mine.get(number, ()))} logs in block {number}, {second.name} has"
            differences.append(f"{text} {len(theirs.get(number, ()))}, and nobody can settle it")
            continue
        logs[number] = list(truth)
        for endpoint, told in ((first, mine), (second, theirs)):
            if difference := _difference(_keys(told, number), [_key(log) for log in truth]):
                differences.append(f"{endpoint.name}: block {number}: {difference}")
    agreed = [log for number in sorted(logs) for log in logs[number]]
    return Compared(replace(one, logs=agreed), differences, open_)


async def _settled(block: BlockRef, filter: Filter, endpoints: Sequence[Endpoint]) -> Sequence[Log] | None:  # noqa: A002
    """The block's logs, proved by its bloom or told by most; None when neither can be had."""
    told: list[Sequence[Log]] = []
    for endpoint in endpoints:
        try:
            logs, proved = await _told(endpoint, block, filter)
        except RpcError:
            continue
        if proved:
            return logs
        told.append(logs)
    counts = Counter(tuple(_key(log) for log in logs) for logs in told)
    best, votes = max(counts.items(), key=lambda item: item[1], default=((), 0))
    if votes < 2 or 2 * votes <= len(told):
        return None
    return next(logs for logs in told if tuple(_key(log) for log in logs) == best)


async def _told(endpoint: Endpoint, block: BlockRef, filter: Filter) -> tuple[Sequence[Log], bool]:  # noqa: A002
    """An endpoint's logs of a block, by receipts if it has them, and whether the header's bloom proves them."""
    header = await endpoint.block(hex(block.number))
    if header is None or header.hash != block.hash:
        raise endpoint.contradiction("hash", f"another block {block.number}")
    try:
        everything = await receipt_logs(endpoint, header)
    except Contradiction:
        raise
    except RpcError:
        page = await ask_page(endpoint, Question(Range(block.number, block.number), filter, linked=False))
        return page.logs, False
    return matching(everything, filter), any(header.logs_bloom) and prove_complete(everything, header)


def _by_block(logs: Sequence[Log]) -> Mapping[int, Sequence[Log]]:
    out: dict[int, list[Log]] = {}
    for log in logs:
        out.setdefault(int(log.block_number, 16), []).append(log)
    return out


def _keys(logs: Mapping[int, Sequence[Log]], number: int) -> list[Key]:
    return [_key(log) for log in logs.get(number, ())]


def _key(log: Log) -> Key:
    """Everything that decides a row."""
    place = int(log.block_number, 16), int(log.log_index, 16)
    return (*place, log.block_hash.lower(), log.transaction_hash.lower(), log.address.lower(), log.topics, log.data)


def _difference(told: Sequence[Key], truth: Sequence[Key]) -> str:
    missing, invented = len(set(truth) - set(told)), len(set(told) - set(truth))
    parts = [f"{missing} logs are missing"] * bool(missing) + [f"{invented} are not its own"] * bool(invented)
    return " and ".join(parts)
