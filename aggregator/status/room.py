"""Keep the status true: look at everything once a second while somebody watches, and tell all who listen."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import msgspec

from aggregator.api.events import EventTables
from aggregator.api.operation import Nothing, Operation, operation
from aggregator.api.problems import Refused
from aggregator.metrics import Meters
from aggregator.status.gather import Scene, status_of
from aggregator.status.model import Status, Trends
from aggregator.status.samples import Rates, facts_of
from aggregator.status.seen import Seen, look, trends
from aggregator.stream.hub import Hub
from aggregator.stream.messages import TOPICS
from aggregator.stream.tail import Tail
from aggregator.workers import Workers
from shared.clock import Clock
from shared.db import Database
from shared.errors import DatabaseRejected, Transient
from shared.protocol import GaugeSpec

LOOK_EVERY_S = 1.0
IDLE_EVERY_S = 5.0
WATCHED_S = 60.0
TRENDS_EVERY_S = 10.0
TIMEOUT_S = 5.0


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What does not change while the process lives."""

    gauges: Mapping[str, GaugeSpec]
    lag_thresholds: Mapping[str, float]
    version: str


class StatusRoom:
    """The newest status and its curves."""

    def __init__(
        self,
        db: Database,
        clock: Clock,
        workers: Workers,
        meters: Meters,
        tail: Tail,
        hub: Hub,
        tables: EventTables,
        around: Surroundings,
    ) -> None:
        self._db = db
        self._clock = clock
        self._workers = workers
        self._meters = meters
        self._tail = tail
        self._hub = hub
        self._tables = tables
        self._around = around
        self._rates = Rates()
        self._seen = Seen()
        self._looked_at = self._trends_at = float("-inf")
        self._watched_until = clock.monotonic() + WATCHED_S
        self._startled = False
        self.status: Status | None = None
        self.trends = Trends([], [])

    async def keep_up(self) -> None:
        """Look if it is time: every second while somebody listens or asked a minute ago, as in the process's own first
        minute; else every five."""
        now = self._clock.monotonic()
        watched = now < self._watched_until or self._hub.wanted(*TOPICS)
        if watched or now - self._looked_at >= IDLE_EVERY_S:
            await self.look()

    async def look(self) -> None:
        """Look once and publish. While the database cannot be asked, that is what the status says."""
        self._looked_at = self._clock.monotonic()
        sweep = await self._workers.soon()
        facts = facts_of(sweep)
        self._rates.note(facts)
        error: Transient | None = None
        try:
            await self._ask()
            self._startled = False
        except Transient as exc:
            error = exc
            self._seen = replace(self._seen, error=f"it does not answer ({exc.reason})")
        except DatabaseRejected:
            if self._startled:
                raise
            self._startled = True  # a table of events is not what it was: see what there is, and look again
            self._trends_at = float("-inf")
        around = self._around
        scene = Scene(
            datetime.fromtimestamp(self._clock.now(), UTC),
            self._seen,
            sweep,
            facts,
            self._rates,
            self._meters.refresh,
            around.gauges,
            around.lag_thresholds,
            around.version,
        )
        self.status = status_of(scene)
        self._hub.publish("status", msgspec.json.encode(self.status))
        if error is not None:
            raise error

    async def _ask(self) -> None:
        async with self._db.transaction("repeatable_read", readonly=True, timeout_s=TIMEOUT_S) as cx:
            self._seen = await look(cx)
            due = self._clock.monotonic() - self._trends_at >= TRENDS_EVERY_S
            if due:
                await self._tables.look(cx)
            await self._tail.look(cx)
            if due:
                self._trends_at = self._clock.monotonic()
                self.trends = await trends(cx, self._around.gauges, datetime.fromtimestamp(self._clock.now(), UTC))
                self._hub.publish("trends", msgspec.json.encode(self.trends))

    def operations(self) -> tuple[Operation, ...]:
        """The status and the curves as the API gives them."""

        async def status(asked: Nothing) -> Status:
            """What the status page shows: whether all is well, and everything that says so. It is a second old at most
            while it is asked for every minute or somebody listens to the stream; else five, as its `at` says."""
            self._watched_until = self._clock.monotonic() + WATCHED_S
            if self.status is None:
                raise Refused("unavailable", "nothing was looked at yet", retry_after_s=1)
            return self.status

        async def curves(asked: Nothing) -> Trends:
            """The curves of the status page: feeds over the last hour, business figures over the last day."""
            return self.trends

        return (
            operation("GET", "/status", status, tag="status", from_memory=True),
            operation("GET", "/trends", curves, tag="status", from_memory=True),
        )


def line_of(status: Status | None) -> str:
    """The status in one line, such as `READY workers 2/2 figures 9 alerts 0 all well`."""
    if status is None:
        return "STARTING"
    up = sum(worker.up for worker in status.workers)
    figures = sum(figure.value is not None for figure in status.figures)
    rest = f"{len(status.concerns)} concerns" if status.concerns else "all well"
    return f"READY workers {up}/{len(status.workers)} figures {figures} alerts {status.alerts_total} {rest}"
