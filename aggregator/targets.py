"""Find the workers: by static list, DNS name or file, anew at every sweep, so that one that moves is found again."""

import asyncio
import socket
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec
from yarl import URL

from aggregator.model import Target
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

    def __init__(self, places: Mapping[str, Sequence[str]], folder: Path) -> None:
        self._places = {service: tuple(listed) for service, listed in places.items()}
        self._folder = folder
        self._files: dict[Path, tuple[int, tuple[Target, ...]]] = {}

    async def current(self) -> tuple[Target, ...]:
        """Every target once, in the order of the config. A DNS name that does not resolve stays one target, which
        then cannot be reached: a worker that is lost must be seen as down, not forgotten."""
        found: dict[tuple[str, str], Target] = {}
        for service, listed in self._places.items():
            for place in listed:
                for target in await self._at(service, place):
                    found.setdefault((target.service, target.instance), target)
        return tuple(found.values())

    async def _at(self, service: str, place: str) -> tuple[Target, ...]:
        if place.startswith(FILE_PREFIX):
            return self._listed(service, self._folder / place.removeprefix(FILE_PREFIX))
        if place.startswith(DNS_PREFIX):
            return await _resolved(service, URL(place.removeprefix(DNS_PREFIX)))
        return (target(service, URL(place)),)

    def _listed(self, service: str, path: Path) -> tuple[Target, ...]:
        """The targets of a file; while it cannot be read or understood, those it held before."""
        try:
            changed = path.stat().st_mtime_ns
            kept = self._files.get(path)
            if kept is None or kept[0] != changed:
                kept = self._files[path] = (changed, read_file(service, path.read_bytes(), str(path)))
            return kept[1]
        except (OSError, ConfigError):
            return self._files[path][1] if path in self._files else ()


def target(service: str, url: URL) -> Target:
    """The target at `url`, whose path is `/metrics` unless it says otherwise."""
    address = f"[{url.host}]" if url.host and ":" in url.host else url.host
    full = url.with_path("/metrics") if url.path in ("", "/") else url
    return Target(service, f"{address}:{url.port}", str(full))


def read_file(service: str, text: bytes, name: str) -> tuple[Target, ...]:
    """The targets of a `file_sd` file; a group's `service` label overrides the config's. Raises ConfigError."""
    try:
        groups = msgspec.json.decode(text, type=list[_Group])
    except msgspec.MsgspecError as exc:
        raise ConfigError(f"{name}: not a list of targets in Prometheus's file_sd format: {exc}") from exc
    return tuple(
        target(
            group.labels.get("service", service),
            URL(f"{group.labels.get('__scheme__', 'http')}://{at}{group.labels.get('__metrics_path__', '')}"),
        )
        for group in groups
        for at in group.targets
    )


async def _resolved(service: str, url: URL) -> tuple[Target, ...]:
    try:
        found = await asyncio.get_running_loop().getaddrinfo(url.host or "", url.port, type=socket.SOCK_STREAM)
    except OSError:
        return (target(service, url),)
    hosts = sorted({str(address[0]) for *_, address in found})
    return tuple(target(service, url.with_host(host)) for host in hosts)
