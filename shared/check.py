"""Look at everything the configuration points at, and say what to mend."""

from __future__ import annotations

import asyncio
import importlib.metadata
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import aiohttp

from shared import protocol as protocols
from shared.clock import Clock
from shared.db import Database
from shared.errors import ConfigError, UsdxError
from shared.metrics import Registry
from shared.protocol_places import addresses_of, fitted
from shared.rpc import Rpc
from shared.rpc_http import HttpTransport
from shared.settings import ChainSettings, EndpointSettings, ProtocolSettings, Settings

GROUP = "usdx.checks"
ENDPOINT_TIMEOUT_S = 8.0
OLDEST_POSTGRES = 140000


@dataclass(frozen=True, slots=True)
class Finding:
    """What one look showed; `error` None means that all is well."""

    subject: str
    detail: str
    error: UsdxError | None = None


Look = Callable[[Settings, Clock], Awaitable[Sequence[Finding]]]


async def look(settings: Settings, clock: Clock) -> list[Finding]:
    """Every finding: protocols, database, chains, and what other parts add by the entry-point group `usdx.checks`."""
    looks: list[Look] = [_protocols, _database, _chains]
    looks += [entry.load() for entry in importlib.metadata.entry_points(group=GROUP)]
    parts = await asyncio.gather(*(one(settings, clock) for one in looks))
    return [finding for part in parts for finding in part]


async def _protocols(settings: Settings, clock: Clock) -> list[Finding]:
    return [_protocol(name, settings) for name in settings.protocols]


def _protocol(name: str, settings: Settings) -> Finding:
    subject = f"protocol {name}"
    path = str(settings.protocols[name].path)
    try:
        loaded = fitted(settings, name, homes=True)
    except ConfigError as exc:
        return Finding(subject, path, exc)
    detail = f"{len(loaded.contracts)} contracts, {len(loaded.views)} views, {len(loaded.gauges)} gauges"
    return Finding(subject, detail)


async def _database(settings: Settings, clock: Clock) -> list[Finding]:
    try:
        async with await Database.open(settings, Registry(), clock, "usdx check") as db, db.connection() as cx:
            number = int(await cx.fetchval("show server_version_num"))
            version = await cx.fetchval("show server_version")
            allowed = await cx.fetchval("select has_database_privilege(current_database(), 'create')")
    except UsdxError as exc:
        return [Finding("database", "", exc)]
    if number < OLDEST_POSTGRES:
        return [Finding("database", db.target, ConfigError(f"Postgres {version} is too old; 14 or newer is needed"))]
    if not allowed:
        return [Finding("database", db.target, ConfigError(f"database {db.target}: this login may not create schemas"))]
    return [Finding("database", f"Postgres {version} at {db.target}")]


async def _chains(settings: Settings, clock: Clock) -> list[Finding]:
    async with aiohttp.ClientSession() as session:
        parts = await asyncio.gather(
            *(_chain(name, chain, settings, session, clock) for name, chain in settings.chains.items())
        )
    return [finding for part in parts for finding in part]


async def _chain(
    name: str, chain: ChainSettings, settings: Settings, session: aiohttp.ClientSession, clock: Clock
) -> list[Finding]:
    rpcs = [_rpc(endpoint, session, clock) for endpoint in chain.rpc]
    findings, ids = [], {}
    for rpc, seen in zip(rpcs, await asyncio.gather(*(_state(rpc) for rpc in rpcs)), strict=True):
        subject = f"chain {name}, endpoint {rpc.name}"
        if isinstance(seen, UsdxError):
            findings.append(Finding(subject, "", seen))
            continue
        ids[rpc.name] = seen[0]
        findings.append(Finding(subject, f"chain id {seen[0]}, block {seen[1]}"))
    if len(set(ids.values())) > 1:
        said = ", ".join(f"{endpoint} says {number}" for endpoint, number in ids.items())
        findings.append(
            Finding(f"chain {name}", "", ConfigError(f"endpoints of {name} serve different chains: {said}"))
        )
    alive = next((rpc for rpc in rpcs if rpc.name in ids), None)
    return findings + (await _contracts(name, settings, alive) if alive else [])


def _rpc(endpoint: EndpointSettings, session: aiohttp.ClientSession, clock: Clock) -> Rpc:
    transport = HttpTransport(endpoint.name, endpoint.url.get_secret_value(), session, ENDPOINT_TIMEOUT_S)
    return Rpc(endpoint.name, transport, clock)


async def _state(rpc: Rpc) -> tuple[int, int] | UsdxError:
    """Chain id and block number."""
    try:
        return int(await rpc.call("eth_chainId"), 16), int(await rpc.call("eth_blockNumber"), 16)
    except UsdxError as exc:
        return exc
    except (TypeError, ValueError):
        return ConfigError(f"endpoint {rpc.name} answers, but not as an Ethereum node does")


async def _contracts(chain: str, settings: Settings, rpc: Rpc) -> list[Finding]:
    """Addresses of the chain's protocols at which there is no code."""
    findings = []
    for name, one in settings.protocols.items():
        if one.chain != chain:
            continue
        for contract, address in _places(one):
            try:
                code: Any = await rpc.call("eth_getCode", [address, "latest"])
            except UsdxError as exc:
                findings.append(Finding(f"protocol {name}, {contract}", address, exc))
                continue
            if code in ("0x", "", None):
                wrong = f"protocols.{name}.addresses.{contract} = {address}: there is no contract on {chain}"
                findings.append(Finding(f"protocol {name}, {contract}", address, ConfigError(wrong)))
    return findings


def _places(settings: ProtocolSettings) -> list[tuple[str, str]]:
    try:
        places: Mapping[str, tuple[str, ...]] = addresses_of(settings, protocols.load(settings.path))
    except ConfigError:
        places = settings.addresses  # the protocol has a finding of its own
    return [(contract, address) for contract, addresses in places.items() for address in addresses]
