"""Put the aggregator together: who gets what, which routes there are, and what runs."""

import random
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

import aiohttp
import structlog
from aiohttp import web

from aggregator import alert_store, backups
from aggregator.api.alerts import TAG as ALERTS
from aggregator.api.alerts import alert_operations
from aggregator.api.chains import chain_operations
from aggregator.api.document import Document
from aggregator.api.events import EventTables, event_operations
from aggregator.api.failures import problems
from aggregator.api.operation import Operation
from aggregator.api.prices import price_operations
from aggregator.api.resources import load as load_resources
from aggregator.api.resources import operations as resource_operations
from aggregator.api.server import BASE, Bounds, Server, expect
from aggregator.business import Business
from aggregator.metrics import WEBHOOK_PATH, Meters
from aggregator.model import Target
from aggregator.scrape import Scraper
from aggregator.status import page
from aggregator.status.room import LOOK_EVERY_S, StatusRoom, Surroundings, line_of
from aggregator.stream.hub import Hub
from aggregator.stream.tail import Tail
from aggregator.targets import Targets
from aggregator.trust import Trust
from aggregator.webhook import Webhook
from aggregator.workers import AllMetrics, Workers
from shared import build
from shared.auth import SecretFile
from shared.db import Database
from shared.errors import ConfigError, Transient
from shared.protocol import GaugeSpec, Protocol
from shared.protocol_places import fitted
from shared.runtime import Stop, Task, repeat
from shared.settings import AggregatorSettings, Settings, WorkerSettings
from shared.worker import Worker, open_worker

ALERTS_EVERY_S = 5.0
LOOK_TIMEOUT_S = 5.0
FORGET_EVERY_S = 3600.0
RESERVED_CONNECTIONS = 3  # for the webhook, the business figures and the status page


async def main(settings: Settings) -> None:
    """Run the aggregator until it is stopped."""
    loaded = loaded_of(settings)
    operations = protocol_operations(loaded)
    gauges = gauges_of(loaded, settings.aggregator)
    async with open_worker("aggregator", settings) as worker, client() as session:
        rooms = Rooms.build(worker, session, loaded, gauges)
        application = application_of(worker, rooms, operations)
        await worker.run(settings.aggregator, rooms.tasks(worker), application)


