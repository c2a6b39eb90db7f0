"""Read the protocol's business gauges from SQL, all of one refresh from one snapshot."""

import math
import random
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

import asyncpg

from aggregator.figures import LOCK_KEY, keep, last_good, prune, together
from aggregator.model import Figure, Reading, Refresh
from shared.clock import Clock
from shared.db import Connection, Database, operation_of
from shared.errors import DatabaseRejected, DatabaseTimeout, DatabaseUnavailable
from shared.family import CAPS, DEFAULT_CAP, OTHER
from shared.protocol import GaugeSpec

ON = "business"
SNAPSHOT_TIMEOUT_S = 60.0
EARLY = 0.8
RETRY_S = 5.0


class UnusableAnswer(ValueError):
    """The gauge's query ran, but its rows are no gauge."""


class Business:
    """The gauges by name, and which of them failed lately: those are asked again after 5 s, then 10 s, 20 s …, at the
    latest after their own period."""

    def __init__(self, db: Database, clock: Clock, gauges: Mapping[str, GaugeSpec], rng: random.Random) -> None:
        self._db = db
        self._clock = clock
        self.gauges = gauges
        self._rng = rng
        self._failures: dict[str, int] = {}
        self._held_until: dict[str, float] = {}

    async def refresh(self) -> Refresh:
        """Ask every gauge that is due in one repeatable-read snapshot, and keep what came back.

        One replica does so at a time; the others find the lock taken, or nothing due, and adopt the figures that are
        kept. A gauge whose query fails keeps its last good values.

        The lock is the connection's, so that the snapshot is taken when we hold it: in one that was taken earlier we
        would not see what the replica before us kept. A connection that is given back holds none.
        """
        async with self._db.connection() as cx:
            if await cx.fetchval("select pg_try_advisory_lock($1)", LOCK_KEY, on=ON):
                async with self._db.within(cx, "repeatable_read"):
                    done = await self._refresh(cx)
            else:
                done = Refresh(await last_good(cx, self.gauges))
        self._note({name: self.gauges[name] for name in done.asked}, done.broken)
        return done

    async def _refresh(self, cx: Connection) -> Refresh:
        began = self._clock.monotonic()
        at = await cx.fetchval("select now()", on=ON)
        known = await last_good(cx, self.gauges)
        due = self._due(known, at)
        answers, broken = await self._ask_all(cx, due, at, began)
        duration_s = self._clock.monotonic() - began
        await keep(cx, answers, duration_s)
        await prune(cx, at)
        return Refresh({**known, **answers}, tuple(due), broken, at, duration_s)

    def _due(self, known: Mapping[str, Reading], at: datetime) -> dict[str, GaugeSpec]:
        """The gauges to ask. Replicas come at times of their own: a period ends somewhere in its last fifth."""
        jitter = self._rng.uniform(EARLY, 1.0)
        now = self._clock.monotonic()
        return {
            name: gauge
            for name, gauge in self.gauges.items()
            if (name not in known or at - known[name].at >= timedelta(seconds=jitter * gauge.period_s))
            and self._held_until.get(name, now) <= now
        }

    async def _ask_all(
        self, cx: Connection, due: Mapping[str, GaugeSpec], at: datetime, began: float
    ) -> tuple[dict[str, Reading], dict[str, str]]:
        answers: dict[str, Reading] = {}
        broken: dict[str, str] = {}
        for name, gauge in due.items():
            left_s = SNAPSHOT_TIMEOUT_S - (self._clock.monotonic() - began)
            try:
                answers[name] = Reading(at, figures_of(gauge, await _ask(cx, gauge, left_s)))
            except (DatabaseRejected, DatabaseTimeout, UnusableAnswer) as exc:
                broken[name] = str(exc)
        return answers, broken

    def _note(self, asked: Mapping[str, GaugeSpec], broken: Mapping[str, str]) -> None:
        for name, gauge in asked.items():
            self._failures[name] = self._failures.get(name, 0) + 1 if name in broken else 0
            pause_s = min(gauge.period_s, RETRY_S * 2 ** min(self._failures[name] - 1, 10))
            self._held_until[name] = self._clock.monotonic() + (pause_s if name in broken else 0.0)


def figures_of(gauge: GaugeSpec, rows: Sequence[Mapping[str, Any]]) -> tuple[Figure, ...]:
    """Check that the rows are a gauge: one column for each label and `value`, each label set once. A null value says
    that there is no truth yet, and gives no figure. Rows beyond what the caps of the labels can tell apart are one
    figure, whose labels are `other`. Raises UnusableAnswer."""
    wanted = {*gauge.labels, "value"}
    if rows and set(rows[0].keys()) != wanted:
        raise UnusableAnswer(f"its columns must be {', '.join(sorted(wanted))}; they are {', '.join(rows[0].keys())}")
    figures = {}
    for row in rows:
        if missing := [label for label in gauge.labels if row[label] is None]:
            raise UnusableAnswer(f"{gauge.name}: the label {missing[0]} of a row is null")
        labels = tuple(str(row[label]) for label in gauge.labels)
        if labels in figures:
            raise UnusableAnswer(f"two rows have the labels {labels}")
        figures[labels] = None if row["value"] is None else Figure(labels, _number(row["value"]))
    return _bounded(gauge, [figure for figure in figures.values() if figure is not None])


def _bounded(gauge: GaugeSpec, figures: Iterable[Figure]) -> tuple[Figure, ...]:
    rest = (OTHER,) * len(gauge.labels)
    room = math.prod(CAPS.get(label, DEFAULT_CAP) for label in gauge.labels)
    found = sorted(figures, key=lambda figure: (figure.labels == rest, figure.place))
    if len(found) <= room:
        return tuple(found)
    return (*found[:room], Figure(rest, together([figure.value for figure in found[room:]], gauge.fold)))


def _number(value: object) -> Decimal:
    try:
        number = Decimal(str(value))
    except InvalidOperation as exc:
        raise UnusableAnswer(f"a value must be a number, not {value!r}") from exc
    if not number.is_finite() or not math.isfinite(float(number)):
        raise UnusableAnswer(f"a value must be finite, as a float, too, not {number:.3g}")
    return number


async def _ask(cx: Connection, gauge: GaugeSpec, left_s: float) -> list[Any]:
    """Run the gauge's query where it can harm nothing: read-only, in time, and within a savepoint that is undone."""
    timeout_ms = int(min(gauge.timeout_s, left_s) * 1000)
    if timeout_ms <= 0:
        raise UnusableAnswer(f"no time was left of the {SNAPSHOT_TIMEOUT_S:g} s for one snapshot")
    if operation_of(gauge.query) not in ("select", "with"):
        raise UnusableAnswer("a gauge's query must be a SELECT")
    await cx.execute("savepoint gauge", on=ON)
    try:
        await cx.execute(f"set local statement_timeout = {timeout_ms}", on=ON)
        await cx.execute("set local transaction_read_only = on", on=ON)
        rows = await cx.fetch(gauge.query, on=ON)
    except (DatabaseRejected, DatabaseTimeout):
        await cx.execute("rollback to savepoint gauge", on=ON)
        raise
    except DatabaseUnavailable as exc:
        if not isinstance(exc.__cause__, asyncpg.ReadOnlySQLTransactionError):
            raise
        await cx.execute("rollback to savepoint gauge", on=ON)
        raise UnusableAnswer("a gauge's query must not write (it ran read-only)") from exc
    await cx.execute("rollback to savepoint gauge", on=ON)
    return rows
