"""Show the chains that are indexed and how far."""

from typing import Annotated

import msgspec

from aggregator.api.answers import BlockNumber, Hash, Instant, Page, as_of
from aggregator.api.operation import Nothing, Operation, operation
from shared.db import Connection


class Stream(msgspec.Struct):
    """How far one stream of events is stored."""

    stream: str
    start_block: BlockNumber
    block_number: Annotated[int, msgspec.Meta(ge=-1, le=2**63 - 1)]
    block_hash: Hash | None
    block_time: Instant | None
    updated_at: Instant


class Chain(msgspec.Struct):
    """One chain and its streams."""

    chain: str
    chain_id: int
    genesis_hash: Hash
    streams: list[Stream]


async def chains(cx: Connection, asked: Nothing) -> Page[Chain]:
    """The chains that are indexed, and how far each of their streams is stored."""
    rows = await cx.fetch(
        """select chain, chain_id, '0x' || encode(genesis_hash, 'hex') as genesis_hash
        from usdx.chains order by chain""",
        on="chains",
    )
    found = {row["chain"]: Chain(**row, streams=[]) for row in rows}
    for row in await cx.fetch(
        """select chain, stream, start_block, block_number, '0x' || encode(block_hash, 'hex') as block_hash, block_time,
        updated_at from usdx.cursors order by stream""",
        on="cursors",
    ):
        found[row["chain"]].streams.append(Stream(**{name: row[name] for name in Stream.__struct_fields__}))
    return Page(list(found.values()), None, await as_of(cx))


def chain_operations() -> tuple[Operation, ...]:
    """Everything about chains."""
    return (operation("GET", "/chains", chains, tag="chains"),)
