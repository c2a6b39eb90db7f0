"""Writing TOML."""

import tomllib

from hypothesis import given
from hypothesis import strategies as st

from demo import toml

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x7f"), max_size=8)
VALUES = st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False) | TEXT
TABLES = st.recursive(
    st.dictionaries(TEXT, VALUES | st.lists(VALUES, max_size=3), max_size=4),
    lambda children: st.dictionaries(TEXT, children | VALUES, max_size=4),
    max_leaves=8,
)


@given(TABLES)
def test_round_trip(document: dict[str, object]) -> None:
    """What is written reads back as the same document."""
    assert tomllib.loads(toml.dumps(document)) == document


def test_list_of_tables() -> None:
    """Endpoints are a list of tables."""
    document = {"chains": {"demo": {"rpc": [{"name": "anvil", "url": "http://127.0.0.1:1"}]}}}
    assert tomllib.loads(toml.dumps(document)) == document
