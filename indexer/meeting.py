"""Meet a chain and learn what the config wants of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from indexer.assembly import Deployment, indexes_of, streams_of, views_of
from indexer.birth import birth
from indexer.chain_checks import lie_in_headers
from indexer.counters import EventCounters
from indexer.horizon import Horizon
from indexer.indexes import TableIndex
from indexer.layout import View, claim_chain, known_starts
from indexer.streams import Stream
from shared.db import Database
from shared.endpoint import Endpoint
from shared.metrics import Registry
from shared.pool import Pool
from shared.rpc_errors import Failure, Kind, MissingData
from shared.rpc_types import Header


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be indexed of a chain that was met. Shape: factories come before what they make."""

    chain: str
    chain_id: int
    genesis: bytes
    streams: Sequence[Stream]
    views: Sequence[View]
    indexes: Sequence[TableIndex]
    counters: EventCounters

    async def claim(self, db: Database) -> None:
        """Hold the chain's name for it. Raises WrongChain when the database knows another one by that name."""
        await claim_chain(db, self.chain, self.chain_id, self.genesis)


async def meet(
    pool: Pool, horizon: Horizon, db: Database, registry: Registry, deployed: Sequence[Deployment]
) -> Wanted:
    """See that the chain is the one that the database knows by this name, and put its streams together.

    Raises what the world or the config is wrong in.
    """
    genesis = await pool.on(_genesis)
    chain_id = pool.chain_id
    assert chain_id is not None, "which every question learns first"
    await claim_chain(db, pool.chain, chain_id, genesis.hash)
    tip = await horizon.look()
    known = await known_starts(db)
    streams: list[Stream] = []
    indexes: list[TableIndex] = []
    counters = EventCounters(registry, pool.chain, chain_id)
    for one in deployed:
        own = await streams_of(one, known, lambda address: birth(pool, address, tip.number))
        counters.add(one.protocol.counters, {s.key.rpartition("/")[2]: s.tables.values() for s in own})
        streams += own
        indexes += indexes_of(one, own)
    views = [view for one in deployed for view in views_of(one)]
    return Wanted(pool.chain, chain_id, genesis.hash, streams, views, indexes, counters)


async def _genesis(endpoint: Endpoint) -> Header:
    """Block 0, by which the chain is known again. Raises MissingData where the endpoint has none."""
    header = await endpoint.block("0x0")
    if header is None:
        text = f"{endpoint.name}: it does not have block 0, by which a chain is known again"
        raise MissingData(text, endpoint=endpoint.name, method="eth_getBlockByNumber", failure=Failure(Kind.MISSING))
    if lie := lie_in_headers({0: header}):
        raise endpoint.contradiction(*lie)
    return header
