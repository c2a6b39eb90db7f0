"""Ranges shrink when they must and grow when they may."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.endpoint_window import PROBE_AFTER, RUNGS, Answered, Ceiling, Window, suggested_blocks
from shared.rpc_errors import classify

BYTES = 1_000_000


@given(blocks=st.integers(2, 10**9), said=st.none() | st.integers(1, 10**10), good=st.integers(0, 10**9))
def test_a_refused_ceiling_is_narrower(blocks: int, said: int | None, good: int) -> None:
    """After any structural refusal the ceiling is below what was refused, and never below one block."""
    assert 1 <= (Ceiling(good=good).refused(blocks, said).blocks or 0) < blocks


@given(blocks=st.integers(1, 10**9), suggested=st.none() | st.integers(-5, 10**10))
def test_a_refused_window_is_narrower(blocks: int, suggested: int | None) -> None:
    """After any refusal by density the window is below what was refused, unless that was one block."""
    span = Window().refused(blocks, suggested).span
    assert span >= 1
    assert span < blocks or blocks == 1


def test_a_named_limit_is_taken() -> None:
    """The number in a refusal becomes the ceiling."""
    assert Ceiling().refused(50_000, 10_000).blocks == 10_000


def test_a_limit_that_was_kept_is_off_by_one() -> None:
    """A range of exactly the named limit that is refused all the same was one too wide."""
    assert Ceiling().refused(10_000, 10_000).blocks == 9_999


def test_a_limit_wider_than_the_refused_range_is_no_help() -> None:
    """A provider that names more than it allows is searched by the usual limits instead."""
    assert Ceiling().refused(10_000, 20_000).blocks == 5_000


def test_without_a_number_the_usual_limits_are_tried() -> None:
    """A refusal without a number leads down the limits that people choose, not by halves."""
    assert Ceiling().refused(10_000, None).blocks == 5_000
    assert Ceiling().refused(5_000, None).blocks == 3_000


def test_what_was_answered_before_is_not_undercut() -> None:
    """A range that was answered once is not given up for a refusal of a wider one."""
    assert Ceiling(good=4_200).refused(5_000, None).blocks == 4_200


def test_a_ceiling_is_tried_again() -> None:
    """After many answers at the ceiling one wider question is asked, since plans get upgraded."""
    ceiling = Ceiling(10)
    for _ in range(PROBE_AFTER):
        ceiling = ceiling.answered(10)
    assert ceiling.blocks == 20


def test_nothing_known_stays_unknown() -> None:
    """Answers alone make no ceiling."""
    assert Ceiling().answered(5_000).blocks is None


def test_empty_answers_widen_fast() -> None:
    """Where there are no logs the window grows tenfold."""
    assert Window(1_000).answered(Answered(1_000, 0, 2), BYTES, None).span == 10_000


def test_thick_answers_narrow() -> None:
    """An answer above the target makes the next one smaller."""
    assert Window(1_000).answered(Answered(1_000, 5_000, 3 * BYTES), BYTES, None).span == 333


def test_results_are_kept_below_the_known_most() -> None:
    """A window stays clear of the endpoint's own limit of results."""
    assert Window(1_000).answered(Answered(1_000, 9_900, 1), BYTES, 10_000).span == 808


def test_a_short_range_says_nothing_about_width() -> None:
    """At the tip, where one block is asked at a time, the window does not move."""
    assert Window(1_000).answered(Answered(1, 2, 900), BYTES, None).span == 1_000


def test_after_a_refusal_growth_is_slow() -> None:
    """A window that was refused grows by little, then faster again."""
    window = Window(1_000).refused(1_000, None)
    widths = [window.span]
    for _ in range(12):
        window = window.answered(Answered(window.span, 0, 2), BYTES, None)
        widths.append(window.span)
    assert widths[1] == 550
    assert widths[-1] > 10_000


@given(
    blocks=st.integers(1, 10**6), results=st.integers(0, 10**6), size=st.integers(0, 10**9), span=st.integers(1, 10**6)
)
def test_a_window_is_never_empty(blocks: int, results: int, size: int, span: int) -> None:
    """Whatever came, the next window holds at least one block."""
    assert Window(span).answered(Answered(min(blocks, span), results, size), BYTES, 10_000).span >= 1


@pytest.mark.parametrize(
    ("text", "width"),
    [
        ("Try with this block range [0x64, 0x77].", 20),
        ("Try with this block range [0x77, 0x64].", 20),
        ("retry with the range 100-119", 20),
        ("retry with the range 100-199", None),
        ("retry with the range 100-250", None),
        ("retry with the range 110-119", None),
        ("retry with the range 90-119", None),
        ("query exceeds max results 20000", None),
    ],
)
def test_suggestions(text: str, width: int | None) -> None:
    """A suggestion counts when it begins where we do, lies inside the request and is narrower, in either order."""
    assert suggested_blocks(classify(200, -32602, text), 100, 199) == width


def test_rungs_ascend() -> None:
    """The usual limits are a ladder."""
    assert list(RUNGS) == sorted(set(RUNGS))
