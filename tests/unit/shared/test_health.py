"""Laws of being alive and being ready."""

from __future__ import annotations

import pytest

from shared.health import Health
from shared.metrics import Registry
from tests.fakes.clock import Hands


@pytest.fixture
def hands() -> Hands:
    return Hands()


@pytest.fixture
def health(registry: Registry, hands: Hands) -> Health:
    return Health(registry, hands.clock())


def test_a_process_without_loops_is_alive(health: Health) -> None:
    """Nothing declared, nothing dead."""
    assert health.alive
    assert health.ready


def test_a_loop_must_beat_within_its_age(health: Health, hands: Hands) -> None:
    """A loop is dead when its last beat is older than its maximum age, and lives again with the next beat."""
    health.max_age("follow", 10)
    health.beat("follow")
    hands.at += 10
    assert health.alive
    hands.at += 0.1
    assert not health.alive
    assert not health.ready
    health.beat("follow")
    assert health.alive


def test_a_loop_that_never_beat_is_dead_too(health: Health, hands: Hands) -> None:
    """The first beat is due as the others are."""
    health.max_age("follow", 10)
    hands.at += 11
    assert not health.alive


def test_a_failed_check_makes_unready_not_dead(health: Health) -> None:
    """An unreachable database is no reason to be restarted."""
    health.set_dependency("postgres", False, "refused")
    assert health.alive
    assert not health.ready
    assert health.checks()["postgres"].detail == "refused"


def test_heartbeats_are_exposed(health: Health, registry: Registry, hands: Hands) -> None:
    """Last beat as a timestamp, its limit as a gauge, errors and restarts from zero."""
    health.max_age("follow", 10)
    assert registry.value("usdx_worker_heartbeat_timestamp_seconds", loop="follow") is None
    assert registry.value("usdx_worker_loop_errors_total", loop="follow") == 0
    health.beat("follow")
    health.failed("follow")
    health.declare_task("server")
    assert registry.value("usdx_worker_heartbeat_timestamp_seconds", loop="follow") == hands.at
    assert registry.value("usdx_worker_heartbeat_max_age_seconds", loop="follow") == 10
    assert registry.value("usdx_worker_loop_errors_total", loop="follow") == 1
    assert registry.value("usdx_worker_task_restarts_total", task="server") == 0
    for restarts in range(3):
        health.took_up("server")
        assert registry.value("usdx_worker_task_restarts_total", task="server") == restarts


def test_dependencies_are_exposed(health: Health, registry: Registry) -> None:
    """A dependency is absent until probed, then 1 or 0; an ordinary check has no gauge."""
    health.set_check("caught_up", False)
    assert registry.value("usdx_dependency_up", dependency="postgres") is None
    health.set_dependency("postgres", True)
    assert registry.value("usdx_dependency_up", dependency="postgres") == 1
    health.set_dependency("postgres", False)
    assert registry.value("usdx_dependency_up", dependency="postgres") == 0
    assert registry.value("usdx_dependency_up", dependency="caught_up") is None


def test_the_status_line_has_a_default(health: Health) -> None:
    """One word, until somebody knows better."""
    health.set_check("caught_up", False)
    assert health.status == "STARTING"
    health.set_check("caught_up", True)
    assert health.status == "READY"
    health.status_line = "READY block 1234 lag 1s 56 ev/s"
    assert health.status == "READY block 1234 lag 1s 56 ev/s"
