"""Finding programs."""

from pathlib import Path

import pytest

from demo import parts
from demo.parts.catalogue import PROGRAMS


@pytest.fixture
def bare_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine without any tool, and no package index behind pip; returns the one folder of its PATH."""
    for name, value in {
        "PATH": str(tmp_path / "bin"),
        "USDX_PARTS_DIR": str(tmp_path / "parts"),
        "PIP_INDEX_URL": "http://127.0.0.1:9/",
        "PIP_CONFIG_FILE": "/dev/null",
        "PIP_RETRIES": "0",
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)
    monkeypatch.delenv("PIP_EXTRA_INDEX_URL", raising=False)
    (tmp_path / "bin").mkdir()
    return tmp_path / "bin"


@pytest.mark.parametrize("name", PROGRAMS)
def test_missing_program_is_named(bare_machine: Path, name: str) -> None:
    """A program that cannot be had is one clear error: its name and every way that was tried."""
    with pytest.raises(parts.PartMissing, match=f"^{name}: not on PATH, and it could not be fetched: .*not installed"):
        PROGRAMS[name]()


@pytest.mark.parametrize("name", PROGRAMS)
def test_program_on_path_is_taken(bare_machine: Path, name: str) -> None:
    """What the machine has is used, nothing is fetched."""
    own = bare_machine / name
    own.write_text("#!/bin/sh\n")
    own.chmod(0o755)
    assert PROGRAMS[name]() == own


def test_debian_calls_alertmanager_otherwise(bare_machine: Path) -> None:
    """Debian's Alertmanager is found under Debian's name."""
    own = bare_machine / "prometheus-alertmanager"
    own.write_text("#!/bin/sh\n")
    own.chmod(0o755)
    assert parts.alertmanager() == own
