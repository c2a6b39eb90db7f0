"""The folder of one demo run: claimed by one demo at a time, emptied of the run before."""

import asyncio
import fcntl
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from shared.errors import Permanent

_PATIENCE_S = 30.0
_MARK = "demo.lock"  # its presence says that everything beside it is ours


class FolderInUse(Permanent):
    """The folder belongs to a demo that runs, or to somebody else."""

    reason = "folder_in_use"
    advice = "Stop the other demo, or choose another folder with --data-dir."


@dataclass(frozen=True, slots=True)
class RunFolder:
    """Where a run keeps its things. `path` is absolute."""

    path: Path

    @property
    def config(self) -> Path:
        """The config that the workers of this run read."""
        return self.path / "usdx.toml"

    @property
    def state(self) -> Path:
        """What runs now, as JSON: pids and URLs."""
        return self.path / "demo.json"

    @property
    def postgres(self) -> Path:
        """The embedded Postgres, as the workers look for it beside their config."""
        return self.path / "postgres"

    @property
    def chain(self) -> Path:
        """The chain, as anvil left it."""
        return self.path / "chain.json"

    def log(self, program: str) -> Path:
        """The log file of a program."""
        return self.path / "logs" / f"{program}.log"


@contextmanager
def claimed(path: Path) -> Iterator[RunFolder]:
    """The folder, ours alone as long as the context is open. Raises FolderInUse."""
    folder = RunFolder(path.absolute())
    if folder.path.is_dir() and any(folder.path.iterdir()) and not (folder.path / _MARK).exists():
        raise FolderInUse(f"{folder.path} is not empty and no demo made it; nothing in it was touched")
    folder.path.mkdir(parents=True, exist_ok=True)
    with (folder.path / _MARK).open("w") as mark:
        if not _lockable(mark):
            raise FolderInUse(f"another demo runs in {folder.path}")
        yield folder


async def prepare(folder: RunFolder, *, keep: bool) -> None:
    """Bring the folder to where a run may begin: nobody uses it any more, and it is empty unless `keep`.

    The workers of a demo that was killed, and the Postgres that they shared, may take some seconds to end.
    """
    deadline = time.monotonic() + _PATIENCE_S
    while _postgres_is_used(folder):
        if time.monotonic() > deadline:
            raise FolderInUse(f"programs of an earlier demo still use the Postgres in {folder.path}")
        await asyncio.sleep(0.1)
    if not keep:
        _empty(folder.path)
    _make_logs(folder)


def _postgres_is_used(folder: RunFolder) -> bool:
    """Every user of an embedded Postgres holds a lock on this file, and so does Postgres's keeper while it stops it."""
    users = folder.postgres / "users"
    if not users.exists():
        return False
    with users.open("ab") as shared:
        return not _lockable(shared)


def _lockable(file: IO[Any]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _make_logs(folder: RunFolder) -> None:
    folder.log("any").parent.mkdir(exist_ok=True)


def _empty(folder: Path) -> None:
    for entry in folder.iterdir():
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        elif entry.name != _MARK:
            entry.unlink()
