"""Keep fetched programs in a folder that several processes may fill at once."""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from demo.home import home


def folder() -> Path:
    """Where fetched programs live: `USDX_PARTS_DIR`, else below `.usdx`."""
    if configured := os.environ.get("USDX_PARTS_DIR"):
        return Path(configured).absolute()
    return home() / "parts"


def filled(name: str, fill: Callable[[Path], None]) -> Path:
    """The folder `name` of the cache; the first to ask fills it, everybody else waits for that one.

    `fill` writes into an empty folder which gets its name only when complete, so a killed or failed fetch leaves
    nothing that looks fetched.
    """
    target = folder() / name
    if target.is_dir():
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    with _locked(target.parent / f".{name}.lock"):
        if not target.is_dir():
            _fill_and_rename(target, fill)
    return target


def _fill_and_rename(target: Path, fill: Callable[[Path], None]) -> None:
    scratch = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
    try:
        scratch.chmod(0o755)
        fill(scratch)
        scratch.rename(target)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
