"""Laws of the schema's version."""

from __future__ import annotations

from pathlib import Path

import pytest

from shared.errors import SchemaMismatch
from shared.migrate import Migration, known, pending

ONE, TWO, THREE = (Migration(number, f"00{number}_x", f"select {number}") for number in (1, 2, 3))


def _row(migration: Migration) -> tuple[int, str, str]:
    return migration.number, migration.name, migration.digest


def test_files_come_in_order(tmp_path: Path) -> None:
    """Numbers, not file dates or the folder's order, decide."""
    for name in ("010_last.sql", "001_first.sql", "002_second.sql"):
        (tmp_path / name).write_text(f"-- {name}")
    assert [one.name for one in known(tmp_path)] == ["001_first", "002_second", "010_last"]


@pytest.mark.parametrize("names", [["1_x.sql"], ["001_X.sql"], ["001_a.sql", "001_b.sql"], ["001_a b.sql"]])
def test_ambiguous_files_are_refused(tmp_path: Path, names: list[str]) -> None:
    """A file without a number of its own has no place in the order."""
    for name in names:
        (tmp_path / name).write_text("")
    with pytest.raises(SchemaMismatch, match="must be named"):
        known(tmp_path)


def test_our_own_files_are_in_order() -> None:
    """The package carries its migrations."""
    assert [one.number for one in known()] == sorted(one.number for one in known())


def test_what_is_applied_is_not_applied_again() -> None:
    """Only the missing ones are pending, also when a lower number came later."""
    assert pending([], [ONE, TWO]) == (ONE, TWO)
    assert pending([_row(ONE)], [ONE, TWO]) == (TWO,)
    assert pending([_row(ONE), _row(THREE)], [ONE, TWO, THREE]) == (TWO,)
    assert pending([_row(ONE), _row(TWO)], [ONE, TWO]) == ()


def test_a_newer_database_is_refused() -> None:
    """An older version does not touch a schema it does not know."""
    with pytest.raises(SchemaMismatch, match="has migration 003_x, this version of usdx knows them up to 002"):
        pending([_row(ONE), _row(TWO), _row(THREE)], [ONE, TWO])


def test_an_edited_migration_is_refused() -> None:
    """What was applied must still be what the file says."""
    edited = Migration(1, "001_x", "select 'something else'")
    with pytest.raises(SchemaMismatch, match="001_x was edited"):
        pending([_row(ONE)], [edited])
