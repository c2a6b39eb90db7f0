"""The folder of a run."""

import fcntl
from pathlib import Path

import pytest

from demo.run_folder import FolderInUse, claimed, prepare


def test_foreign_folder_is_left_alone(tmp_path: Path) -> None:
    """A folder that no demo made is refused and nothing in it is deleted."""
    (tmp_path / "thesis.txt").write_text("precious")
    with pytest.raises(FolderInUse, match="nothing in it was touched"), claimed(tmp_path):
        pass
    assert (tmp_path / "thesis.txt").read_text() == "precious"


async def test_next_run_starts_empty(tmp_path: Path) -> None:
    """A second run finds nothing of the first."""
    for _ in range(2):
        with claimed(tmp_path / "demo") as folder:
            await prepare(folder, keep=False)
            assert not folder.config.exists()
            assert list((folder.path / "logs").iterdir()) == []
            folder.config.write_text("")
            folder.log("indexer").write_text("")


async def test_kept_folder_is_kept(tmp_path: Path) -> None:
    """With keep, the things of the run before are there."""
    with claimed(tmp_path / "demo") as folder:
        await prepare(folder, keep=False)
        folder.config.write_text("x = 1")
    with claimed(tmp_path / "demo") as folder:
        await prepare(folder, keep=True)
        assert folder.config.read_text() == "x = 1"


def test_one_demo_per_folder(tmp_path: Path) -> None:
    """Two demos never share a folder."""
    with (
        claimed(tmp_path / "demo"),
        pytest.raises(FolderInUse, match="another demo runs"),
        claimed(tmp_path / "demo"),
    ):
        pass


async def test_used_postgres_is_not_deleted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As long as anybody uses the Postgres of a killed demo, its folder stays as it is."""
    monkeypatch.setattr("demo.run_folder._PATIENCE_S", 0.3)
    with claimed(tmp_path) as folder:
        folder.postgres.mkdir()
        with (folder.postgres / "users").open("w") as user:
            fcntl.flock(user, fcntl.LOCK_SH)
            with pytest.raises(FolderInUse, match="still use the Postgres"):
                await prepare(folder, keep=False)
        await prepare(folder, keep=False)
        assert not folder.postgres.exists()
