"""Page tokens."""

from contextlib import suppress
from datetime import UTC
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.api.keyset import Key, Order, choices, order
from aggregator.api.problems import Refused

VALUES = {
    "bigint": st.integers(-(2**62), 2**62),
    "numeric": st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**78), max_value=10**78, places=6),
    "timestamptz": st.datetimes(timezones=st.just(UTC)),
    "text": st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])),
    "bytea": st.binary(max_size=32),
    "float8": st.floats(allow_nan=False),
    "boolean": st.booleans(),
}


@given(st.data())
def test_what_goes_in_comes_out(data: st.DataObject) -> None:
    """A token gives back the very values of the row it was made of."""
    kinds = data.draw(st.lists(st.sampled_from(list(VALUES)), min_size=1, max_size=4))
    values = tuple(data.draw(VALUES[kind]) for kind in kinds)
    by = Order("x", tuple(Key(f"c{n}", kind) for n, kind in enumerate(kinds)), False)
    assert by.values(by.token(values)) == values


@given(st.text(max_size=40))
def test_garbage_is_refused(text: str) -> None:
    """Any text is a token of ours or refused, never another error."""
    by = Order("x", (Key("a", "bigint"), Key("b", "timestamptz")), False)
    with suppress(Refused):
        by.values(text)


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("bigint", "9" * 30),
        ("numeric", "1e999"),
        ("numeric", "NaN"),
        ("timestamptz", "2026-01-01"),
        ("timestamptz", "0001-01-01T00:00:00+14:00"),
        ("timestamptz", "9999-12-31T23:59:59-14:00"),
        ("text", "a\0b"),
        ("boolean", "x"),
    ],
)
def test_values_beyond_the_database_are_refused(kind: str, text: str) -> None:
    """A token cannot carry a value that Postgres would choke on."""
    by = Order("x", (Key("a", kind),), False)
    with pytest.raises(Refused):
        by.values(by.token([text]))


def test_directions() -> None:
    """Going on means greater keys, or smaller ones when the order descends."""
    sorts = {"id": (Key("v.a", "bigint"), Key("v.b", "numeric"))}
    assert choices(sorts) == ("id", "-id")
    assert order("id", sorts).behind(3) == "(v.a, v.b) > ($3::bigint, $4::numeric)"
    assert order("-id", sorts).behind(1) == "(v.a, v.b) < ($1::bigint, $2::numeric)"
    assert order("-id", sorts).sql == "v.a desc, v.b desc"
    assert order("id", sorts).token([1, Decimal("2.50")]) != order("-id", sorts).token([1, Decimal("2.50")])
