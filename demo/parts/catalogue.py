"""Which programs there are and how each is had."""

import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

from demo.parts import cache, debian, fetch, npm
from demo.parts.errors import PartMissing


def anvil() -> Path:
    """A local Ethereum node of the 1.x line; raises PartMissing."""
    return _on_path("anvil") or _fetched("anvil", "anvil-1", _fetch_anvil)


def prometheus() -> Path:
    """The Prometheus server; raises PartMissing. Give it absolute paths."""
    return _on_path("prometheus") or _fetched("prometheus", "prometheus", _fetch_prometheus)


def promtool() -> Path:
    """The checker of Prometheus's rules and expositions; raises PartMissing. Give it absolute paths."""
    return _on_path("promtool") or _fetched("promtool", "prometheus", _fetch_prometheus)


def alertmanager() -> Path:
    """The Alertmanager server; raises PartMissing. Give it absolute paths."""
    found = _on_path("alertmanager") or _on_path("prometheus-alertmanager")
    return found or _fetched("alertmanager", "alertmanager", _fetch_alertmanager)


def amtool() -> Path:
    """The checker and client of Alertmanager; raises PartMissing. Give it absolute paths."""
    return _on_path("amtool") or _fetched("amtool", "alertmanager", _fetch_alertmanager)


def _on_path(program: str) -> Path | None:
    found = shutil.which(program)
    return Path(found) if found else None


def _fetched(program: str, folder: str, fill: Callable[[Path], None]) -> Path:
    try:
        return cache.filled(folder, fill) / "bin" / program
    except (fetch.FetchFailed, OSError) as exc:
        raise PartMissing(program, str(exc)) from exc


def _fetch_anvil(into: Path) -> None:
    npm.install("@foundry-rs/anvil@^1", into)
    binaries = sorted(into.glob("node_modules/@foundry-rs/anvil-*/bin/anvil"))
    if not binaries:
        raise fetch.FetchFailed("npm has no anvil for this machine")
    (into / "bin").mkdir()
    (into / "bin" / "anvil").symlink_to(os.path.relpath(binaries[0], into / "bin"))


# The pages of Debian's Prometheus load these from their own packages.
_PROMETHEUS_PAGES = [
    "fonts-glyphicons-halflings",
    "libjs-bootstrap4",
    "libjs-d3",
    "libjs-eonasdan-bootstrap-datetimepicker",
    "libjs-jquery",
    "libjs-jquery-hotkeys",
    "libjs-moment",
    "libjs-moment-timezone",
    "libjs-mustache",
    "libjs-popper.js",
    "libjs-rickshaw",
]


def _fetch_prometheus(into: Path) -> None:
    debian.unpack(["prometheus"], into, wanted=_PROMETHEUS_PAGES)
    debian.expose(into, {"prometheus": "prometheus", "promtool": "promtool"})


def _fetch_alertmanager(into: Path) -> None:
    debian.unpack(["prometheus-alertmanager"], into)
    debian.expose(into, {"alertmanager": "prometheus-alertmanager", "amtool": "amtool"})


PROGRAMS: Mapping[str, Callable[[], Path]] = MappingProxyType(
    {"anvil": anvil, "prometheus": prometheus, "promtool": promtool, "alertmanager": alertmanager, "amtool": amtool}
)
