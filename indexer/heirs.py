"""Take back what descends from a factory's table when births in it were changed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from indexer.naming import quoted
from indexer.scopes import main_key
from indexer.streams import Parent, Stream
from indexer.takeback import Setback, take_back
from shared.db import Connection

Births = Mapping[tuple[str, str, bytes], int]
"""The block of a contract's birth by table, column and address."""


def heirs_of(streams: Iterable[Stream]) -> dict[str, list[Stream]]:
    """The streams that descend from each table of a factory, without their annexes but with all tables."""
    whole: dict[str, Stream] = {}
    for one in streams:
        first = whole.setdefault(main_key(one.key), replace(one, key=main_key(one.key)))
        parent = first.parent or one.parent
        whole[first.key] = replace(first, tables={**first.tables, **one.tables}, parent=parent)
    heirs: dict[str, list[Stream]] = {}
    for name in {str(one.parent.table) for one in whole.values() if one.parent is not None}:
        fed = {name}
        for one in whole.values():
            if one.parent is not None and str(one.parent.table) in fed:
                heirs.setdefault(name, []).append(one)
                fed |= {str(table) for table in one.tables.values()}
    return heirs


async def births_in(cx: Connection, chain_id: int, parent: Parent) -> dict[bytes, int]:
    """The block of birth of every contract that a factory's table knows."""
    column, table = quoted(parent.column), parent.table
    sql = f"select {column}, min(block_number) from {table.qualified} where chain_id = $1 group by 1"  # noqa: S608
    rows = await cx.fetch(sql, chain_id, on=table.name)
    return {row[0]: row[1] for row in rows}


class Lineage:
    """What descends from the tables of one chain's streams."""

    def __init__(self, chain_id: int, streams: Iterable[Stream]) -> None:
        chosen = list(streams)
        self._chain_id = chain_id
        self._heirs = heirs_of(chosen)
        parents = [one.parent for one in chosen if one.parent is not None]
        self._parents = {(str(parent.table), parent.column): parent for parent in parents}

    def below(self, factory: Stream) -> list[str]:
        """The streams that descend from a stream's tables."""
        return [heir.key for table in factory.tables.values() for heir in self._heirs.get(str(table), ())]

    async def births(self, cx: Connection, factory: Stream) -> Births:
        """All births that a stream's tables know."""
        mine = {str(table) for table in factory.tables.values()}
        return {
            (table, column, address): block
            for (table, column), parent in self._parents.items()
            if table in mine
            for address, block in (await births_in(cx, self._chain_id, parent)).items()
        }

    async def follow(self, cx: Connection, before: Births, after: Births) -> list[Setback]:
        """Take the heirs of births that changed back to before the first of them, and have their workers read anew."""
        first: dict[str, int] = {}
        for key, block in set(before.items()) ^ set(after.items()):
            first[key[0]] = min(block, first.get(key[0], block))
        found = []
        for table, block in first.items():
            heirs = self._heirs.get(table, [])
            await _renew(cx, heirs)
            found += [await take_back(cx, heir, block - 1) for heir in heirs]
        return [one for one in found if one is not None]


async def _renew(cx: Connection, heirs: Sequence[Stream]) -> None:
    """Begin a new edition of the heirs' births. Their cursors are locked from here on, so that none moves up any more.

    An heir that stands below the birth does not go back: without this its worker would never learn of the contract.
    """
    await cx.execute(
        """update usdx.cursors set births_edition = births_edition + 1 where exists
        (select from unnest($1::text[]) as heir where stream = heir or starts_with(stream, heir || '+'))""",
        [one.key for one in heirs], on="cursors",
    )  # fmt: skip
