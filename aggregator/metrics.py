"""Count what happened in the aggregator, and say how things stand when a scrape asks."""

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Literal

from aggregator.alerts import NEVER, SEVERITIES, Stored
from aggregator.everything import Everything
from aggregator.families import (
    ALERTS_ACTIVE,
    BACKUP_SUCCESS,
    BUSINESS_DURATION,
    BUSINESS_GAUGE_ERRORS,
    BUSINESS_GAUGE_MAX_AGE,
    BUSINESS_GAUGE_SUCCESS,
    BUSINESS_REFRESHES,
    BUSINESS_SUCCESS,
    FETCH_DURATION,
    FETCH_ERRORS,
    HELP_CONFLICTS,
    MERGE_CONFLICTS,
    MERGED_SAMPLES,
    NOTIFICATION_DELAY,
    NOTIFICATIONS,
    STREAM_CLIENTS,
    STREAM_DROPPED,
    TARGET_UP,
    TRUNCATED,
    UNACKNOWLEDGED_SINCE,
    WATCHDOG_RECEIVED,
    WEBHOOK_REQUESTS,
)
from aggregator.model import FETCH_FAILURES, AlertState, Fetched, Reading, Refresh, Sweep
from shared.metrics import Family, Registry, Sample
from shared.protocol import GaugeSpec

WEBHOOK_PATH = "/api/v1/internal/alerts/webhook"
Result = Literal["success", "partial", "failure"]
RESULTS: tuple[Result, ...] = ("success", "partial", "failure")
LATE_PERIODS = 3
SHORTEST_MAX_AGE_S = 60.0
OUTCOMES = ("stored", "duplicate", "malformed", "unauthorized", "unavailable")


def family_of(name: str, gauge: GaugeSpec) -> Family:
    """The family of a protocol's business gauge."""
    return Family(name, "gauge", gauge.help, tuple(gauge.labels), gauge.unit or "", fold=gauge.fold)


