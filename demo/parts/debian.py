"""Fetch programs out of Debian packages without installing them: no root, no service started."""

import os
import shutil
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from demo.parts import fetch


def unpack(needed: Sequence[str], into: Path, *, wanted: Sequence[str] = ()) -> None:
    """Download packages and unpack them below `into`; raises FetchFailed. Nothing outside `into` changes.

    `wanted` packages are left out together where one of them does not exist.
    """
    own_lists: list[str] = []
    try:
        _download(needed, into, own_lists)
    except fetch.FetchFailed:
        own_lists = _private_lists(into)  # the machine's package lists may be missing or too old
        fetch.run(["apt-get", *own_lists, "update"], cwd=into)
        _download(needed, into, own_lists)
    with suppress(fetch.FetchFailed):
        _download(wanted, into, own_lists)
    _unpack_downloads(into)


def _download(packages: Sequence[str], into: Path, options: Sequence[str]) -> None:
    if packages:
        fetch.run(["apt-get", *options, "download", *packages], cwd=into)


def _unpack_downloads(into: Path) -> None:
    for archive in sorted(into.glob("*.deb")):
        fetch.run(["dpkg", "-x", str(archive), str(into)], cwd=into)
        archive.unlink()
    shutil.rmtree(into / ".apt", ignore_errors=True)


def _private_lists(into: Path) -> list[str]:
    state, archives = into / ".apt" / "state", into / ".apt" / "cache"
    for needed in (state / "lists" / "partial", archives / "archives" / "partial"):
        needed.mkdir(parents=True)
    user = "root" if os.geteuid() == 0 else ""
    return ["-o", f"Dir::State={state}", "-o", f"Dir::Cache={archives}", "-o", f"APT::Sandbox::User={user}"]


def expose(into: Path, programs: Mapping[str, str]) -> None:
    """Make unpacked programs runnable from `into`/bin: the name there → the name in /usr/bin of the package.

    Debian compiles `/usr/share/prometheus` into these programs. Each gets that path made relative, as many bytes long
    as before, and a starter that enters the unpacked folder first, so nothing outside the cache is needed.
    """
    (into / "bin").mkdir()
    for name, packaged in programs.items():
        binary = into / "usr" / "bin" / packaged
        binary.write_bytes(binary.read_bytes().replace(b"/usr/share/prometheus/", b"usr/share/prometheus//"))
        starter = into / "bin" / name
        starter.write_text(f'#!/bin/sh\ncd "$(dirname "$0")/.." && exec "./usr/bin/{packaged}" "$@"\n')
        starter.chmod(0o755)
