"""Keep an embedded Postgres running until the last process that uses it is gone.

Runs as a program of its own, detached, from the standard library only. Every user holds a shared flock on one file;
the keeper waits for the exclusive one, which it gets when all users are gone, however they went, and stops Postgres.
"""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any


def main() -> None:
    """argv[1] is JSON: command, uid, gid (or null), log and users (two paths)."""
    order: dict[str, Any] = json.loads(sys.argv[1])
    if os.fork():
        os._exit(0)
    os.setsid()
    os.chdir("/")
    with Path(order["log"]).open("ab") as log:
        server = subprocess.Popen(  # noqa: S603 the command comes from our own process
            order["command"],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env={"LC_ALL": "C", "TZ": "UTC"},
            user=order["uid"],
            group=order["gid"],
            extra_groups=[] if order["uid"] is not None else None,
        )
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    signal.signal(signal.SIGCHLD, lambda number, frame: _exit_with(server))
    if server.poll() is None:
        with Path(order["users"]).open("rb") as users:
            fcntl.flock(users, fcntl.LOCK_EX)
            server.send_signal(signal.SIGINT)  # "fast" shutdown
            server.wait()


def _exit_with(server: subprocess.Popen[bytes]) -> None:
    if server.poll() is not None:
        os._exit(0)


if __name__ == "__main__":
    main()
