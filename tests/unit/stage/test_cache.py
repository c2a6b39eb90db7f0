"""The cache of fetched programs."""

import threading
import time
from pathlib import Path

import pytest

from demo.parts import cache


@pytest.fixture(autouse=True)
def parts_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("USDX_PARTS_DIR", str(tmp_path / "parts"))
    return tmp_path / "parts"


def test_filled_once_by_many() -> None:
    """However many ask at once, one fills and all get the same complete folder."""
    fills: list[Path] = []

    def fill(into: Path) -> None:
        fills.append(into)
        (into / "half").touch()
        time.sleep(0.05)
        (into / "whole").touch()

    found: list[set[str]] = []

    def ask() -> None:
        found.append({entry.name for entry in cache.filled("tool", fill).iterdir()})

    threads = [threading.Thread(target=ask) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(fills) == 1
    assert found == [{"half", "whole"}] * 6


def test_failed_fill_leaves_nothing(parts_dir: Path) -> None:
    """A fetch that fails leaves nothing that looks fetched, and the next one may succeed."""

    def fail(into: Path) -> None:
        (into / "half").touch()
        raise OSError("line cut")

    with pytest.raises(OSError, match="line cut"):
        cache.filled("tool", fail)
    assert [entry.name for entry in parts_dir.iterdir()] == [".tool.lock"]
    assert cache.filled("tool", lambda into: (into / "whole").touch()).is_dir()


def test_fetched_folder_is_readable_by_others(parts_dir: Path) -> None:
    """What one user fetched, another may run."""
    assert cache.filled("tool", lambda into: None).stat().st_mode & 0o777 == 0o755
