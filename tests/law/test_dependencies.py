"""What comes with a production install: an audit that needs no network.

It cannot know what was found out yesterday: `pip-audit` can, where there is a network. It does catch what a careful
reviewer would: a package that nobody has looked at, a licence that does not go with ours, a conflict, a version that is
known to be bad.
"""

import re
import tomllib
from collections.abc import Iterator
from importlib.metadata import Distribution, distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parents[2]
LIST = ROOT / "docs" / "reference" / "dependencies.md"
LINE = re.compile(r"^\| `([a-z0-9-]+)` \| ([^|]+) \| ([^|]+) \|$", re.M)
FREE = re.compile(r"\b(Apache|MIT|BSD|0BSD|PSF|MPL|Zlib|CC0|CNRI|Public Domain)", re.I)
# The first version without a published weakness that could reach us.
MENDED = {
    "aiohttp": ("3.13.4", "CVE-2026-34513 and nine others, CVE-2025-69223 to 69230"),
    "certifi": ("2024.7.4", "CVE-2024-39689"),
    "eth-abi": ("5.0.1", "GHSA-3qwc-47jf-5rf7"),
    "idna": ("3.7", "CVE-2024-3651"),
    "pycryptodome": ("3.19.1", "CVE-2023-52323"),
    "pyyaml": ("5.4", "CVE-2020-14343"),
    "requests": ("2.32.4", "CVE-2024-47081"),
    "urllib3": ("2.6.0", "CVE-2025-66418, CVE-2025-66471"),
}


def wanted(requirements: list[str], extras: set[str]) -> Iterator[Requirement]:
    """The requirements that hold here."""
    for one in map(Requirement, requirements):
        if one.marker is None or any(one.marker.evaluate({"extra": extra}) for extra in extras or {""}):
            yield one


def installed() -> dict[str, tuple[Distribution, list[Requirement]]]:
    """All that a production install brings, by name, with every requirement that asks for it."""
    found: dict[str, tuple[Distribution, list[Requirement]]] = {}
    waiting = list(wanted(direct(), set()))
    while waiting:
        asked = waiting.pop()
        name = canonicalize_name(asked.name)
        if name not in found:
            found[name] = (distribution(name), [])
            waiting += wanted(found[name][0].requires or [], asked.extras)
        found[name][1].append(asked)
    return found


def direct() -> list[str]:
    """What we ask for ourselves."""
    listed: list[str] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    return listed


def listed() -> dict[str, str]:
    """The packages that somebody has looked at, with their licences."""
    return {name: licence for name, licence, _ in LINE.findall(LIST.read_text())}


def test_every_package_was_looked_at() -> None:
    """Nothing comes along that is not in docs/reference/dependencies.md: look at it, then add its line."""
    assert sorted(set(installed()) - set(listed())) == []


def test_licences_go_with_ours() -> None:
    """Every licence lets us and our users do what ours says."""
    assert {name: licence for name, licence in listed().items() if not FREE.search(licence)} == {}


def test_nothing_conflicts() -> None:
    """Each installed version is one that all who ask for it accept."""
    wrong = {
        f"{name} {package.version}": str(asked)
        for name, (package, askers) in installed().items()
        for asked in askers
        if not asked.specifier.contains(package.version, prereleases=True)
    }
    assert wrong == {}


@pytest.mark.parametrize("name", MENDED)
def test_no_version_that_is_known_to_be_bad(name: str) -> None:
    """What is installed is not below the version that mended a published weakness; nor is what we allow ourselves."""
    mended, why = MENDED[name]
    found = installed()
    if name in found:
        assert Version(found[name][0].version) >= Version(mended), why
    for one in map(Requirement, direct()):
        if canonicalize_name(one.name) == name:
            lowest = min(Version(part.version) for part in one.specifier if part.operator == ">=")
            assert lowest >= Version(mended), why


def test_everything_has_a_lowest_version() -> None:
    """Nobody gets by accident what we never tried."""
    loose = [one for one in direct() if not any(part.operator in (">=", "==") for part in Requirement(one).specifier)]
    assert loose == []
