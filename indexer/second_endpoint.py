"""Compare the logs of a range on two endpoints, and settle what they differ in.

Where they differ in a block, its receipts decide if the header's bloom proves them; else what more than half of the
endpoints say, two at least.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from indexer.chain import Chain
from indexer.chain_settle import Key, by_block, differing, row_key, settled
from indexer.model import Filter, Log, Logs
from shared.clock import Clock
from shared.endpoint import Endpoint
from shared.pool import Pool


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
    mine, theirs = by_block(one.logs), by_block(two.logs)
    logs = {number: list(group) for number, group in mine.items()}
    differences: list[str] = []
    open_: list[int] = []
    for number in differing(one.logs, two.logs, row_key):
        truth = await settled(number, one.headers[number].hash, filter, (first, second, *others))
        if truth is None:
            open_.append(number)
            text = f"{first.name} has {len(mine.get(number, ()))} logs in block {number}, {second.name} has"
            differences.append(f"{text} {len(theirs.get(number, ()))}, and nobody can settle it")
            continue
        logs[number] = list(truth)
        for endpoint, told in ((first, mine), (second, theirs)):
            if difference := _difference(_keys(told, number), [row_key(log) for log in truth]):
                differences.append(f"{endpoint.name}: block {number}: {difference}")
    agreed = [log for number in sorted(logs) for log in logs[number]]
    return Compared(replace(one, logs=agreed), differences, open_)


def _keys(logs: Mapping[int, Sequence[Log]], number: int) -> list[Key]:
    return [row_key(log) for log in logs.get(number, ())]


def _difference(told: Sequence[Key], truth: Sequence[Key]) -> str:
    missing, invented = len(set(truth) - set(told)), len(set(told) - set(truth))
    parts = [f"{missing} logs are missing"] * bool(missing) + [f"{invented} are not its own"] * bool(invented)
    return " and ".join(parts)
