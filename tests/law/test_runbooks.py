"""Whoever is woken by an alert finds a page that says what to do."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from monitoring import alerts, slo

ROOT = Path(__file__).parents[2]
HEADINGS = ["Meaning", "Impact", "First look", "Likely causes", "Mitigation", "How to drill it"]
PAGES = sorted({alert.runbook for alert in (*alerts.ALERTS, *slo.ALERTS)})
SHORTEST_WORDS = 60


@pytest.mark.parametrize("page", PAGES, ids=lambda page: Path(page).stem)
def test_every_page_says_what_it_must(page: str) -> None:
    """Six headings in order, something under each, and the command that drills the alert."""
    text = (ROOT / page).read_text()
    assert re.findall(r"^## (.+)$", text, re.MULTILINE) == HEADINGS
    assert all(part.strip() for part in re.split(r"^## .+$", text, flags=re.MULTILINE)[1:])
    assert len(text.split()) >= SHORTEST_WORDS
    assert f"`usdx drill {Path(page).stem}" in text


def test_no_page_is_left_behind() -> None:
    """A page without an alert is removed with it."""
    assert {f"docs/runbooks/{path.name}" for path in (ROOT / "docs/runbooks").glob("*.md")} == set(PAGES)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: Path(page).stem)
def test_alerts_that_a_page_names_exist(page: str) -> None:
    """A page sends nobody to an alert that is gone."""
    known = {Path(one).stem for one in PAGES} | {alert.name for alert in (*alerts.ALERTS, *slo.ALERTS)}
    named = re.findall(
        r"\b(?:Service|Worker|Indexer|Oracle|Database|Rpc|Chain|Prometheus|Alertmanager)[A-Z]\w+",
        (ROOT / page).read_text(),
    )
    assert set(named) - known == set()
