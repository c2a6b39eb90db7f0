"""Open everything the indexer needs and run it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress

from indexer.assembly import deployments
from indexer.audit_metrics import Coverage
from indexer.keeper import Keeper, World
from indexer.metrics import watch
from indexer.patience import WORLD
from indexer.progress import Progress, summary
from shared import protocol
from shared.errors import ConfigError, Transient
from shared.rpc_wiring import open_pool
from shared.runtime import Stop, Task, repeat
from shared.settings import Settings
from shared.worker import Worker, open_worker

STATUS_EVERY_S = 0.25
GLANCE_EVERY_S = 1.0
COVERAGE_EVERY_S = 30.0
STARTING = "STARTING"


async def run(settings: Settings) -> None:
    """`usdx indexer`: follow every configured chain until SIGTERM."""
    async with open_worker("indexer", settings) as worker, open_keepers(worker) as keepers:
        late = await start(keepers)

        async def status(stop: Stop) -> None:
            while not stop.is_set():
                publish(worker, keepers)
                await stop.wait(STATUS_EVERY_S)

        async def proxies(stop: Stop) -> None:
            while not await stop.wait(GLANCE_EVERY_S):
                await _glance_at_proxies(keepers)

        coverage = Coverage(worker.db, worker.registry, [keeper.name for keeper in keepers])
        worker.health.max_age("audits", 10 * COVERAGE_EVERY_S)

        async def audits(stop: Stop) -> None:
            await repeat("audits", coverage.look, period_s=COVERAGE_EVERY_S, stop=stop, health=worker.health)

        publish(worker, keepers)
        tasks = {keeper.loop: _task(keeper, keeper in late) for keeper in keepers}
        await worker.run(settings.indexer, {**tasks, "status": status, "proxies": proxies, "audits": audits})


@asynccontextmanager
async def open_keepers(worker: Worker) -> AsyncIterator[list[Keeper]]:
    """A keeper for every chain that a protocol is configured for, with its endpoints. Raises ConfigError."""
    settings = worker.settings
    if not settings.protocols:
        raise ConfigError("[protocols] expected at least one protocol to index; none is configured")
    loaded = {key: (protocol.load(one.path), one) for key, one in settings.protocols.items()}
    world = World(worker.db, worker.registry, worker.health, worker.clock)
    async with AsyncExitStack() as stack:
        keepers = []
        for chain in dict.fromkeys(one.chain for one in settings.protocols.values()):
            chosen = settings.chains[chain]
            pool = await stack.enter_async_context(open_pool(chain, chosen, worker.clock, worker.registry))
            keepers.append(Keeper(world, chosen, pool, deployments(loaded, chain)))
        watch(worker.registry, [keeper.state for keeper in keepers], worker.clock)
        yield keepers


async def start(keepers: Sequence[Keeper]) -> list[Keeper]:
    """Start all chains at once; those whose nodes fail are returned, to be tried again while the others run.

    Raises when all fail, and whatever is wrong in the config or the database.
    """
    results = await asyncio.gather(*(keeper.start() for keeper in keepers), return_exceptions=True)
    failed = [(keeper, result) for keeper, result in zip(keepers, results, strict=True) if result is not None]
    for _, error in failed:
        if not isinstance(error, WORLD) or len(failed) == len(keepers):
            raise error
    return [keeper for keeper, _ in failed]


def publish(worker: Worker, keepers: Sequence[Keeper]) -> None:
    """Tell /readyz how far the chains are."""
    known: dict[str, Progress] = {}
    for keeper in keepers:
        progress = keeper.state.progress(worker.clock)
        said = progress or (f"HALTED: {keeper.state.halted}" if keeper.state.halted else STARTING)
        worker.health.set_check(keeper.loop, progress is not None and progress.ready, str(said))
        if progress is not None:
            known[keeper.name] = progress
    worker.health.status_line = summary(known) if known else STARTING


async def _glance_at_proxies(keepers: Sequence[Keeper]) -> None:
    """See whether proxies were upgraded; where the database is away, the next look is soon enough."""
    for keeper in (one for one in keepers if one.is_laid_out):
        with suppress(Transient):
            await keeper.proxies.glance()


def _task(keeper: Keeper, late: bool) -> Task:
    async def run(stop: Stop) -> None:
        if late:
            await keeper.start_late(stop)
        if not stop.is_set():
            await keeper.keep(stop)

    return run
