"""Find and run Postgres's own programs for a database."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import subprocess
from contextlib import suppress
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

from shared.embedded import find_binaries
from shared.errors import BackupFailed, ConfigError


def program(name: str, server: int) -> Path:
    """A pg_dump or pg_restore that understands this server: of its own version, else a newer one.

    Looks in PATH, in Debian's folder of versions and in the embedded wheel. Raises BackupFailed.
    """
    places = [Path(found)] if (found := shutil.which(name)) else []
    places += sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    with suppress(ConfigError):
        places.append(find_binaries() / name)
    known = {place: version for place in places if (version := _version(place)) is not None}
    good = sorted((version, index, place) for index, (place, version) in enumerate(known.items()) if version >= server)
    if not good:
        had = ", ".join(f"{place} is of version {version}" for place, version in known.items()) or "there is none"
        raise BackupFailed(f"{name} of Postgres {server} or newer is needed: {had}; install postgresql-client-{server}")
    return good[0][2]


def _version(place: Path) -> int | None:
    try:
        said = subprocess.run([place, "--version"], capture_output=True, text=True, check=True).stdout  # noqa: S603
    except (OSError, subprocess.CalledProcessError):
        return None
    match = re.search(r"\) (\d+)", said)
    return int(match[1]) if match else None


async def run(place: Path, *arguments: str, url: str, stdout: int = asyncio.subprocess.DEVNULL) -> None:
    """Run one of them to its end on a database. Raises BackupFailed with its own words."""
    process = await start(place, *arguments, url=url, stdin=asyncio.subprocess.DEVNULL, stdout=stdout)
    try:
        _, said = await process.communicate()
    except BaseException:
        await end(process)
        raise
    if process.returncode != 0:
        raise failure(place, said)


async def start(place: Path, *arguments: str, url: str, stdin: int, stdout: int) -> asyncio.subprocess.Process:
    """Start one of them on a database; the url travels in the environment, out of sight of `ps`."""
    return await asyncio.create_subprocess_exec(
        *(str(place), *arguments),
        stdin=stdin,
        stdout=stdout,
        stderr=asyncio.subprocess.PIPE,
        env={"PATH": os.environ.get("PATH", ""), "LC_ALL": "C", **environment(url)},
    )


async def end(process: asyncio.subprocess.Process) -> None:
    """Kill it, if it still runs, and wait for it."""
    with suppress(ProcessLookupError):
        process.kill()
    await process.wait()


def failure(place: Path, said: bytes) -> BackupFailed:
    """What a program complained of, the end of it."""
    return BackupFailed(f"{place.name} failed: {said.decode(errors='replace').strip()[-600:]}")


def environment(url: str) -> dict[str, str]:
    """The url as libpq's variables. Raises ConfigError for an option that has none."""
    parts = urlsplit(url)
    options = dict(parse_qsl(parts.query))
    hosts = [urlsplit(f"//{one}") for one in parts.netloc.rpartition("@")[2].split(",")]
    found = {
        "PGHOST": options.pop("host", None) or ",".join(unquote(one.hostname or "") for one in hosts),
        "PGPORT": options.pop("port", None)
        or (",".join(str(one.port or 5432) for one in hosts) if any(one.port for one in hosts) else ""),
        "PGUSER": options.pop("user", None) or unquote(parts.username or ""),
        "PGPASSWORD": options.pop("password", None) or unquote(parts.password or ""),
        "PGDATABASE": unquote(parts.path.lstrip("/")) or options.pop("dbname", ""),
    }
    for name, value in options.items():
        if not re.fullmatch(r"ssl\w+|application_name|passfile|channel_binding|target_session_attrs", name):
            raise ConfigError(f"database.url: the option {name} is not known to pg_dump")
        found["PGAPPNAME" if name == "application_name" else f"PG{name.replace('_', '').upper()}"] = value
    return {name: value for name, value in found.items() if value}
