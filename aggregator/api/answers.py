"""The shapes that every answer shares: a page or one thing, and the blocks it is true at."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Generic, TypeVar

import msgspec

from shared.db import Connection

T = TypeVar("T")

Address = Annotated[str, msgspec.Meta(pattern="^0x[0-9a-fA-F]{40}$", examples=["0x" + "5f" * 20])]
Hash = Annotated[str, msgspec.Meta(pattern="^0x[0-9a-f]{64}$")]
Amount = Annotated[
    str,
    msgspec.Meta(
        pattern=r"^-?[0-9]+(\.[0-9]+)?$",
        description="A decimal number as a string, so that no reader rounds it.",
        examples=["1250.500000"],
    ),
]
Id = Annotated[
    str,
    msgspec.Meta(pattern="^[0-9]{1,78}$", description="A number of up to 256 bits as a string.", examples=["17"]),
]
Instant = Annotated[datetime, msgspec.Meta(tz=True)]
BlockNumber = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
Limit = Annotated[int, msgspec.Meta(ge=1, le=500, description="How many at most.")]
After = Annotated[
    str,
    msgspec.Meta(
        max_length=1024,
        pattern="^[A-Za-z0-9_-]+$",
        description="Where the page starts: `next` of the page before, with the same sort.",
    ),
]
ChainName = Annotated[str, msgspec.Meta(max_length=64, description="Only this chain.")]


class BlockRef(msgspec.Struct):
    """The last block of a stream that an answer contains."""

    stream: str
    chain: str
    block_number: BlockNumber
    block_hash: Hash | None
    block_time: Instant | None


class AsOf(msgspec.Struct):
    """When, and after which blocks, an answer was true. All of one answer is read from one snapshot."""

    time: Instant
    blocks: list[BlockRef]


class Page(msgspec.Struct, Generic[T]):
    """Some of many, in the order asked for."""

    data: list[T]
    next: Annotated[str | None, msgspec.Meta(description="Give it as `after` for what follows; null at the end.")]
    as_of: AsOf


class Item(msgspec.Struct, Generic[T]):
    """One thing."""

    data: T
    as_of: AsOf


async def as_of(cx: Connection, keys: Sequence[str] | None = None) -> AsOf:
    """Say after which blocks this snapshot is, for the streams of the protocols with these keys or for all streams."""
    rows = await cx.fetch(
        """select now() as at, c.stream, c.chain, c.block_number, '0x' || encode(c.block_hash, 'hex') as block_hash,
            c.block_time
        from (select) always left join usdx.cursors c
            on c.block_number >= c.start_block and ($1::text[] is null or split_part(c.stream, '/', 1) = any($1))
        order by c.stream""",
        keys,
        on="cursors",
    )
    known = [row for row in rows if row["stream"] is not None]
    return AsOf(rows[0]["at"], [BlockRef(**{name: row[name] for name in BlockRef.__struct_fields__}) for row in known])
