"""Know whether this process lives and whether it is ready.

*Alive* means that every loop beat within its maximum age; *ready* means alive and every check passes. Loops and wiring
write plain state here; `/healthz`, `/readyz` and the scrape read it.
"""

from __future__ import annotations

from dataclasses import dataclass

from shared.clock import Clock
from shared.metrics import Family, Registry

HEARTBEAT = Family(
    "usdx_worker_heartbeat_timestamp_seconds",
    "gauge",
    "Time the loop last completed an iteration.",
    ("loop",),
    "seconds",
)
HEARTBEAT_MAX_AGE = Family(
    "usdx_worker_heartbeat_max_age_seconds",
    "gauge",
    "Configured maximum heartbeat age of the loop.",
    ("loop",),
    "seconds",
)
LOOP_ERRORS = Family(
    "usdx_worker_loop_errors_total", "counter", "Loop iterations that ended with an exception.", ("loop",)
)
TASK_RESTARTS = Family("usdx_worker_task_restarts_total", "counter", "Supervised task restarts.", ("task",))
DEPENDENCY_UP = Family("usdx_dependency_up", "gauge", "1 when the dependency probe succeeds.", ("dependency",))
FAMILIES = (HEARTBEAT, HEARTBEAT_MAX_AGE, LOOP_ERRORS, TASK_RESTARTS, DEPENDENCY_UP)


@dataclass(frozen=True, slots=True)
class Check:
    """One condition of readiness, with a sentence for a person."""

    ok: bool
    detail: str = ""


@dataclass(slots=True)
class _Loop:
    max_age_s: float
    beat_at: float  # monotonic; the time of declaration until the first beat


class Health:
    """What the process says of itself. `status_line` is one line, status first: `READY block 1234 lag 1s 56 ev/s`."""

    def __init__(self, registry: Registry, clock: Clock) -> None:
        self._clock = clock
        self._loops: dict[str, _Loop] = {}
        self._took_up: set[str] = set()
        self._checks: dict[str, Check] = {}
        self.status_line = ""
        self._heartbeat = registry.gauge(HEARTBEAT)
        self._max_age = registry.gauge(HEARTBEAT_MAX_AGE)
        self._loop_errors = registry.counter(LOOP_ERRORS)
        self._task_restarts = registry.counter(TASK_RESTARTS)
        self._dependency_up = registry.gauge(DEPENDENCY_UP)

    def max_age(self, loop: str, max_age_s: float) -> None:
        """Declare a loop; it has `max_age_s` from now for its first beat."""
        self._loops[loop] = _Loop(max_age_s, self._clock.monotonic())
        self._max_age.set(max_age_s, loop)
        self._loop_errors.start(loop)

    def beat(self, loop: str) -> None:
        """The loop completed an iteration."""
        if loop not in self._loops:
            self.max_age(loop, 60)
        self._loops[loop].beat_at = self._clock.monotonic()
        self._heartbeat.set(self._clock.now(), loop)

    def failed(self, loop: str) -> None:
        """An iteration of the loop ended with an error that it survives."""
        self._loop_errors.inc(loop)

    def declare_task(self, task: str) -> None:
        """Make the task's restart counter exist."""
        self._task_restarts.start(task)

    def took_up(self, task: str) -> None:
        """The task begins its work; each time but the first, it does so again, after losing its lease or failing."""
        if task in self._took_up:
            self._task_restarts.inc(task)
        self._took_up.add(task)

    def set_check(self, name: str, ok: bool, detail: str = "") -> None:
        """Set one condition of readiness."""
        self._checks[name] = Check(ok, detail)

    def set_dependency(self, name: str, ok: bool, detail: str = "") -> None:
        """Set one condition of readiness that is another system: a database, an endpoint, a venue."""
        self.set_check(name, ok, detail)
        self._dependency_up.set(float(ok), name)

    @property
    def status(self) -> str:
        """The status line, or one word while nobody has written it."""
        return self.status_line or ("READY" if self.ready else "STARTING")

    def loops(self) -> dict[str, Check]:
        """Each loop's pulse."""
        now = self._clock.monotonic()
        return {
            name: Check(now - loop.beat_at <= loop.max_age_s, f"last beat {now - loop.beat_at:.1f}s ago")
            for name, loop in self._loops.items()
        }

    def checks(self) -> dict[str, Check]:
        """Every condition of readiness, the loops' pulses included as `loop:<name>`."""
        return dict(self._checks) | {f"loop:{name}": check for name, check in self.loops().items()}

    @property
    def alive(self) -> bool:
        """Every loop beat recently."""
        return all(check.ok for check in self.loops().values())

    @property
    def ready(self) -> bool:
        """Alive, and every check passes."""
        return all(check.ok for check in self.checks().values())
