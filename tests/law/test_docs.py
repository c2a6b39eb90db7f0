"""The documentation says what the code does."""

import re
from pathlib import Path

from indexer.undecoded import UNDECODED
from shared import catalogue, config_page, errors_page

ROOT = Path(__file__).parents[2]
METRIC = re.compile(r"(?<![:\w])usdx_[a-z0-9_]+(?![\w:*…])")
NO_METRICS = {"usdx_prices"}  # a channel of Postgres


def test_config_page_is_up_to_date() -> None:
    """Every config key is documented as it stands in the code; `make docs` writes the page anew."""
    assert (ROOT / "docs" / "reference" / "config.md").read_text() == config_page.page()


def test_metrics_page_is_up_to_date() -> None:
    """Every metric is documented as its room declares it; `make docs` writes the page anew."""
    assert (ROOT / "docs" / "reference" / "metrics.md").read_text() == catalogue.page()


def test_errors_page_is_up_to_date() -> None:
    """Every error, check and reason is documented as the code has it; `make docs` writes the page anew."""
    assert (ROOT / "docs" / "reference" / "errors.md").read_text() == errors_page.page()


def test_every_error_speaks_for_itself() -> None:
    """Each has a reason, an advice and a docstring of its own, and one reason has one meaning within a tree."""
    found = errors_page.errors()
    assert len(found) > 40
    lacking = [
        (one.__name__, what) for one in found for what in ("reason", "advice", "__doc__") if not vars(one).get(what)
    ]
    assert lacking == []


def test_every_reason_of_an_undecoded_log_is_explained() -> None:
    """What the decoder and `usdx decode` say is the closed set, no more and no less."""
    texts = [path.read_text() for path in (ROOT / "indexer").glob("*.py")]
    said = {reason for text in texts for reason in re.findall(r"(?:DecodeError|fail|_error)\(\s*['\"](\w+)['\"]", text)}
    assert said == set(UNDECODED)


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
