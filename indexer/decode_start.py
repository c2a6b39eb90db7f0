"""Start the decoder process, if need be before anything else is loaded.

Its start takes a fifth of a second, as ours does: begun first, it is over by the time there is something to decode.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO

SLOTS = 3
SLOT_BYTES = 12 << 20


@dataclass(frozen=True, slots=True)
class Started:
    """A process that waits to be told what to decode. Shape: `file` is memory shared with it, `SLOTS` slots."""

    process: subprocess.Popen[bytes]
    file: IO[bytes]

    def end(self) -> None:
        """End it, whatever it does."""
        self.process.kill()
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout, self.file):
            if stream is not None:
                stream.close()


class Spare:
    """A process that was started before it was needed."""

    def __init__(self, started: Started | None) -> None:
        self._started = started

    def take(self) -> Started | None:
        """The process, for the first who asks."""
        started, self._started = self._started, None
        return started


def start() -> Started:
    """Start a process; to be ended by the caller. It ends by itself when this process does."""
    file = _shared_file()
    file.truncate(SLOTS * SLOT_BYTES)
    process = subprocess.Popen(  # noqa: S603 -- our own module
        [sys.executable, "-m", "indexer.decode_worker", str(file.fileno())],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        pass_fds=(file.fileno(),),
    )
    return Started(process, file)


@contextmanager
def spare() -> Iterator[Spare]:
    """One in reserve, where there is a processor for it; ended with the block if nobody took it."""
    kept = Spare(start() if (os.cpu_count() or 1) > 1 else None)
    try:
        yield kept
    finally:
        if (left := kept.take()) is not None:
            left.end()


def _shared_file() -> IO[bytes]:
    """A file without a name; in memory where the system can do that."""
    if hasattr(os, "memfd_create"):
        return os.fdopen(os.memfd_create("usdx-decode"), "w+b")
    return tempfile.TemporaryFile()
