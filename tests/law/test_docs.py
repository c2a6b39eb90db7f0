"""The documentation says what the code does."""

from pathlib import Path

from shared import catalogue, config_page

ROOT = Path(__file__).parents[2]


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
