"""What is generated is what its source says."""

from __future__ import annotations

from pathlib import Path

import pytest

from monitoring.generate import files

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("path", files(), ids=str)
def test_generated_files_are_up_to_date(path: Path) -> None:
    """`python -m monitoring` would change nothing."""
    assert (ROOT / path).read_text() == files()[path]
