"""Take a stream with its annexes back to a block, within somebody's transaction.

They fill the same tables, so they go back together: rows above the block go, and whoever stands above it goes to it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from indexer.schema import Table
from indexer.streams import Stream
from shared.db import Connection


@dataclass(frozen=True, slots=True)
class Setback:
    """One stream's way down. `to` is None when it begins anew; `rows` counts what is deleted, by table."""

    stream: str
    chain: str
    at: int
    to: int | None
    rows: Mapping[str, int] = field(default_factory=dict)

    def __str__(self) -> str:
        lost = ", ".join(f"{count} of {table}" for table, count in self.rows.items() if count) or "no rows"
        goal = "begins anew" if self.to is None else f"block {self.at} -> {self.to}"
        return f"{self.stream} ({self.chain}): {goal}, deletes {lost}"


@dataclass(frozen=True, slots=True)
class _Member:
    """A stream or an annex of it, where it stands."""

    key: str
    start: int
    at: int
    final: int


@dataclass(frozen=True, slots=True)
class _Target:
    """Where a member goes: the block and, where it is known, what it was on our chain."""

    number: int
    hash: bytes | None = None
    time: datetime | None = None


async def take_back(cx: Connection, stream: Stream, to: int, *, dry: bool = False) -> Setback | None:
    """Delete what was stored above a block and set the cursors there; None when nobody stands above it.

    Above the last final block they go to the newest checkpoint at or below `to` that all of them have, whose hash is
    known: from there the next range is linked to it, and a fork meanwhile is noticed. `dry` only counts.
    """
    members = await _family(cx, stream.key)
    targets = await _targets(cx, members, to)
    if not targets:
        return None
    low = min(target.number for target in targets.values())
    rows = await _lose(cx, stream, list(targets), low, dry=dry)
    if not dry:
        for key, target in targets.items():
            await _stand(cx, key, target)
    return Setback(stream.key, stream.chain, max(one.at for one in members if one.key in targets), low, rows)


async def forget(cx: Connection, stream: Stream, *, dry: bool = False) -> Setback:
    """Delete all that was stored, and the cursors."""
    members = await _family(cx, stream.key)
    keys = [one.key for one in members]
    rows = await _lose(cx, stream, keys, -1, dry=dry)
    if not dry:
        await cx.execute("delete from usdx.cursors where stream = any($1)", keys, on="cursors")
    return Setback(stream.key, stream.chain, max(one.at for one in members), None, rows)


async def _family(cx: Connection, key: str) -> list[_Member]:
    rows = await cx.fetch(
        """select stream, start_block, block_number, final_block from usdx.cursors
        where stream = $1 or starts_with(stream, $1 || '+') order by stream""",
        key, on="cursors",
    )  # fmt: skip
    return [_Member(*row) for row in rows]


async def _targets(cx: Connection, members: Sequence[_Member], to: int) -> dict[str, _Target]:
    """Where each of those above `to` goes: all to one block, so that no row is left above a cursor."""
    while True:
        above = [one for one in members if one.at > max(to, one.start - 1)]
        targets = {one.key: await _target(cx, one, to) for one in above}
        numbers = {target.number for target in targets.values()}
        if len(numbers) < 2:
            return targets
        to = min(numbers)


async def _target(cx: Connection, member: _Member, to: int) -> _Target:
    begin = member.start - 1
    known = await cx.fetchrow(
        """select block_number, block_hash from usdx.checkpoints
        where stream = $1 and block_number between $2 and $3 order by block_number desc limit 1""",
        member.key, min(to, member.final), to, on="checkpoints",
    )  # fmt: skip
    if known is not None and known["block_number"] > begin:
        return _Target(known["block_number"], known["block_hash"])
    return _Target(max(begin, min(to, member.final)))


async def _lose(cx: Connection, stream: Stream, keys: Sequence[str], above: int, *, dry: bool) -> dict[str, int]:
    """Delete or count what the family stored above a block."""
    chain_id = await cx.fetchval("select chain_id from usdx.chains where chain = $1", stream.chain, on="chains")
    lost = {}
    for table in stream.tables.values():
        if await cx.fetchval("select to_regclass($1)", table.qualified, on=table.name) is not None:
            lost[f"{table.schema}.{table.name}"] = await _gone(
                cx, table.qualified, "chain_id = $1 and block_number > $2", chain_id, above, dry=dry, on=table
            )
    mine = "stream = any($1) and {} > $2"
    for name, column in (
        ("undecoded_logs", "block_number"),
        ("checkpoints", "block_number"),
        ("coverage", "last_block"),
    ):
        lost[f"usdx.{name}"] = await _gone(cx, f"usdx.{name}", mine.format(column), keys, above, dry=dry, on=name)
    return lost


async def _gone(
    cx: Connection, table: str, where: str, whose: object, above: int, *, dry: bool, on: Table | str
) -> int:
    """How many rows are deleted, or would be."""
    label = on if isinstance(on, str) else on.name
    if dry:
        return int(await cx.fetchval(f"select count(*) from {table} where {where}", whose, above, on=label))  # noqa: S608
    tag = await cx.execute(f"delete from {table} where {where}", whose, above, on=label)  # noqa: S608 -- quoted names
    return int(tag.rpartition(" ")[2])


async def _stand(cx: Connection, key: str, target: _Target) -> None:
    await cx.execute(
        """update usdx.cursors set block_number = $2, block_hash = $3, block_time = $4, updated_at = now()
        where stream = $1""",
        key, target.number, target.hash, target.time, on="cursors",
    )  # fmt: skip
