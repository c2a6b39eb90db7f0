"""The indexer's part of `usdx check`: what stands behind the contracts, and whether ABIs and tables fit."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from indexer.assembly import Deployment, deployments, streams_of
from indexer.drift import examine, report
from indexer.errors import BadAbi, SchemaDrift
from indexer.proxies import Behind, behind
from indexer.proxy_watch import Proxied, proxied
from indexer.streams import Stream
from shared import protocol
from shared.check import Finding
from shared.clock import Clock
from shared.db import Database
from shared.errors import ConfigError, UsdxError
from shared.metrics import Registry
from shared.rpc_errors import RpcError
from shared.rpc_wiring import open_pool
from shared.settings import Settings

PATIENCE_S = 5.0


async def look(settings: Settings, clock: Clock) -> list[Finding]:
    """One finding for every proxy, one for every contract whose ABIs are not right, one for every drifted stream."""
    chains = sorted({one.chain for one in settings.protocols.values()} & set(settings.chains))
    parts = await asyncio.gather(*(_chain(settings, chain, clock) for chain in chains))
    drifted = await _tables(settings, clock, [stream for _, streams in parts for stream in streams])
    return [finding for findings, _ in parts for finding in findings] + drifted


async def _chain(settings: Settings, chain: str, clock: Clock) -> tuple[list[Finding], list[Stream]]:
    """The findings of one chain, and its streams as far as they could be made."""
    contracts: list[Proxied] = []
    streams: list[Stream] = []
    findings: list[Finding] = []
    try:
        deployed = _deployments(settings, chain)
    except ConfigError as exc:
        return [Finding(f"chain {chain}", "", exc)], []
    for deployment in deployed:
        if any(one.factory is None and not deployment.places(one) for one in deployment.protocol.contracts):
            continue  # an address is missing, which has a finding of its own
        try:
            streams += await streams_of(deployment, {}, _unborn)
            contracts += proxied(deployment)
        except (BadAbi, ConfigError) as exc:
            findings.append(Finding(f"protocol {deployment.key}", "", exc))
    found = await _ask(settings, chain, clock, [address for one in contracts for address in one.addresses])
    return findings + [finding for one in contracts for finding in _findings(one, found)], streams


async def _tables(settings: Settings, clock: Clock, streams: Sequence[Stream]) -> list[Finding]:
    """Streams whose tables no longer fit their ABI; nothing when the database is away, which is found by others."""
    if not streams:
        return []
    try:
        async with await Database.open(settings, Registry(), clock, "usdx check") as db, db.connection() as cx:
            found = await examine(cx, [table for stream in streams for table in stream.tables.values()])
    except UsdxError:
        return []
    drifted = {
        one.key: [(one.key, drift) for table in one.tables.values() for drift in found[table] or ()] for one in streams
    }
    return [Finding(f"tables of {key}", "", SchemaDrift(report(lines))) for key, lines in drifted.items() if lines]


async def _unborn(address: bytes) -> int:
    """The birth of a contract that is not going to be indexed now."""
    return 0


def _deployments(settings: Settings, chain: str) -> tuple[Deployment, ...]:
    """What is configured for a chain; a folder that cannot be read has a finding of its own."""
    loaded = {}
    for key, one in settings.protocols.items():
        try:
            loaded[key] = (protocol.load(one.path), one)
        except ConfigError:
            continue
    return deployments(loaded, chain)


async def _ask(settings: Settings, chain: str, clock: Clock, addresses: list[bytes]) -> Mapping[bytes, Behind | None]:
    """What stands behind these addresses; nothing when the chain does not answer, which is found by others."""
    async with open_pool(chain, settings.chains[chain], clock, Registry()) as pool:
        pool.patience_s = PATIENCE_S
        try:
            return await behind(pool.batch, addresses)
        except RpcError:
            return {}


def _findings(one: Proxied, found: Mapping[bytes, Behind | None]) -> list[Finding]:
    subject = f"contract {one.stream}"
    if wrong := one.lacks(found):
        return [Finding(subject, "", ConfigError(wrong))]
    return [
        Finding(subject, f"0x{address.hex()} is a proxy ({at.kind}); implementation 0x{at.implementation.hex()}")
        for address in one.addresses
        if (at := found.get(address)) is not None
    ]
