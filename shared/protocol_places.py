"""Fit what the configuration says of a protocol to the contracts of its folder."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from shared.problems import Problem, dotted, refuse
from shared.protocol import Protocol, load
from shared.settings import ProtocolSettings, Settings

Loaded = Mapping[str, tuple[Protocol, ProtocolSettings]]


def fitted(settings: Settings, key: str, *, homes: bool) -> Protocol:
    """The protocol `[protocols.<key>]`. Raises ConfigError for addresses of contracts that its folder does not have.

    With `homes` every contract must have an address, or a factory.
    """
    loaded = load(settings.protocols[key].path)
    if problems := [*_strangers(settings, key, loaded), *(_homeless(settings, key, loaded) if homes else ())]:
        raise refuse(problems)
    return loaded


def fitted_all(settings: Settings) -> Loaded:
    """All protocols of the configuration, to be indexed. Raises ConfigError also when two would share tables, or the
    name of a counter that each means otherwise."""
    found = {key: (fitted(settings, key, homes=True), one) for key, one in settings.protocols.items()}
    owners: dict[tuple[str, str], str] = {}
    for key, (protocol, one) in found.items():
        other = owners.setdefault((one.chain, protocol.name), key)
        if other != key:
            at = dotted(("protocols", key, "path"))
            expected = (
                f"expected another protocol than {protocol.name}, which is on chain {one.chain} already, "
                f"as {dotted(('protocols', other))}; give all addresses there"
            )
            raise refuse([Problem(settings.origin(at), at, f'"{one.path}"', expected)])
    if problems := list(_other_counters(settings, found)):
        raise refuse(problems)
    return found


def addresses_of(settings: ProtocolSettings, loaded: Protocol) -> dict[str, tuple[str, ...]]:
    """Each contract's addresses: the config's, else the protocol's own."""
    return {one.name: settings.addresses.get(one.name, one.addresses) for one in loaded.contracts}


def _other_counters(settings: Settings, found: Loaded) -> Iterator[Problem]:
    meant: dict[str, tuple[str, tuple[str, ...]]] = {}
    for key, (protocol, one) in found.items():
        for counter in protocol.counters:
            own = (counter.help, tuple(counter.labels))
            if meant.setdefault(counter.name, own) != own:
                at = dotted(("protocols", key, "path"))
                expected = f"expected another name than {counter.name}: another protocol has a counter that differs"
                yield Problem(settings.origin(at), at, f'"{one.path}"', expected)


def _strangers(settings: Settings, key: str, loaded: Protocol) -> Iterator[Problem]:
    one, known = settings.protocols[key], sorted(contract.name for contract in loaded.contracts)
    for name in one.addresses:
        if name not in known:
            at = dotted(("protocols", key, "addresses", name))
            expected = f"expected a contract of {one.path}: {', '.join(known) or 'there is none'}"
            yield Problem(settings.origin(at), at, "", expected)


def _homeless(settings: Settings, key: str, loaded: Protocol) -> Iterator[Problem]:
    homes = addresses_of(settings.protocols[key], loaded)
    for contract in loaded.contracts:
        if contract.factory is None and not homes[contract.name]:
            at = dotted(("protocols", key, "addresses", contract.name))
            expected = "expected an address: there is none here nor in protocol.toml"
            yield Problem(settings.origin(at), at, "", expected)
