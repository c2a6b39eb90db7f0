"""Where an embedded Postgres lies, and what can be seen there of its life."""

from __future__ import annotations

import fcntl
import hashlib
import os
import socket
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

PORT = 5432  # names the socket file; nothing listens on TCP
USER = DATABASE = "usdx"
SOCKET_PATH_MAX = 100  # bytes; the kernel's sun_path holds 108


@dataclass(frozen=True, slots=True)
class Place:
    """Where the parts of one embedded Postgres lie."""

    root: Path

    @property
    def data(self) -> Path:
        return self.root / "data"

    @property
    def log(self) -> Path:
        return self.root / "log"

    @property
    def pid_file(self) -> Path:
        return self.data / "postmaster.pid"

    @property
    def sockets(self) -> Path:
        """The folder of the socket: ours, or a short one under the temporary folder when ours is too long a path."""
        own = self.root / "run"
        if len(os.fsencode(own / f".s.PGSQL.{PORT}.lock")) <= SOCKET_PATH_MAX:
            return own
        digest = hashlib.sha256(os.fsencode(self.root)).hexdigest()[:16]
        return Path(tempfile.gettempdir()) / f"usdx-{digest}"

    def url(self, database: str = DATABASE) -> str:
        return f"postgresql://{USER}@/{database}?host={quote(str(self.sockets), safe='')}&port={PORT}"

    def postmaster(self) -> int | None:
        """The pid of the server that runs on this cluster; a pid that now belongs to another program does not count."""
        try:
            pid = int(self.pid_file.read_text().splitlines()[0])
            arguments = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        except (OSError, ValueError, IndexError):
            return None
        return pid if os.fsencode(self.data) in arguments else None

    def answers(self) -> bool:
        """Whether somebody accepts connections on the socket; it may be in another container, where pids differ."""
        with socket.socket(socket.AF_UNIX) as probe:
            try:
                probe.connect(str(self.sockets / f".s.PGSQL.{PORT}"))
            except OSError:
                return False
            return True

    def kept(self) -> bool:
        """Whether a keeper lives, and with it the server it started."""
        with (self.root / "keeper").open("ab") as keeper:
            try:
                fcntl.flock(keeper, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return True
            return False

    def ready(self) -> bool:
        """Whether the server takes work."""
        try:
            status = self.pid_file.read_text().splitlines()[7].strip()  # starting, ready, stopping or standby
        except (OSError, IndexError):
            return False
        return status == "ready" and self.answers()

    def dead(self) -> bool:
        """Whether there is neither a server nor anybody who could start it again."""
        return not self.kept() and self.postmaster() is None and not self.answers()

    def tidy(self) -> None:
        """Leave no folder of ours under the temporary one."""
        if self.sockets.parent != self.root:
            with suppress(OSError):
                self.sockets.rmdir()

    def last_words(self) -> str:
        """The last line of the server's log."""
        return last_line(self.log.read_bytes()[-10_000:]) if self.log.exists() else "no log"


def last_line(output: bytes) -> str:
    """The last line of a program's output that says something."""
    lines = output.decode(errors="replace").strip().splitlines()
    return lines[-1] if lines else "it said nothing"
