"""No endpoint is asked faster than it likes."""

from hypothesis import given
from hypothesis import strategies as st

from shared.endpoint_budget import Budget


def spent(budget: Budget, requests: int, at: float = 0.0) -> float:
    """When the last of so many requests goes out."""
    now = at
    for _ in range(requests):
        now += budget.reserve(now)
    return now


def test_without_a_rate_nobody_waits() -> None:
    """As long as nobody complains there is no limit."""
    assert spent(Budget(None, 0.0), 1_000) == 0.0


@given(rate=st.floats(0.5, 500), requests=st.integers(1, 300))
def test_a_configured_rate_is_kept(rate: float, requests: int) -> None:
    """Beyond the first second's worth, requests go out at the configured rate."""
    took = spent(Budget(rate, 0.0), requests)
    assert took >= (requests - 1) / rate - 1.001
    assert took <= requests / rate


def test_a_complaint_slows_down() -> None:
    """After "too fast" the rate falls below that of the last seconds, and recovers in time."""
    budget = Budget(None, 0.0)
    for at in range(100):
        budget.reserve(at / 50)
    budget.refused(2.0)
    slow = budget.per_second(2.0)
    assert slow is not None
    assert slow < 50
    later = budget.per_second(30.0)
    assert later is not None
    assert later > slow
    assert budget.per_second(1_000.0) is None


def test_a_complaint_never_lifts_the_configured_rate() -> None:
    """A learned rate stays at or below the configured one, and gives way to it."""
    budget = Budget(5.0, 0.0)
    for at in range(100):
        budget.reserve(at / 100)
    budget.refused(1.0)
    assert (budget.per_second(1.0) or 0) <= 5
    assert budget.per_second(1_000.0) == 5


def test_complaints_in_a_row() -> None:
    """Even endless complaints leave a rate above nothing."""
    budget = Budget(None, 0.0)
    for at in range(200):
        budget.reserve(float(at))
        budget.refused(float(at))
    assert (budget.per_second(200.0) or 0) >= 0.5


def test_the_backlog_is_told() -> None:
    """How long a request would wait can be seen before it is made."""
    budget = Budget(10.0, 0.0)
    assert budget.backlog_s(0.0) == 0
    budget.reserve(0.0, 30)
    assert 1.9 <= budget.backlog_s(0.0) <= 3.1
    assert budget.backlog_s(10.0) == 0
