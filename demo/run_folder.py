"""The folder of one demo run: claimed by one demo at a time, emptied of the run before."""

import fcntl
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from shared.errors import Permanent

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
    def chain(self) -> Path:
        """The chain, as anvil left it."""
        return self.path / "chain.json"

    def log(self, program: str) -> Path:
        """The log file of a program."""
        return self.path / "logs" / f"{program}.log"


@contextmanager
def claimed(path: Path, *, keep: bool) -> Iterator[RunFolder]:
    """The folder, ours alone as long as the context is open; empty at first unless `keep`. Raises FolderInUse."""
    folder = RunFolder(path.absolute())
    if folder.path.is_dir() and any(folder.path.iterdir()) and not (folder.path / _MARK).exists():
        raise FolderInUse(f"{folder.path} is not empty and no demo made it; nothing in it was touched")
    folder.path.mkdir(parents=True, exist_ok=True)
    with (folder.path / _MARK).open("w") as mark:
        try:
            fcntl.flock(mark, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as exc:
            raise FolderInUse(f"another demo runs in {folder.path}") from exc
        if not keep:
            _empty(folder.path)
        (folder.path / "logs").mkdir(exist_ok=True)
        yield folder


def _empty(folder: Path) -> None:
    for entry in folder.iterdir():
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        elif entry.name != _MARK:
            entry.unlink()
