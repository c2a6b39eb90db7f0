"""How often a client may try."""

from hypothesis import given
from hypothesis import strategies as st

from shared.rate import RateLimit


@given(st.lists(st.floats(0.0, 2.0), max_size=60))
def test_rate_limit_allows_no_more_than_said(pauses: list[float]) -> None:
    """In any stretch of time a client gets at most its burst and its rate."""
    limit, now, allowed = RateLimit(2.0), 0.0, 0
    for pause in pauses:
        now += pause
        wait_s = limit.take("client", now)
        allowed += wait_s == 0
        assert 0 <= wait_s <= 0.5
        assert limit.wait_s("other", now) == 0
    assert allowed <= 4 + 2 * now + 1e-6


def test_rate_limit_forgets_the_longest_unseen() -> None:
    """Memory is bounded, and clients do not share a limit."""
    limit = RateLimit(1.0, clients=3)
    for number in range(100):
        assert limit.take(str(number), 0.0) == 0
    assert len(limit._buckets) == 3


@given(st.lists(st.floats(0.0, 2.0), max_size=20))
def test_who_waits_as_told_is_let_in(pauses: list[float]) -> None:
    """To ask how long to wait takes nothing, and after waiting so long a client may try."""
    limit, now = RateLimit(0.5, burst=3.0), 0.0
    for pause in pauses:
        now += pause
        wait_s = limit.wait_s("client", now)
        assert limit.take("client", now) == wait_s
    now += limit.wait_s("client", now) + 1e-6
    assert limit.take("client", now) == 0
