"""Fetch programs out of Debian packages without installing them: no root, no service started."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from demo.parts import fetch


def unpack(packages: Sequence[str], into: Path) -> None:
    """Download `packages` and unpack them below `into`; raises FetchFailed. The machine's package state stays untouched."""
    _download(packages, into)
    for archive in sorted(into.glob("*.deb")):
        fetch.run(["dpkg", "-x", str(archive), str(into)], cwd=into)
        archive.unlink()


def _download(packages: Sequence[str], into: Path) -> None:
    try:
        fetch.run(["apt-get", "download", *packages], cwd=into)
    except fetch.FetchFailed:
        own_lists = _private_lists(into)  # the machine's package lists may be missing or too old
        fetch.run(["apt-get", *own_lists, "update"], cwd=into)
        fetch.run(["apt-get", *own_lists, "download", *packages], cwd=into)


def _private_lists(into: Path) -> list[str]:
    state, archives = into / ".apt" / "state", into / ".apt" / "cache"
    for needed in (state / "lists" / "partial", archives / "archives" / "partial"):
        needed.mkdir(parents=True)
    user = "root" if os.geteuid() == 0 else ""
    return ["-o", f"Dir::State={state}", "-o", f"Dir::Cache={archives}", "-o", f"APT::Sandbox::User={user}"]


def expose(into: Path, programs: Mapping[str, str]) -> None:
    """Make unpacked programs runnable from `into`/bin: the name there → the name in /usr/bin of the package.

    Debian compiles `/usr/share/prometheus` into these programs. Each gets that path made relative, byte for byte as long as
    before, and a starter that enters the unpacked folder first, so nothing outside the cache is needed.
    """
    (into / "bin").mkdir()
    for name, packaged in programs.items():
        binary = into / "usr" / "bin" / packaged
        binary.write_bytes(binary.read_bytes().replace(b"/usr/share/prometheus/", b"usr/share/prometheus//"))
        starter = into / "bin" / name
        starter.write_text(f'#!/bin/sh\ncd "$(dirname "$0")/.." && exec "./usr/bin/{packaged}" "$@"\n')
        starter.chmod(0o755)
