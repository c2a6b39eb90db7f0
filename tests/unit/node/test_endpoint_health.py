"""Endpoints are judged by what they do."""

import pytest

from shared.endpoint_health import Health
from shared.rpc_errors import (
    BadAnswer,
    BehindHead,
    Failure,
    Kind,
    QuotaExhausted,
    RangeTooWide,
    RateLimited,
    Rejected,
    RpcError,
    TransportFailed,
    WrongChain,
)


def test_up_and_down() -> None:
    """Three failures in a row take an endpoint down, one answer brings it back."""
    health = Health()
    assert not health.up()
    health.answered(0.1)
    assert health.up()
    for at in (0.0, 10.0, 20.0):
        health.failed(TransportFailed("gone"), at)
    assert not health.up()
    health.answered(0.1)
    assert health.up()


def test_failures_at_once_count_once() -> None:
    """Questions that were under way together fail together; that is one failure."""
    health = Health()
    health.answered(0.1)
    for _ in range(16):
        health.failed(RateLimited("slow down"), 5.0)
    assert health.streak == 1
    assert health.rest_s(5.0) == 1.0


def test_rests_double() -> None:
    """Each failure after a rest asks for a longer one, up to a limit."""
    health, now, rests = Health(), 0.0, []
    for _ in range(12):
        health.failed(TransportFailed("gone"), now)
        rests.append(health.rest_s(now))
        now += rests[-1]
    assert rests[:4] == [0.5, 1.0, 2.0, 4.0]
    assert rests[-1] == 30.0


def test_a_named_pause_is_kept() -> None:
    """What the endpoint names itself counts."""
    health = Health()
    health.failed(RateLimited("slow down", failure=Failure(Kind.RATE, retry_after_s=17.0)), 3.0)
    assert health.rest_s(3.0) == 17.0
    assert health.rest_s(25.0) == 0.0


def test_an_empty_account_is_down_at_once() -> None:
    """One refusal for money is enough, and the rest is long."""
    health = Health()
    health.answered(0.1)
    health.failed(QuotaExhausted("pay"), 0.0)
    assert not health.up()
    assert health.rest_s(0.0) == 60.0


def test_a_stranger_is_never_up() -> None:
    """An endpoint of another chain is down for good."""
    health = Health()
    health.answered(0.1)
    health.refused = WrongChain("no")
    assert not health.up()


@pytest.mark.parametrize("error", [RangeTooWide("x"), BehindHead("x"), Rejected("x")])
def test_questions_at_fault(error: RpcError) -> None:
    """A refusal that is about the question says nothing about the endpoint."""
    assert not Health().minds(error)


@pytest.mark.parametrize("error", [RateLimited("x"), QuotaExhausted("x"), TransportFailed("x"), BadAnswer("x")])
def test_endpoints_at_fault(error: RpcError) -> None:
    """A failure of the endpoint itself is held against it."""
    assert Health().minds(error)


def test_errors_make_dear() -> None:
    """An endpoint that fails often costs more than its latency."""
    health = Health()
    assert health.cost_s() is None
    health.answered(0.1)
    assert health.cost_s() == pytest.approx(0.1)
    health.failed(TransportFailed("gone"), 0.0)
    assert (health.cost_s() or 0) > 0.15
