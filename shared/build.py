"""Say which build this is."""

from __future__ import annotations

import importlib.metadata
import platform
from collections.abc import Mapping
from pathlib import Path

from shared.metrics import Family, Registry

BUILD = Family("usdx_build_info", "info", "Build information.", ("version", "revision", "python"))
FAMILIES = (BUILD,)


def version() -> str:
    """The version of the installed package."""
    return importlib.metadata.version("usdx")


def revision(env: Mapping[str, str], source: Path = Path(__file__).parent.parent) -> str:
    """The commit: what the image was built with (USDX_REVISION), else the checkout's, else `unknown`."""
    if given := env.get("USDX_REVISION"):
        return given[:12]
    try:
        head = (source / ".git" / "HEAD").read_text().strip()
        reference = head.removeprefix("ref: ")
        commit = (source / ".git" / reference).read_text().strip() if reference != head else head
    except OSError:
        return "unknown"
    return commit[:12]


def expose(registry: Registry, env: Mapping[str, str]) -> None:
    """Expose usdx_build_info and what every process says of itself."""
    registry.info(BUILD).set({"version": version(), "revision": revision(env), "python": platform.python_version()})
    registry.standard()
