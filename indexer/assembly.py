"""Assemble streams, views and counters from the protocols configured for a chain."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass

from indexer.abi import merge_files, parse, select
from indexer.errors import BadAbi
from indexer.events import EventSpec, Scalar
from indexer.indexes import TableIndex, indexes
from indexer.layout import View
from indexer.streams import Parent, Stream, stream
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
        """Where the contract lives. Raises ConfigError without any address."""
        found = self.places(contract)
        if not found and contract.factory is None:
            raise ConfigError(
                f"[protocols.{self.key}.addresses] {contract.name}: expected the address of this contract "
                f"on chain {self.settings.chain}; neither the config nor protocol.toml gives one"
            )
        return tuple(sorted({bytes.fromhex(address[2:]) for address in found}))

    def places(self, contract: Contract) -> tuple[str, ...]:
        """The addresses as written; the config's word counts before the protocol's."""
        return self.settings.addresses.get(contract.name, contract.addresses)

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
    """The streams of a protocol, factories before what they make.

    `birth` is asked for a start block only where none is known yet. Raises BadAbi and ConfigError.
    """
    made: dict[str, Stream] = {}
    for contract in _parents_first(deployment):
        key, addresses = f"{deployment.key}/{contract.name}", deployment.addresses(contract)
        parent = _parent(deployment, contract, made)
        start = known_starts.get(key)
        if start is None:
            wanted = deployment.start_block(contract)
            older = [made[key].start_block for key in parent.keys] if parent is not None else []
            start = wanted if isinstance(wanted, int) else min([*older, *[await birth(one) for one in addresses]])
        chosen, ignored = events_of(contract)
        chain, schema = deployment.settings.chain, deployment.protocol.name
        made[key] = stream(key, chain, schema, chosen, addresses, start, ignored, parent)
    _refuse_shared_tables(made)
    return tuple(made.values())


def _refuse_shared_tables(made: Mapping[str, Stream]) -> None:
    """Two contracts may not fill one table: rolling one of them back would delete the other's rows."""
    owners: dict[str, tuple[str, EventSpec]] = {}
    for key, one in made.items():
        for event, table in one.tables.items():
            other, theirs = owners.setdefault(str(table), (key, event))
            if other != key:
                protocol, _, second = key.rpartition("/")
                first = other.rpartition("/")[2]
                raise ConfigError(
                    f"[protocols.{protocol}] contracts.{first} and contracts.{second}: event {theirs.signature} of "
                    f"{first} and event {event.signature} of {second} would share the table {table}; give one of the "
                    f"contracts another name in protocol.toml, or leave one of the events out (`events`)"
                )


def _parents_first(deployment: Deployment) -> list[Contract]:
    """The contracts in an order in which each factory comes before what it makes. Raises ConfigError on a circle."""
    waiting = list(deployment.protocol.contracts)
    ordered: list[Contract] = []
    while waiting:
        placed = {one.name for one in ordered}
        ready = [one for one in waiting if one.factory is None or one.factory.contract in placed]
        if not ready:
            names = ", ".join(one.name for one in waiting)
            raise ConfigError(f"[protocols.{deployment.key}] contracts {names}: factories make each other in a circle")
        ordered += ready
        waiting = [one for one in waiting if one not in ready]
    return ordered


def _parent(deployment: Deployment, contract: Contract, made: Mapping[str, Stream]) -> Parent | None:
    if contract.factory is None:
        return None
    key, wanted = f"{deployment.key}/{contract.factory.contract}", contract.factory
    where = f"[protocols.{deployment.key}] contracts.{contract.name}.factory"
    for table in made[key].tables.values():
        for column in table.columns:
            if table.event.name == wanted.event and column.param.name == wanted.parameter:
                if column.param.type != Scalar("address"):
                    raise ConfigError(f"{where}: {wanted.event}.{wanted.parameter} of the factory is no address")
                return Parent((key,), table, column.name)
    raise ConfigError(f"{where}: the factory has no event {wanted.event} with a parameter {wanted.parameter}")


def events_of(contract: Contract) -> tuple[tuple[EventSpec, ...], tuple[EventSpec, ...]]:
    """The contract's chosen events and the others of its ABIs. Raises BadAbi, naming the file."""
    files: dict[str, tuple[EventSpec, ...]] = {}
    for abi in contract.abis:
        try:
            files[str(abi)] = parse(abi.read_text(encoding="utf-8-sig"))
        except (BadAbi, UnicodeDecodeError, OSError) as exc:
            raise BadAbi(f"{abi}: {exc}") from exc
    known = merge_files(files)
    try:
        chosen = select(known, contract.events)
    except BadAbi as exc:
        raise BadAbi(f"{', '.join(files)}: {exc}") from exc
    return chosen, tuple(event for event in known if event not in chosen)


def event_names(deployed: Iterable[Deployment]) -> list[str]:
    """The names of all events that are wanted of the protocols, in order: no node is needed to know them."""
    contracts = [contract for one in deployed for contract in one.protocol.contracts]
    return sorted({event.name for contract in contracts for event in events_of(contract)[0]})


def indexes_of(deployment: Deployment, streams: Iterable[Stream]) -> list[TableIndex]:
    """The indexes that the protocol wants on its streams' tables. Raises BadAbi, naming contract and index."""
    by_key = {one.key: one for one in streams}
    out: list[TableIndex] = []
    for contract in deployment.protocol.contracts:
        wanted = [(index.event, index.columns) for index in contract.indexes]
        try:
            out += indexes(by_key[f"{deployment.key}/{contract.name}"].tables.values(), wanted)
        except BadAbi as exc:
            raise BadAbi(f"protocol {deployment.protocol.name}, contracts.{contract.name}.indexes: {exc}") from exc
    return out


def views_of(deployment: Deployment) -> tuple[View, ...]:
    """The protocol's views in their order."""
    return tuple(View(deployment.protocol.name, view.name, view.sql) for view in deployment.protocol.views)
