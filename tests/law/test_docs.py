"""The documentation says what the code does."""

import re
from pathlib import Path

from shared import catalogue, config_page

ROOT = Path(__file__).parents[2]
METRIC = re.compile(r"(?<![:\w])usdx_[a-z0-9_]+(?![\w:*…])")
NO_METRICS = {"usdx_prices"}  # a channel of Postgres


def test_config_page_is_up_to_date() -> None:
    """Every config key is documented as it stands in the code; `make docs` writes the page anew."""
    assert (ROOT / "docs" / "reference" / "config.md").read_text() == config_page.page()


def test_metrics_page_is_up_to_date() -> None:
    """Every metric is documented as its room declares it; `make docs` writes the page anew."""
    assert (ROOT / "docs" / "reference" / "metrics.md").read_text() == catalogue.page()


def test_every_key_says_what_it_means() -> None:
    """No key is listed without a word about it."""
    rows = [line for line in config_page.page().splitlines() if line.startswith("| `")]
    assert [row for row in rows if row.endswith("|  |")] == []


def test_metrics_that_a_page_names_exist() -> None:
    """Nobody is sent to a metric that is not there. The reference page aside, which names the specification's, too."""
    known = {family.name for shelf in catalogue.shelves() for family in shelf.families} | NO_METRICS
    pages = {*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("docker/**/*.md")}
    named = {
        (name, page.name)
        for page in pages - {ROOT / "docs" / "reference" / "metrics.md"}
        for name in METRIC.findall(page.read_text())
    }
    assert len(named) > 50
    assert [one for one in named if not {one[0], re.sub("_(bucket|sum|count)$", "", one[0])} & known] == []
