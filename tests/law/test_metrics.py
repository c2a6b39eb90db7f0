"""The metric families as declared."""

import importlib
import pkgutil
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import aggregator
import indexer
import oracle
import shared
from shared.metrics import Family, Registry
from shared.protocol_files import OWN_FAMILIES

# Names kept from the specification although they break the naming rules.
GRANDFATHERED = {
    "usdx_active_wexels_count",
    "usdx_collateralized_wexels_count",
    "usdx_total_users_count",
}


def declared() -> Iterator[tuple[str, Family]]:
    """Every family of every room."""
    for package in (shared, indexer, oracle, aggregator):
        for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if found.name.endswith("__main__"):
                continue
            for family in getattr(importlib.import_module(found.name), "FAMILIES", ()):
                yield found.name, family


def exposition() -> bytes:
    """All families with one series each, as a worker would expose them."""
    registry = Registry()
    for family in {family.name: family for _, family in declared()}.values():
        labels = tuple("x" for _ in family.labels)
        match family.kind:
            case "counter":
                registry.counter(family).start(*labels)
            case "gauge":
                registry.gauge(family).set(1, *labels)
            case "histogram":
                registry.histogram(family).start(*labels)
    return registry.exposition()


def test_names_are_declared_once() -> None:
    """A name belongs to one family, however many rooms list it."""
    families = {id(family): family.name for _, family in declared()}
    assert [name for name, count in Counter(families.values()).items() if count > 1] == []


def test_a_protocols_figures_cannot_be_called_like_our_own() -> None:
    """Every name of ours begins with what a metrics.toml is refused for."""
    names = {family.name for _, family in declared()}
    registry = Registry()
    registry.standard()
    names |= {name for name, _, _ in registry.samples()}
    assert {name for name in names if not name.startswith(OWN_FAMILIES)} == set()


def test_promtool_accepts_every_family(promtool: Path) -> None:
    """Names, units and help texts follow Prometheus's conventions, the grandfathered ones aside."""
    checked = subprocess.run([promtool, "check", "metrics"], input=exposition(), capture_output=True)
    complaints = (checked.stdout + checked.stderr).decode().splitlines()
    assert [line for line in complaints if line.split()[0] not in GRANDFATHERED] == []