@dataclass(frozen=True, slots=True)
class Loaded:
    """A protocol folder, and the names that the config gives it (one for each chain that it is on)."""

    protocol: Protocol
    path: Path
    keys: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Rooms:
    """Everything with a life of its own."""

    meters: Meters
    business: Business
    workers: Workers
    tables: EventTables
    hub: Hub
    status: StatusRoom
    db: Database

    async def look_at_alerts(self) -> None:
        """Let the gauges of alerts and backups say what is stored now."""
        async with self.db.transaction(readonly=True, timeout_s=LOOK_TIMEOUT_S) as cx:
            self.meters.alerts_now(await alert_store.state(cx))
            self.meters.backups_now(await backups.newest(cx))

    async def alerts_changed(self) -> None:
        """Look at them at once if the database answers. What changed is committed, and the next look is soon."""
        with suppress(Transient):
            await self.look_at_alerts()

    async def forget_alerts(self) -> None:
        """Drop the alerts that ended long ago."""
        async with self.db.transaction() as cx:
            await alert_store.prune(cx, await cx.fetchval("select now()", on=alert_store.ON))

    @classmethod
    def build(
        cls,
        worker: Worker,
        session: aiohttp.ClientSession,
        loaded: Sequence[Loaded],
        gauges: Mapping[str, GaugeSpec],
    ) -> "Rooms":
        """Make each from what it needs."""
        settings, db, clock = worker.settings, worker.db, worker.clock
        meters = Meters(worker.registry, gauges)
        targets = Targets(places_of(settings), Path())
        trust = Trust.load(settings.aggregator)
        scraper = Scraper(session, clock, headers=headers_of(settings.aggregator), trust=trust.context)
        workers = Workers(targets, scraper, meters, clock)
        tables = EventTables(
            {one.protocol.name: [contract.name for contract in one.protocol.contracts] for one in loaded},
            {one.protocol.name: one.keys for one in loaded},
        )
        hub = Hub(clock, meters.stream_clients, meters.stream_dropped)
        around = Surroundings(
            gauges, {name: chain.lag_threshold for name, chain in settings.chains.items()}, build.version()
        )
        status = StatusRoom(db, clock, workers, meters, Tail(tables, hub), hub, tables, around)
        return cls(meters, Business(db, clock, gauges, random.Random()), workers, tables, hub, status, db)

    def tasks(self, worker: Worker) -> dict[str, Task]:
        """What runs beside the server."""
        log = structlog.get_logger("business")
        shortest_s = min((gauge.period_s for gauge in self.business.gauges.values()), default=60.0)

        async def refresh() -> None:
            try:
                done = await self.business.refresh()
            except Transient:
                self.meters.refresh_failed()
                raise
            self.meters.refreshed(done)
            for gauge, message in done.broken.items():
                log.warning("business gauge failed", gauge=gauge, error=message)

        def loop(name: str, step: Callable[[], Awaitable[None]], period_s: float, max_age_s: float) -> Task:
            async def run(stop: Stop) -> None:
                worker.health.max_age(name, max_age_s)
                await repeat(name, step, period_s=period_s, stop=stop, health=worker.health, clock=worker.clock)

            return run

        async def look() -> None:
            await self.status.keep_up()
            worker.health.status_line = line_of(self.status.status)

        return {
            "business": loop("business", refresh, max(0.5, min(15.0, shortest_s / 4)), 180.0),
            "alerts": loop("alerts", self.look_at_alerts, ALERTS_EVERY_S, 60.0),
            "old_alerts": loop("old_alerts", self.forget_alerts, FORGET_EVERY_S, 3 * FORGET_EVERY_S),
            "status": loop("status", look, LOOK_EVERY_S, 30.0),
        }


def application_of(worker: Worker, rooms: Rooms, operations: Sequence[Operation]) -> web.Application:
    """Every route that the aggregator serves."""
    settings = worker.settings.aggregator
    surfaces = {"/api": settings.api_auth, WEBHOOK_PATH: settings.webhook_auth}
    application = worker.app(surfaces)
    application.middlewares.insert(1, problems(rooms.meters.unauthorized, frozenset({WEBHOOK_PATH})))
    bounds = Bounds(max(1, worker.settings.database.pool_size - RESERVED_CONNECTIONS), settings.rate)
    server = Server(worker.db, worker.clock, bounds, rooms.alerts_changed)
    all_operations = (
        *operations,
        *event_operations(rooms.tables),
        *price_operations(),
        *chain_operations(),
        *alert_operations(),
        *rooms.status.operations(),
    )
    application.add_routes(server.routes(all_operations))
    document = Document(all_operations, build.version(), BASE, settings.api_auth.kind)
    application.router.add_get(f"{BASE}/openapi.json", document.json, expect_handler=expect)
    application.router.add_get(f"{BASE}/docs", document.page, expect_handler=expect)

    stream = server.admitted(rooms.hub.handle)
    application.router.add_get(f"{BASE}/stream", stream, allow_head=False, expect_handler=expect)
    application.add_routes(page.routes())
    application.on_response_prepare.append(page.fence)

    async def on_shutdown(application: web.Application) -> None:
        rooms.hub.close()

    application.on_shutdown.append(on_shutdown)

    async def delivered() -> None:
        server.forget(ALERTS)
        await rooms.alerts_changed()

    webhook = Webhook(worker.db, worker.clock, rooms.meters, delivered)
    application.router.add_post(WEBHOOK_PATH, webhook.handle, expect_handler=expect)
    own = Target("aggregator", instance_of(settings), "")
    application.router.add_get("/metrics/all", AllMetrics(own, worker.registry, rooms.workers, rooms.meters).handle)
    return application


