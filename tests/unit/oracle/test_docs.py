"""The reference of reasons is what the code says."""

from __future__ import annotations

import re
from pathlib import Path

import oracle.rules
from oracle.docs import reasons_page
from oracle.reasons import EXPLAINED, Reason

ROOT = Path(__file__).parents[3]


def test_every_reason_is_explained() -> None:
    """The set is closed: each word has a meaning and an advice."""
    assert set(EXPLAINED) == set(Reason)
    for text in EXPLAINED.values():
        assert text.meaning.endswith(".")
        assert text.advice.endswith(".")
        assert set(text.where.split(", ")) <= {"fetch", "quote", "observation"}


def test_the_page_of_reasons_is_the_codes() -> None:
    """docs/oracle/reasons.md is what `python -m oracle.docs` prints."""
    assert (ROOT / "docs/oracle/reasons.md").read_text() == reasons_page()


def test_every_reason_arises_somewhere() -> None:
    """A word that no room uses would be a promise that nobody keeps."""
    code = "\n".join(
        path.read_text() for path in (ROOT / "oracle").rglob("*.py") if path.name not in ("reasons.py", "docs.py")
    )
    assert [one for one in Reason if not re.search(rf"Reason\.{one.name}\b", code)] == []


def test_one_rule_a_file() -> None:
    """Every rule's file says in one sentence what it holds."""
    for path in Path(oracle.rules.__path__[0]).glob("*.py"):
        assert path.read_text().startswith('"""'), path
