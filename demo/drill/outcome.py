"""What became of one drilled alert, and a table of many."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Outcome:
    """One drill. Times are seconds from the fault (or, in a replay, from Prometheus's start); None for never.

    `unexpected` are alerts that fired beside it and are no part of the fault.
    """

    alert: str
    fault: str
    fired_s: float | None
    expected: tuple[str, ...]
    reached: tuple[str, ...]
    resolved_s: float | None
    resolves: bool = True
    unexpected: tuple[str, ...] = ()
    detail: str = ""

    @property
    def missed(self) -> tuple[str, ...]:
        """The receivers that should have heard of it and did not."""
        return tuple(name for name in self.expected if name not in self.reached)

    @property
    def ok(self) -> bool:
        """It fired, reached everyone, resolved, and nothing else fired."""
        return (
            self.fired_s is not None
            and not self.missed
            and (self.resolved_s is not None or not self.resolves)
            and not self.unexpected
        )


COLUMNS = ("", "alert", "fault", "fired", "channels", "resolved", "unexpected")


def _cells(outcome: Outcome) -> tuple[str, ...]:
    def told(value: float | None) -> str:
        return "never" if value is None else f"{value:.1f} s"

    reached = ", ".join(outcome.reached) or "none"
    missing = f" (not {', '.join(outcome.missed)})" if outcome.missed else ""
    return (
        "ok" if outcome.ok else "FAILED",
        outcome.alert,
        outcome.fault,
        told(outcome.fired_s),
        reached + missing,
        told(outcome.resolved_s) if outcome.resolves else "never, by design",
        ", ".join(outcome.unexpected) or outcome.detail or "none",
    )


def line(outcome: Outcome) -> str:
    """One outcome for a terminal."""
    verdict, alert, fault, fired, channels, resolved, rest = _cells(outcome)
    tail = "" if rest == "none" else f"  {rest}"
    return f"{verdict:<7} {alert:<38} fired {fired:<7} resolved {resolved:<17} {channels}  [{fault}]{tail}"


def markdown(outcomes: Sequence[Outcome]) -> str:
    """All outcomes as a table for a document."""
    rows = [COLUMNS, tuple("--" for _ in COLUMNS), *(_cells(outcome) for outcome in outcomes)]
    return "\n".join("| " + " | ".join(row) + " |" for row in rows) + "\n"