def loaded_of(settings: Settings) -> tuple[Loaded, ...]:
    """Every protocol folder once. Raises ConfigError when two different folders have one name."""
    found: dict[str, Loaded] = {}
    for key, one in settings.protocols.items():
        protocol = fitted(settings, key, homes=False)
        before = found.get(protocol.name)
        if before is not None and before.protocol != protocol:
            raise ConfigError(
                f"protocols.{key}.path: another folder than that of {before.keys[0]} is {protocol.name}, too"
            )
        keys = (*before.keys, key) if before is not None else (key,)
        found[protocol.name] = Loaded(protocol, one.path, keys)
    return tuple(found.values())


def protocol_operations(loaded: Sequence[Loaded]) -> tuple[Operation, ...]:
    """The operations of every protocol folder's api.toml. Raises ConfigError when two of them claim a path."""
    found: dict[str, Operation] = {}
    for one in loaded:
        for resource in load_resources(one.path):
            for operation in resource_operations(resource, one.keys, one.protocol.name):
                if operation.path in found:
                    raise ConfigError(f"{one.path}: its api.toml shows {operation.path}, which another protocol shows")
                found[operation.path] = operation
    return tuple(found.values())


def gauges_of(loaded: Sequence[Loaded], settings: AggregatorSettings) -> dict[str, GaugeSpec]:
    """Every protocol's gauges by name, their period overridden by `refresh_every`.

    Raises ConfigError when two protocols declare the same one.
    """
    found: dict[str, GaugeSpec] = {}
    for one in loaded:
        for gauge in one.protocol.gauges:
            if gauge.name in found:
                raise ConfigError(f"{one.path}: its gauge {gauge.name} is declared by another protocol, too")
            found[gauge.name] = replace(gauge, period_s=settings.refresh_every or gauge.period_s)
    return found


def places_of(settings: Settings) -> dict[str, tuple[str, ...]]:
    """Where the workers are: as configured, else where this config's own indexer and oracle serve."""
    if settings.aggregator.workers:
        return dict(settings.aggregator.workers)
    return {"indexer": (_url_of(settings.indexer),), "oracle": (_url_of(settings.oracle),)}


def _url_of(worker: WorkerSettings) -> str:
    host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(worker.host, worker.host)  # noqa: S104 (read, not bound)
    return f"{'https' if worker.tls else 'http'}://{host}:{worker.port}"


def instance_of(settings: AggregatorSettings) -> str:
    """The address under which a scraper knows us: `aggregator.instance`, else host and port."""
    if settings.instance is not None:
        return settings.instance
    host = socket.gethostname() if settings.host in ("0.0.0.0", "::") else settings.host  # noqa: S104 (read, not bound)
    return f"{host}:{settings.port}"


def headers_of(settings: AggregatorSettings) -> Callable[[], Mapping[str, str]]:
    """The credentials that the workers want, read again when their file changes."""
    auth = settings.workers_auth
    file = auth.token_file if auth.kind == "bearer" else auth.password_file
    if auth.kind == "none" or file is None:
        return dict
    secret = SecretFile(file)

    def headers() -> Mapping[str, str]:
        first = next(iter(secret.lines()), b"")
        if auth.kind == "bearer":
            return {"Authorization": f"Bearer {first.decode()}"}
        return {"Authorization": aiohttp.BasicAuth(auth.user or "", first.decode()).encode()}

    return headers


@asynccontextmanager
async def client() -> AsyncIterator[aiohttp.ClientSession]:
    """The HTTP client that asks the workers."""
    connector = aiohttp.TCPConnector(ttl_dns_cache=1, force_close=False)
    async with aiohttp.ClientSession(connector=connector, auto_decompress=True) as session:
        yield session
