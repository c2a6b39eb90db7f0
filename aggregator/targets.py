"""Find the workers: by static list, DNS name or file, anew at every sweep, so that one that moves is found again."""

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec
import structlog
from yarl import URL

from aggregator.model import Target
from aggregator.names import Names
from shared import address
from shared.errors import ConfigError

DNS_PREFIX = "dns+"
FILE_PREFIX = "file:"


class _Group(msgspec.Struct):
    """One entry of Prometheus's `file_sd` format."""

    targets: list[str]
    labels: dict[str, str] = {}


class Targets:
    """Where the workers are now.

    `places` gives, for each service, one or more of: `http://host:port[/metrics]`; `dns+http://name:port`, which stands
    for every address of that name; `file:targets.json`, a list in Prometheus's `file_sd` format.
    """

    def __init__(self, places: Mapping[str, Sequence[str]], folder: Path, names: Names | None = None) -> None:
        self._places = {service: tuple(listed) for service, listed in places.items()}
        self._files = {
            (service, place): _File(service, folder / place.removeprefix(FILE_PREFIX))
            for service, listed in self._places.items()
            for place in listed
            if place.startswith(FILE_PREFIX)
        }
        self._names = names or Names()

    async def current(self) -> tuple[Target, ...]:
        """Every target once, in the order of the config. A DNS name that was never resolved stays one target, which
        then cannot be reached: a worker that is lost must be seen as down, not forgotten."""
        places = [(service, place) for service, listed in self._places.items() for place in listed]
        groups = await asyncio.gather(*(self._at(service, place) for service, place in places))
        found: dict[tuple[str, str], Target] = {}
        for one in (one for group in groups for one in group):
            found.setdefault((one.service, one.instance), one)
        return tuple(found.values())

    async def _at(self, service: str, place: str) -> tuple[Target, ...]:
        if place.startswith(FILE_PREFIX):
            return self._files[service, place].targets()
        if place.startswith(DNS_PREFIX):
            return await self._named(service, URL(place.removeprefix(DNS_PREFIX)))
        return (target(service, URL(place)),)

    async def _named(self, service: str, url: URL) -> tuple[Target, ...]:
        name = url.raw_host or ""
        addresses = await self._names.addresses(name, url.port) or (name,)
        return tuple(target(service, url.with_host(one), server_name=name) for one in addresses)


class _File:
    """A file of targets; while it cannot be read or understood, those it held before."""

    def __init__(self, service: str, path: Path) -> None:
        self._service = service
        self._path = path
        self._changed: int | None = None
        self._targets: tuple[Target, ...] = ()
        self._said = ""

    def targets(self) -> tuple[Target, ...]:
        """What the file says now. Its mistakes are logged, once each."""
        try:
            changed = self._path.stat().st_mtime_ns
            if changed != self._changed:
                self._targets = read_file(self._service, self._path.read_bytes(), str(self._path))
                self._changed = changed
            self._said = ""
        except (OSError, ConfigError) as exc:
            if str(exc) != self._said:
                structlog.get_logger("targets").warning("targets not read", file=str(self._path), error=str(exc))
            self._said = str(exc)
        return self._targets


def target(service: str, url: URL, server_name: str | None = None) -> Target:
    """The target at `url`, whose path is `/metrics` unless it says otherwise."""
    host = f"[{url.host}]" if url.host and ":" in url.host else url.host
    full = url.with_path("/metrics") if url.path in ("", "/") else url
    return Target(service, f"{host}:{url.port}", str(full), server_name)


def read_file(service: str, text: bytes, name: str) -> tuple[Target, ...]:
    """The targets of a `file_sd` file; a group's `service` label overrides the config's. Raises ConfigError."""
    try:
        groups = msgspec.json.decode(text, type=list[_Group])
        return tuple(
            target(
                group.labels.get("service", service),
                address.read(
                    f"{group.labels.get('__scheme__', 'http')}://{at}{group.labels.get('__metrics_path__', '')}"
                ),
            )
            for group in groups
            for at in group.targets
        )
    except (msgspec.MsgspecError, ValueError) as exc:
        raise ConfigError(f"{name}: not a list of targets in Prometheus's file_sd format: {exc}") from exc