class Meters:
    """What the rooms of the aggregator hand over when something has happened; `refresh` is the last one."""

    def __init__(self, registry: Registry, gauges: Mapping[str, GaugeSpec]) -> None:
        self._sweep = Sweep(0.0)
        self._merged: Mapping[str, int] = {}
        self._failures: dict[str, Counter[str]] = {}
        self.refresh = Refresh({})
        self._alerts = AlertState()
        self._clients = 0
        self._backups: Mapping[str, datetime] = {}
        self._gauges = gauges
        self._families = {name: family_of(name, gauge) for name, gauge in gauges.items()}
        self._start_counters(registry)
        registry.collector(self._read_targets, TARGET_UP, FETCH_DURATION, FETCH_ERRORS, MERGED_SAMPLES)
        registry.collector(
            self._read_business, BUSINESS_SUCCESS, BUSINESS_DURATION, BUSINESS_GAUGE_SUCCESS, BUSINESS_GAUGE_MAX_AGE
        )
        registry.collector(self._read_figures, *self._families.values())
        registry.collector(self._read_alerts, ALERTS_ACTIVE, UNACKNOWLEDGED_SINCE, WATCHDOG_RECEIVED)
        registry.collector(self._read_backups, BACKUP_SUCCESS)
        self._stream_clients = registry.gauge(STREAM_CLIENTS)
        self._stream_clients.set(0)

    def _start_counters(self, registry: Registry) -> None:
        self._type_conflicts = registry.counter(MERGE_CONFLICTS)
        self._help_conflicts = registry.counter(HELP_CONFLICTS)
        self._refreshes = registry.counter(BUSINESS_REFRESHES)
        self._gauge_errors = registry.counter(BUSINESS_GAUGE_ERRORS)
        self._webhook = registry.counter(WEBHOOK_REQUESTS)
        self._notifications = registry.counter(NOTIFICATIONS)
        self._truncated = registry.counter(TRUNCATED)
        self._delay = registry.histogram(NOTIFICATION_DELAY)
        self._stream_dropped = registry.counter(STREAM_DROPPED)
        for result in RESULTS:
            self._refreshes.start(result)
        for gauge in self._families:
            self._gauge_errors.start(gauge)
        for outcome in OUTCOMES:
            self._webhook.start(outcome)
        for severity in SEVERITIES:
            for status in ("firing", "resolved"):
                self._notifications.start(severity, status)

    def fetched(self, fetched: Fetched) -> None:
        """A worker was asked."""
        failures = self._failures.setdefault(fetched.target.name, Counter())
        if fetched.failure is not None:
            failures[fetched.failure] += 1

    def swept(self, sweep: Sweep) -> None:
        """All workers were looked at."""
        self._sweep = sweep
        names = {one.target.name for one in sweep.fetched}
        self._failures = {name: failures for name, failures in self._failures.items() if name in names}

    def merged(self, everything: Everything) -> None:
        """Their expositions were merged."""
        self._merged = everything.samples
        self._type_conflicts.inc(by=everything.type_conflicts)
        self._help_conflicts.inc(by=everything.help_conflicts)

    def refreshed(self, refresh: Refresh) -> None:
        """The business gauges were read, by us or by another replica.

        What counts is how all of them stand afterwards: one broken gauge that is asked again and again is `partial`
        each time. How long such a second attempt took says nothing about a refresh.
        """
        before = self.refresh
        still_broken = {
            gauge: message
            for gauge, message in before.broken.items()
            if gauge not in refresh.asked and refresh.readings.get(gauge) == before.readings.get(gauge)
        }
        again = before.broken.keys() >= set(refresh.asked)
        asked = before if again and before.asked else refresh
        broken = {**still_broken, **refresh.broken}
        self.refresh = Refresh(refresh.readings, asked.asked, broken, asked.at, asked.duration_s)
        if refresh.asked:
            self._refreshes.inc(self._result(broken))
        for gauge in refresh.broken:
            self._gauge_errors.inc(gauge)

    def _result(self, broken: Mapping[str, str]) -> Result:
        if not broken:
            return "success"
        return "failure" if broken.keys() >= self._gauges.keys() else "partial"

    def refresh_failed(self) -> None:
        """Not one business gauge could be read."""
        self._refreshes.inc("failure")

    def delivered(self, stored: Stored, truncated: int) -> None:
        """A webhook request was committed."""
        self._webhook.inc("stored" if stored.new or not stored.again else "duplicate")
        self._truncated.inc(by=truncated)
        for one in stored.new + stored.again:
            self._notifications.inc(one.severity, one.status)
        for one in stored.new:
            if one.status == "firing" and one.starts_at > NEVER:
                self._delay.observe(max(0.0, (stored.at - one.starts_at).total_seconds()))

    def undelivered(self, outcome: str) -> None:
        """A webhook request was refused; `outcome` is one of OUTCOMES."""
        self._webhook.inc(outcome)

    def unauthorized(self, path: str) -> None:
        """A request to the API without the right credentials; only the webhook's have a metric of their own."""
        if path == WEBHOOK_PATH:
            self._webhook.inc("unauthorized")

    def alerts_now(self, state: AlertState) -> None:
        """The alert store was looked at."""
        self._alerts = state

    def backups_now(self, newest: Mapping[str, datetime]) -> None:
        """The times of the newest backups were read."""
        self._backups = newest

    def stream_clients(self, count: int) -> None:
        """So many clients listen to the stream."""
        self._stream_clients.set(count)

    def stream_dropped(self) -> None:
        """A client of the stream did not keep up."""
        self._stream_dropped.inc()

    def _read_targets(self) -> Iterable[Sample]:
        for fetched in self._sweep.fetched:
            name = fetched.target.name
            yield Sample(TARGET_UP, float(fetched.up), (name,))
            yield Sample(FETCH_DURATION, fetched.duration_s, (name,))
            failures = self._failures.get(name, Counter())
            for kind in FETCH_FAILURES:
                yield Sample(FETCH_ERRORS, float(failures[kind]), (name, kind))
            if fetched.up and name in self._merged:
                yield Sample(MERGED_SAMPLES, self._merged[name], (name,))

    def _read_business(self) -> Iterable[Sample]:
        readings = dict(self.refresh.readings)
        if readings:
            yield Sample(BUSINESS_SUCCESS, self._all_good_at(readings))
        if self.refresh.asked:
            yield Sample(BUSINESS_DURATION, self.refresh.duration_s)
        for gauge, reading in readings.items():
            yield Sample(BUSINESS_GAUGE_SUCCESS, reading.at.timestamp(), (gauge,))
        for gauge, spec in self._gauges.items():
            yield Sample(BUSINESS_GAUGE_MAX_AGE, max(SHORTEST_MAX_AGE_S, LATE_PERIODS * spec.period_s), (gauge,))

    def _all_good_at(self, readings: Mapping[str, Reading]) -> float:
        """The time of the oldest value, as a refresh that leaves one gauge behind is no success; a gauge that is asked
        more seldom than others may be older by so much. One that was never read shows nothing that could be old."""
        shortest_s = min(self._gauges[name].period_s for name in readings)
        return min(
            reading.at.timestamp() + self._gauges[name].period_s - shortest_s for name, reading in readings.items()
        )

    def _read_figures(self) -> Iterable[Sample]:
        for gauge, reading in dict(self.refresh.readings).items():
            for figure in reading.figures:
                yield Sample(self._families[gauge], float(figure.value), figure.labels)

    def _read_backups(self) -> Iterable[Sample]:
        for target, at in self._backups.items():
            yield Sample(BACKUP_SUCCESS, at.timestamp(), (target,))

    def _read_alerts(self) -> Iterable[Sample]:
        state = self._alerts
        if not state.known:
            return
        for severity in SEVERITIES:
            yield Sample(ALERTS_ACTIVE, state.active.get(severity, 0), (severity,))
        for severity, since in state.unacknowledged_since.items():
            yield Sample(UNACKNOWLEDGED_SINCE, since.timestamp(), (severity,))
        if state.watchdog_at is not None:
            yield Sample(WATCHDOG_RECEIVED, state.watchdog_at.timestamp())
