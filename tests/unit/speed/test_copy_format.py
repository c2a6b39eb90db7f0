"""Binary COPY as Postgres itself reads it is proved in tests/integration/speed; here are the shapes."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pytest

from indexer.copy_format import encoder, numeric
from indexer.numerals import Numerals
from tests.property.speed.copied_rows import rows_of

EDGES = [0, 1, 9_999, 10_000, 10**8 - 1, 10**8, 2**63, 2**64 - 1, 10**38, 2**128 - 1, 2**255, 2**256 - 1]


@pytest.mark.parametrize("value", [*EDGES, *(-value for value in EDGES), Decimal("-0.00012345"), Decimal("1e20")])
def test_a_number_survives_its_digits(value: int | Decimal) -> None:
    """Every number is read back as itself, whatever its size, sign and scale."""
    assert rows_of(b"\0\1" + numeric(value), ["numeric"])[0][0] == value


@pytest.mark.parametrize("width", [8, 16, 31, 32])
def test_columns_of_numbers_equal_single_numbers(width: int) -> None:
    """A column has one width, but every number in it its own value."""
    values = [value for value in EDGES if value < 1 << (8 * width)]
    column = np.frombuffer(b"".join(value.to_bytes(width, "big") for value in values), np.uint8).reshape(-1, width)
    fields = Numerals().fields(column)
    assert [rows_of(b"\0\1" + bytes(field), ["numeric"])[0][0] for field in fields] == values


def test_columns_of_signed_numbers_keep_their_signs() -> None:
    """The least and the greatest number of a type are themselves."""
    values = [0, 1, -1, 2**255 - 1, -(2**255), -(10**8), 10_000]
    raw = b"".join(value.to_bytes(32, "big", signed=True) for value in values)
    fields = Numerals().fields(np.frombuffer(raw, np.uint8).reshape(-1, 32), signed=True)
    assert [rows_of(b"\0\1" + bytes(field), ["numeric"])[0][0] for field in fields] == values


def test_a_row_has_a_field_for_each_type() -> None:
    """A row that lacks a value, or has one too many, is refused."""
    encode = encoder(["bigint", "text"])
    with pytest.raises(ValueError, match="zip"):
        encode([1])
