"""Keep an embedded Postgres running until the last process that uses it is gone.

Runs as a program of its own, detached, from the standard library only. Every user holds a shared flock on one file; a
thread waits for the exclusive one, which it gets when all users are gone, however they went, and then stops Postgres.
A server that crashes meanwhile is started again.
"""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

SETTLED_S = 5.0  # a server that ran so long was well; one that dies sooner is not started again
PAUSE_S = 0.5
ATTEMPTS = 20  # while what a killed server left behind is still dying
STILL_DYING = b"pre-existing shared memory block"


def main() -> None:
    """argv[1] is JSON: command, uid, gid, the paths log, users and keeper, and a folder to remove; three may be null.

    While this process lives, it holds an exclusive flock on `keeper`.
    """
    order: dict[str, Any] = json.loads(sys.argv[1])
    alive = Path(order["keeper"]).open("ab")  # noqa: SIM115 held, and with it its lock, until this process ends
    fcntl.flock(alive, fcntl.LOCK_EX)
    if os.fork():
        os._exit(0)
    os.setsid()
    os.chdir("/")
    with Path(order["log"]).open("ab") as log:
        for number in (1, 2):  # whoever reads our starter's output must not wait for us
            os.dup2(log.fileno(), number)
    for signal_number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(signal_number, lambda *_: None)  # SIG_IGN would be inherited by the server
    Keeper(order).run()


class Keeper:
    """Starts the server, and stops it when nobody uses it any more."""

    def __init__(self, order: dict[str, Any]) -> None:
        self._order = order
        self._unused = threading.Event()
        self._server: subprocess.Popen[bytes] | None = None

    def run(self) -> None:
        """Return when the server was stopped or cannot run."""
        threading.Thread(target=self._stop_when_unused, daemon=True).start()
        try:
            self._keep()
        finally:
            if self._order["remove"] is not None:
                with suppress(OSError):
                    Path(self._order["remove"]).rmdir()

    def _keep(self) -> None:
        failures = 0
        while not self._unused.is_set() and failures < ATTEMPTS:
            began = time.monotonic()
            if self._serve() == 0 or self._unused.is_set():
                return
            failures = 0 if time.monotonic() - began > SETTLED_S else failures + 1
            if failures and not self._still_dying():
                return
            time.sleep(PAUSE_S)

    def _serve(self) -> int:
        """Run the server once; its exit code."""
        order = self._order
        self._server = subprocess.Popen(  # noqa: S603 the command comes from our own process
            order["command"],
            stdin=subprocess.DEVNULL,
            env={"LC_ALL": "C", "TZ": "UTC"},
            user=order["uid"],
            group=order["gid"],
            extra_groups=[] if order["uid"] is not None else None,
        )
        if self._unused.is_set():
            self._server.send_signal(signal.SIGINT)
        return self._server.wait()

    def _stop_when_unused(self) -> None:
        with Path(self._order["users"]).open("rb") as users:
            fcntl.flock(users, fcntl.LOCK_EX)
            self._unused.set()
            if self._server is not None:
                self._server.send_signal(signal.SIGINT)  # "fast" shutdown
            threading.Event().wait()  # with the lock held, until the process ends

    def _still_dying(self) -> bool:
        """Whether children of a killed server still hold its memory, which they give up in a moment."""
        return STILL_DYING in Path(self._order["log"]).read_bytes()[-2000:]


if __name__ == "__main__":
    main()
