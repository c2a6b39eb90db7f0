"""The folder of a run."""

from pathlib import Path

import pytest

from demo.run_folder import FolderInUse, claimed


def test_foreign_folder_is_left_alone(tmp_path: Path) -> None:
    """A folder that no demo made is refused and nothing in it is deleted."""
    (tmp_path / "thesis.txt").write_text("precious")
    with pytest.raises(FolderInUse, match="nothing in it was touched"), claimed(tmp_path, keep=False):
        pass
    assert (tmp_path / "thesis.txt").read_text() == "precious"


def test_next_run_starts_empty(tmp_path: Path) -> None:
    """A second run finds nothing of the first."""
    for _ in range(2):
        with claimed(tmp_path / "demo", keep=False) as folder:
            assert not folder.config.exists()
            assert list((folder.path / "logs").iterdir()) == []
            folder.config.write_text("")
            folder.log("indexer").write_text("")


def test_kept_folder_is_kept(tmp_path: Path) -> None:
    """With keep, the things of the run before are there."""
    with claimed(tmp_path / "demo", keep=False) as folder:
        folder.config.write_text("x = 1")
    with claimed(tmp_path / "demo", keep=True) as folder:
        assert folder.config.read_text() == "x = 1"


def test_one_demo_per_folder(tmp_path: Path) -> None:
    """Two demos never share a folder."""
    with (
        claimed(tmp_path / "demo", keep=False),
        pytest.raises(FolderInUse, match="another demo runs"),
        claimed(tmp_path / "demo", keep=False),
    ):
        pass
