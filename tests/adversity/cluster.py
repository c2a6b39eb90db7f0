"""A Postgres of the test's own, run as its owner wants it, and a standby of it."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import asyncpg

from shared.embedded import find_binaries
from shared.embedded_owner import Owner, as_owner, make_folder, owner_of
from shared.embedded_place import PORT, USER
from tests.adversity.proxy import Dial, to_socket

START_S = 60.0
COMMON = {
    "listen_addresses": "",
    "shared_buffers": "16MB",
    "max_wal_senders": "4",
    "wal_level": "replica",
    "hot_standby": "on",
    "jit": "off",
}


@dataclass(eq=False)
class Cluster:
    """A server on `folder/data`, its socket in `folder`. All methods block for as long as the server takes."""

    folder: Path
    settings: Mapping[str, str] = field(default_factory=dict)
    owner: Owner = field(default_factory=lambda: owner_of(Path("/nonexistent")))
    process: subprocess.Popen[bytes] | None = None

    @property
    def data(self) -> Path:
        return self.folder / "data"

    def url(self, database: str = "postgres") -> str:
        return f"postgresql://{USER}@/{database}?host={self.folder}&port={PORT}"

    def dial(self) -> Dial:
        return to_socket(str(self.folder / f".s.PGSQL.{PORT}"))

    def make(self, *options: str) -> None:
        make_folder(self.folder, self.owner)
        self._run("initdb", "-D", str(self.data), "-U", USER, "--auth=trust", "--no-sync", "--locale=C", *options)

    def copy(self, primary_url: str) -> None:
        """Become a standby of a running server."""
        make_folder(self.folder, self.owner)
        self._run("pg_basebackup", "-D", str(self.data), "-R", "-d", primary_url, "--checkpoint=fast", "--no-sync")

    def start(self) -> None:
        """Return when it takes work."""
        settings = COMMON | dict(self.settings) | {"unix_socket_directories": str(self.folder)}
        arguments = [one for name, value in settings.items() for one in ("-c", f"{name}={value}")]
        prefix, uid, gid = as_owner(self.owner, find_binaries(), self.folder)
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [*prefix, str(find_binaries() / "postgres"), "-D", str(self.data), *arguments],
                stdout=log,
                stderr=log,
                user=uid,
                group=gid,
                extra_groups=[] if uid is not None else None,
            )
        deadline = time.monotonic() + START_S
        while not self._ready():
            assert self.process.poll() is None, self.words()
            assert time.monotonic() < deadline, self.words()
            time.sleep(0.02)

    def stop(self, number: int = signal.SIGQUIT) -> None:
        """`SIGQUIT` is an immediate shutdown: as if it had crashed."""
        if self.process is not None:
            self.process.send_signal(number)
            self.process.wait(START_S)
            self.process = None

    def promote(self) -> None:
        """The standby becomes the primary."""
        self._run("pg_ctl", "promote", "-D", str(self.data), "-w")

    def alive(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def words(self) -> str:
        return (self.folder / "log").read_text(errors="replace")[-3000:]

    def _ready(self) -> bool:
        try:
            status = (self.data / "postmaster.pid").read_text().splitlines()[7].strip()
        except (OSError, IndexError):
            return False
        return status in ("ready", "standby")

    def _run(self, program: str, *arguments: str) -> None:
        prefix, uid, gid = as_owner(self.owner, find_binaries(), self.folder)
        done = subprocess.run(
            [*prefix, str(find_binaries() / program), *arguments],
            capture_output=True,
            text=True,
            user=uid,
            group=gid,
            extra_groups=[] if uid is not None else None,
            cwd="/",
        )
        assert done.returncode == 0, done.stdout + done.stderr


async def ask(url: str, sql: str) -> None:
    """Run statements on a connection of their own."""
    cx = await asyncpg.connect(url)
    try:
        await cx.execute(sql)
    finally:
        await cx.close()


async def value(url: str, sql: str) -> object:
    """One value."""
    cx = await asyncpg.connect(url)
    try:
        return await cx.fetchval(sql)
    finally:
        await cx.close()
