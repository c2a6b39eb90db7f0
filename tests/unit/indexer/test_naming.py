"""Names of tables and columns."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.naming import RESERVED, column_names, quoted, shortened
from shared.naming import MAX_BYTES, snake_case


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("WexelCreated", "wexel_created"),
        ("ERC20Transfer", "erc20_transfer"),
        ("poolId", "pool_id"),
        ("_from", "from"),
        ("amountUSD", "amount_usd"),
        ("USDAmount", "usd_amount"),
        ("token0", "token0"),
        ("__x__", "x"),
        ("a$b", "a_b"),
        ('x"; drop table y; --', "x_drop_table_y"),
        ("Ω", ""),
    ],
)
def test_snake_case(name: str, expected: str) -> None:
    """Words become lower case with underscores between them, whatever else was there."""
    assert snake_case(name) == expected


def test_reserved_and_taken_names() -> None:
    """A reserved or taken name gets an underscore, the next a number; an unnamed one its place."""
    names = ["from", "to", "address", "value", "Value", "VALUE", "", "_1", "1", "blockNumber"]
    assert column_names(names, ["address", "block_number"]) == (
        "from_", "to_", "address_", "value", "value_", "value_2", "_6", "_1", "n1", "block_number_",
    )  # fmt: skip


@given(st.lists(st.text(max_size=90), max_size=8))
def test_columns_are_usable_unquoted(names: list[str]) -> None:
    """Whatever the ABI calls its inputs, columns are distinct plain identifiers that Postgres does not cut."""
    columns = column_names(names, ["address"])
    assert len({"address", *columns}) == len(names) + 1
    for column in columns:
        assert re.fullmatch(r"[a-z_][a-z0-9_]{0,62}", column)
        assert column not in RESERVED


@given(st.text(alphabet="ab", min_size=50, max_size=200), st.text(alphabet="ab", min_size=50, max_size=200))
def test_shortening_keeps_names_apart(one: str, other: str) -> None:
    """Two long names that begin alike stay different, and neither is too long."""
    assert len(shortened(one)) <= MAX_BYTES
    assert (shortened(one) == shortened(other)) == (one == other)


def test_quoting() -> None:
    """A quote in an identifier cannot end it."""
    assert quoted('a"b\0') == '"a""b"'
