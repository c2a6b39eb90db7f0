"""What a client accepts, and what it has."""

import pytest

from shared.negotiate import matches, takes_gzip, weight_of


@pytest.mark.parametrize(
    ("header", "takes"),
    [
        ("gzip", True),
        ("deflate, GZIP;q=0.5", True),
        ("*", True),
        ("*;q=0, gzip", True),
        ("", False),
        ("identity", False),
        ("gzip;q=0", False),
        ("gzip; q=0.000, *", False),
        ("*;q=0", False),
        ("x-gzip", False),
    ],
)
def test_gzip(header: str, takes: bool) -> None:
    """A coding is taken when it is named, or the star is, with a weight above zero; its own name counts first."""
    assert takes_gzip(header) is takes


def test_weights() -> None:
    """A name without a weight has the greatest, one that is not there has none."""
    assert [weight_of("a;q=0.3, b", name) for name in "abc"] == [0.3, 1.0, None]


@pytest.mark.parametrize("header", ['"x"', 'W/"x"', '"y", "x"', '"y",W/"x"', "*"])
@pytest.mark.parametrize("tag", ['"x"', 'W/"x"'])
def test_tags(header: str, tag: str) -> None:
    """A tag alone, in a list, weak or strong says that the client has it, and so does the star; another does not."""
    assert matches(header, tag)
    assert not matches(header, '"z"') or header == "*"
    assert not matches("", tag)
