"""Take streams back to a block, or let them begin anew, with the loss counted before and after.

All of it happens in one transaction under the leases of the chains, so a worker never sees half of it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

from indexer.assembly import deployments, streams_of
from indexer.drift import misfits
from indexer.layout import drop_views, known_starts
from indexer.schema import Table
from indexer.streams import Stream
from indexer.takeback import Setback, forget, take_back
from shared import protocol
from shared.db import Connection, Database
from shared.errors import ConfigError, LeaseHeld
from shared.lease import lease
from shared.settings import Settings


async def configured(db: Database, settings: Settings) -> dict[str, Stream]:
    """The streams that both the config and the database know, factories before what they make."""
    known = await known_starts(db)
    return {one.key: one for one in await named(settings, known) if one.key in known}


async def named(settings: Settings, starts: Mapping[str, int]) -> list[Stream]:
    """The streams that the config names, factories before what they make; `starts` are those that are known."""
    loaded = {key: (protocol.load(one.path), one) for key, one in settings.protocols.items()}
    found: list[Stream] = []
    for chain in dict.fromkeys(one.chain for one in settings.protocols.values()):
        for deployment in deployments(loaded, chain):
            found += await streams_of(deployment, starts, _unborn)
    return found


async def _unborn(address: bytes) -> int:
    """The birth of a contract whose stream the database does not know: where it began does not matter here."""
    return 0


def chosen(streams: Mapping[str, Stream], names: Collection[str], chains: Collection[str] = ()) -> list[Stream]:
    """The streams of these names or chains, all without either, and those that their factories made.

    Raises ConfigError for a name that is not there.
    """
    chains_known = {one.chain for one in streams.values()}
    unknown = [name for name in names if name not in streams] + [name for name in chains if name not in chains_known]
    if unknown:
        there = ", ".join(sorted({*streams, *chains_known})) or "none: nothing was indexed yet"
        raise ConfigError(f"{', '.join(unknown)}: not in this config and database; there are {there}")
    found: dict[str, Stream] = {}
    for key, one in streams.items():
        wanted = not (names or chains) or key in names or one.chain in chains
        if wanted or (one.parent is not None and any(parent in found for parent in one.parent.keys)):
            found[key] = one
    return list(found.values())


@asynccontextmanager
async def alone(db: Database, chains: Iterable[str]) -> AsyncIterator[None]:
    """Hold the leases of these chains. Raises LeaseHeld at once when a worker holds one of them or stands by for it."""
    async with AsyncExitStack() as stack:
        for chain in sorted(chains):
            await stack.enter_async_context(_at_once(db, chain))
        yield


@asynccontextmanager
async def _at_once(db: Database, chain: str) -> AsyncIterator[None]:
    key = f"chain {chain}"

    def refuse() -> None:
        raise LeaseHeld(f"an indexer works on {key}, so nothing was changed")

    async with lease(db, key, waiting=refuse):
        async with db.connection() as cx:
            there = await cx.fetchval(
                "select count(*) from pg_stat_activity where application_name = $1 and datname = current_database()",
                f"usdx lease {key}"[:63],
                on="pg_stat_activity",
            )
        if there > 1:
            refuse()
        yield


async def roll_back(db: Database, streams: Sequence[Stream], to: int, *, dry: bool) -> list[Setback]:
    """Delete what the streams stored above block `to` and set their cursors there; `dry` only counts.

    A stream that stands at `to` or below stays; the others go as `take_back` says, their annexes with them.
    """
    async with db.transaction(readonly=dry) as cx:
        found = [await take_back(cx, stream, to, dry=dry) for stream in streams]
    return [one for one in found if one is not None]


async def reindex(db: Database, streams: Sequence[Stream], *, dry: bool) -> list[Setback]:
    """Delete all that the streams stored, and their cursors: they begin anew at the next start.

    A table that differs from its event by now is dropped, with the views of its protocol; the next start makes both
    again. Raises ConfigError when it holds rows of other chains, too, and DatabaseRejected when a view made by somebody
    else stands on it.
    """
    async with db.transaction(readonly=dry) as cx:
        unfit = await misfits(cx, [table for one in streams for table in one.tables.values()])
        for table in unfit:
            await _refuse_shared(cx, table, {one.chain for one in streams})
        done = [await forget(cx, stream, dry=dry) for stream in streams]
        for table in () if dry else unfit:
            await drop_views(cx, table.schema)
            await cx.execute(f"drop table {table.qualified}", on=table.name)
        return done


async def _refuse_shared(cx: Connection, table: Table, chains: Collection[str]) -> None:
    sql = f"""select chain from usdx.chains where chain <> all($1)
        and exists (select from {table.qualified} as one where one.chain_id = chains.chain_id) order by 1"""  # noqa: S608
    others = [row[0] for row in await cx.fetch(sql, list(chains), on=table.name)]
    if others:
        raise ConfigError(
            f"{table}: differs from its event and has to be dropped, but holds rows of chain {', '.join(others)}, too; "
            "name the streams of all these chains at once"
        )
