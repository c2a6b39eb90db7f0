"""Keep the record of what the cursors of a stream and its annexes cover."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from indexer.events import EventSpec
from indexer.ownership import own
from indexer.scopes import Pair, Scope, Split, event_key, main_key, scope_of, split
from indexer.streams import Stream
from shared.db import Connection
from shared.errors import ConfigError


async def settle(cx: Connection, chain_id: int, stream: Stream, made: Sequence[EventSpec] = ()) -> Split:
    """Bring what the database knows of a stream's scope up to the config, and cut the stream accordingly.

    Events in `made` have a table that was not there before, so whatever is said to be covered of them is not.
    """
    at = await _positions(cx, stream.key)
    if stream.key not in at:
        await _begin(cx, stream, stream.start_block)
        return Split(stream)
    stream = await _begun(cx, stream)
    lost = {event_key(event) for event in made}
    scopes = {
        key: frozenset(pair for pair in scope if pair[1] not in lost)
        for key, scope in (await _scopes(cx, list(at))).items()
    }
    for key in [key for key in at if key != stream.key and at[key] == at[stream.key]]:
        scopes[stream.key] |= scopes.pop(key)
        await _merge(cx, key, stream.key)
    known = {key: scope for key, scope in scopes.items() if key != stream.key}
    split_ = split(stream, scopes[stream.key], known)
    for annex in split_.fresh:
        await _begin(cx, annex, annex.start_block)
        await _clear(cx, chain_id, annex)
    kept = {one.key for one in split_.streams}
    await cx.execute("delete from usdx.cursors where stream = any($1)", list(at.keys() - kept), on="cursors")
    for one in (split_.main, *split_.known):
        await _write_scope(cx, one)
    return split_


async def as_settled(cx: Connection, stream: Stream) -> tuple[Stream, ...]:
    """The stream and its annexes as they were last settled, none if that is to come yet; nothing is changed.

    Raises ConfigError where they cover something that the config does not name.
    """
    at = await _positions(cx, stream.key)
    if stream.key not in at:
        return ()
    scopes = await _scopes(cx, list(at))
    if not frozenset[Pair]().union(*scopes.values()) <= scope_of(stream):
        raise ConfigError(
            f"{stream.key}: the indexer runs with addresses or events that this config does not name; "
            "start it with this config first, or use the one that it has"
        )
    known = {key: scope for key, scope in scopes.items() if key != stream.key}
    found = split(await _begun(cx, stream), scopes[stream.key], known)
    return found.main, *found.known


async def _begun(cx: Connection, stream: Stream) -> Stream:
    """The stream with the start that it had when it began."""
    start = await cx.fetchval("select start_block from usdx.cursors where stream = $1", stream.key, on="cursors")
    return replace(stream, start_block=start)


async def _positions(cx: Connection, key: str) -> dict[str, tuple[int, bytes | None]]:
    """Where a stream and its annexes stand."""
    rows = await cx.fetch(
        "select stream, block_number, block_hash from usdx.cursors where stream = $1 or starts_with(stream, $1 || '+')",
        key,
        on="cursors",
    )
    return {row["stream"]: (row["block_number"], row["block_hash"]) for row in rows}


async def _scopes(cx: Connection, keys: Sequence[str]) -> dict[str, Scope]:
    rows = await cx.fetch(
        "select stream, address, event from usdx.scopes where stream = any($1)", list(keys), on="scopes"
    )
    return {key: frozenset((row["address"], row["event"]) for row in rows if row["stream"] == key) for key in keys}


async def _begin(cx: Connection, stream: Stream, start: int) -> None:
    await cx.execute(
        """insert into usdx.cursors (stream, chain, start_block, block_number)
        values ($1, $2, $3, $3::bigint - 1)""",
        stream.key, stream.chain, start, on="cursors",
    )  # fmt: skip
    await _write_scope(cx, stream)


async def _write_scope(cx: Connection, stream: Stream) -> None:
    await cx.execute("delete from usdx.scopes where stream = $1", stream.key, on="scopes")
    pairs = sorted(scope_of(stream))
    await cx.execute(
        "insert into usdx.scopes (stream, address, event) select $1, * from unnest($2::bytea[], $3::text[])",
        stream.key, [pair[0] for pair in pairs], [pair[1] for pair in pairs], on="scopes",
    )  # fmt: skip


async def _merge(cx: Connection, annex: str, main: str) -> None:
    """Let a stream take over an annex that stands at its block. Its audits no longer cover all of it."""
    await cx.execute("update usdx.undecoded_logs set stream = $2 where stream = $1", annex, main, on="undecoded_logs")
    await cx.execute("delete from usdx.cursors where stream = $1", annex, on="cursors")
    await cx.execute("delete from usdx.coverage where stream = $1", main, on="coverage")


async def _clear(cx: Connection, chain_id: int, annex: Stream) -> None:
    """Delete what is left of a time when what the annex is about was wanted already, or was not understood."""
    mine, arguments = own(annex, 2)
    for table in annex.tables.values():
        sql = f"delete from {table.qualified} where chain_id = $1{mine}"  # noqa: S608 -- quoted names
        await cx.execute(sql, chain_id, *arguments, on=table.name)
    mine, arguments = own(annex, 4)
    sql = "delete from usdx.undecoded_logs where chain_id = $1 and (stream = $2 or starts_with(stream, $2 || '+'))"
    topics = [event.topic0 for event in annex.tables if event.topic0 is not None]
    await cx.execute(
        f"{sql} and topics[1] = any($3::bytea[]){mine}",
        chain_id, main_key(annex.key), topics, *arguments, on="undecoded_logs",
    )  # fmt: skip
