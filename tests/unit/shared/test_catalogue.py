"""The families of the specification are those that are declared."""

from __future__ import annotations

from pathlib import Path

import pytest

from shared.catalogue import DIFFERENCES, shelves
from shared.metrics import catalogue

SPECIFIED = (Path(__file__).parent / "specified_families.md").read_text().splitlines()[2:]
DECLARED = {one.name: one for shelf in shelves() for one in shelf.families}


@pytest.mark.parametrize("row", SPECIFIED, ids=lambda row: row.split("`")[1])
def test_a_specified_family_is_declared_so(row: str) -> None:
    """Name, kind, labels, unit, buckets and help are a contract with dashboards and rules: who changes one breaks
    somebody's, and changes it here too."""
    assert catalogue([DECLARED[row.split("`")[1]]]).splitlines()[2] == row


def test_all_are_specified() -> None:
    """The specification names 85 families, each once."""
    assert len({row.split("`")[1] for row in SPECIFIED}) == len(SPECIFIED) == 85


def test_differences_name_what_exists() -> None:
    """What stands in place of something specified is really there."""
    named = [name.partition("{")[0] for _, here, _ in DIFFERENCES for name in here.split("`")[1::2]]
    assert [name for name in named if name.startswith("usdx_") and name not in DECLARED] == []
