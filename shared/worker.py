"""What every worker stands on: registry, health, clock, log, database and its own HTTP surface.

The HTTP server takes a seventh of a second to load, so those who serve nothing do without.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from shared import build, config, log, retry
from shared.clock import Clock, system_clock
from shared.db import Database, watch
from shared.health import Health
from shared.metrics import Registry
from shared.runtime import Stop, Task, bound_stalls, run
from shared.settings import AuthSettings, Settings, WorkerSettings
from shared.tls import Tls

if TYPE_CHECKING:
    from aiohttp import web


@dataclass(frozen=True, slots=True)
class Worker:
    """The parts that a worker's wiring hands to its rooms."""

    service: str
    settings: Settings
    registry: Registry
    health: Health
    clock: Clock
    db: Database

    def app(self, surfaces: Mapping[str, AuthSettings] | None = None) -> web.Application:
        """The application with the three probe routes; add routes before `run`.

        /metrics is guarded as the service's settings say; `surfaces` guards more paths.
        """
        from shared import http

        own: WorkerSettings = getattr(self.settings, self.service)
        guarded = {"/metrics": own.metrics_auth, **(surfaces or {})}
        return http.app(self.registry, self.health, self.clock, guarded)

    async def run(
        self,
        surface: WorkerSettings,
        tasks: Mapping[str, Task],
        application: web.Application | None = None,
        stop: Stop | None = None,
    ) -> None:
        """Serve on `surface` and run the tasks until one of the ends that `runtime.run` knows."""

        async def database(stop: Stop) -> None:
            await watch(self.db, self.health, stop)

        from shared import http

        tls = Tls.load(surface.tls, self.service, self.registry) if surface.tls else None
        self.health.set_check("postgres", False, "not asked yet")  # who asks before `watch` did is told so
        bound_stalls()
        async with http.serve(application or self.app(), surface.host, surface.port, tls):
            await run({**tasks, "database": database}, stop=stop, health=self.health, registry=self.registry)


@asynccontextmanager
async def open_worker(service: str, settings: Settings) -> AsyncIterator[Worker]:
    """Set up the log, open and migrate the database; everything is closed at the end.

    `service` is `indexer`, `oracle` or `aggregator`: the name in logs, and of the settings.
    """
    registry, clock = Registry(), system_clock()
    build.expose(registry, os.environ)
    log.configure(settings.log, service, registry, config.secrets(settings))
    async with await Database.open(settings, registry, clock, f"usdx {service}") as db:
        await retry.conflicts(clock)(db.migrate)  # workers that run already may hold what a migration changes
        yield Worker(service, settings, registry, Health(registry, clock), clock, db)
