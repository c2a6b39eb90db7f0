"""Open everything the indexer needs and run it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress

import structlog

from indexer.assembly import deployments
from indexer.audit_metrics import Coverage
from indexer.keeper import Keeper, World
from indexer.metrics import watch
from indexer.patience import WORLD
from indexer.progress import Progress, summary
from shared.errors import ConfigError, Transient, UsdxError
from shared.protocol_places import fitted_all
from shared.rpc_wiring import open_pool
from shared.runtime import Stop, Task, repeat
from shared.settings import Settings
from shared.worker import Worker, open_worker

STATUS_EVERY_S = 0.25
GLANCE_EVERY_S = 1.0
COVERAGE_EVERY_S = 30.0
STARTING = "STARTING"
MEETING_S = 5.0
"""How long chains wait for one another at the start."""


async def run(settings: Settings) -> None:
    """`usdx indexer`: follow every configured chain until SIGTERM."""
    async with open_worker("indexer", settings) as worker, open_keepers(worker) as keepers:
        await start(keepers, MEETING_S)

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
        tasks: dict[str, Task] = {keeper.loop: keeper.keep for keeper in keepers}
        await worker.run(settings.indexer, {**tasks, "status": status, "proxies": proxies, "audits": audits})


@asynccontextmanager
async def open_keepers(worker: Worker) -> AsyncIterator[list[Keeper]]:
    """A keeper for every chain that a protocol is configured for, with its endpoints. Raises ConfigError and BadAbi."""
    settings = worker.settings
    if not settings.protocols:
        raise ConfigError("[protocols] expected at least one protocol to index; none is configured")
    loaded = fitted_all(settings)
    world = World(worker.db, worker.registry, worker.health, worker.clock)
    async with AsyncExitStack() as stack:
        keepers = []
        for chain in dict.fromkeys(one.chain for one in settings.protocols.values()):
            chosen = settings.chains[chain]
            pool = await stack.enter_async_context(open_pool(chain, chosen, worker.clock, worker.registry))
            keepers.append(Keeper(world, chosen, pool, deployments(loaded, chain)))
        watch(worker.registry, [keeper.state for keeper in keepers], worker.clock)
        yield keepers


async def start(keepers: Sequence[Keeper], within_s: float | None = None) -> dict[Keeper, UsdxError]:
    """Meet all chains at once. Returns those whose nodes fail, with the reason: the others need not wait for them.

    Of several chains each has `within_s` seconds, as a node may also be silent. Raises when no chain was met, and
    whatever is wrong in the config or the database.
    """
    within_s = within_s if len(keepers) > 1 else None
    results = await asyncio.gather(*(_meet(keeper, within_s) for keeper in keepers), return_exceptions=True)
    late: dict[Keeper, UsdxError] = {}
    for keeper, result in zip(keepers, results, strict=True):
        if isinstance(result, WORLD):
            late[keeper] = result
        elif result is not None:
            raise result
    if len(late) == len(keepers):
        raise next(iter(late.values()))
    for keeper, error in late.items():
        structlog.get_logger("indexer").warning(
            "the other chains go ahead", chain=keeper.name, reason=error.reason, error=str(error)
        )
    return late


async def _meet(keeper: Keeper, within_s: float | None) -> None:
    try:
        async with asyncio.timeout(within_s):
            await keeper.start()
    except TimeoutError as error:
        why = keeper.troubles or "its nodes do not answer"
        raise Transient(f"chain {keeper.name} was not met within {within_s:g} s: {why}") from error


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
