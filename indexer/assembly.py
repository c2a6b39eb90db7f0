"""Assemble streams, views and counters from the protocols configured for a chain."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from indexer.abi import parse, select
from indexer.errors import BadAbi
from indexer.events import EventSpec
from indexer.layout import View
from indexer.streams import Stream, stream
from shared.errors import ConfigError
from shared.protocol import Contract, Protocol
from shared.settings import ProtocolSettings

Birth = Callable[[bytes], Awaitable[int]]


@dataclass(frozen=True, slots=True)
class Deployment:
    """A protocol as configured for one chain. `key` is its name in the config."""

    key: str
    protocol: Protocol
    settings: ProtocolSettings

    def addresses(self, contract: Contract) -> tuple[bytes, ...]:
        """Where the contract lives; the config's word counts before the protocol's. Raises ConfigError without any."""
        found = self.settings.addresses.get(contract.name, contract.addresses)
        if not found:
            raise ConfigError(
                f"[protocols.{self.key}.addresses] {contract.name}: expected the address of this contract "
                f"on chain {self.settings.chain}; neither the config nor protocol.toml gives one"
            )
        return tuple(sorted({bytes.fromhex(address[2:]) for address in found}))

    def start_block(self, contract: Contract) -> int | str:
        return contract.start_block if self.settings.start_block is None else self.settings.start_block


def deployments(protocols: Mapping[str, tuple[Protocol, ProtocolSettings]], chain: str) -> tuple[Deployment, ...]:
    """The protocols of one chain. Raises ConfigError when two of them would share tables."""
    chosen = [Deployment(key, *pair) for key, pair in protocols.items() if pair[1].chain == chain]
    owners: dict[str, str] = {}
    for one in chosen:
        other = owners.setdefault(one.protocol.name, one.key)
        if other != one.key:
            raise ConfigError(
                f"[protocols.{one.key}] path: the protocol {one.protocol.name!r} is on chain {chain} already, "
                f"as [protocols.{other}]; give all addresses there"
            )
    return tuple(chosen)


async def streams_of(deployment: Deployment, known_starts: Mapping[str, int], birth: Birth) -> tuple[Stream, ...]:
    """The streams of a protocol. `birth` is asked for a start block only where none is known yet."""
    out = []
    for contract in deployment.protocol.contracts:
        key = f"{deployment.key}/{contract.name}"
        addresses = deployment.addresses(contract)
        start = known_starts.get(key)
        if start is None:
            wanted = deployment.start_block(contract)
            start = wanted if isinstance(wanted, int) else min([await birth(address) for address in addresses])
        chain, schema = deployment.settings.chain, deployment.protocol.name
        out.append(stream(key, chain, schema, events_of(contract), addresses, start))
    return tuple(out)


def events_of(contract: Contract) -> tuple[EventSpec, ...]:
    """The contract's chosen events. Raises BadAbi, naming the file."""
    try:
        return select(parse(contract.abi.read_text(encoding="utf-8-sig")), contract.events)
    except (BadAbi, UnicodeDecodeError, OSError) as exc:
        raise BadAbi(f"{contract.abi}: {exc}") from exc


def views_of(deployment: Deployment) -> tuple[View, ...]:
    """The protocol's views in their order."""
    return tuple(View(deployment.protocol.name, view.name, view.sql) for view in deployment.protocol.views)
