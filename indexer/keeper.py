"""Keep the streams of one chain at its tip, from start to stop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

import structlog

from indexer import chain_metrics
from indexer.assembly import Deployment, event_names
from indexer.auditor import Auditor
from indexer.backfill import backfill
from indexer.chain import Chain
from indexer.decode_start import Spare
from indexer.errors import CursorMoved, DeepReorg
from indexer.follow import follow
from indexer.horizon import Horizon
from indexer.indexes import build
from indexer.layout import create_views, laid_out, prepare, refuse_unfit
from indexer.meeting import Wanted, meet
from indexer.metrics import ChainState, Meter
from indexer.model import Committed, RolledBack, Step
from indexer.patience import Patience
from indexer.planner import LINKED_BLOCKS
from indexer.proxy_watch import ProxyWatch
from indexer.redecode import Redecoded, redecode
from indexer.revision import Revision
from indexer.scopes import Shape, shapes_of
from indexer.step import Border, Worker
from indexer.store import Store
from indexer.streams import Stream
from shared.clock import Clock
from shared.db import Database
from shared.errors import LeaseLost, Permanent, UsdxError
from shared.health import Health
from shared.lease import lease
from shared.metrics import Registry
from shared.pool import Pool
from shared.runtime import Stop
from shared.settings import ChainSettings

LOG_EVERY_S = 1.0
HALTED_BEAT_S = 5.0
AT_TIP_S = 0.2


@dataclass(frozen=True, slots=True)
class World:
    """What every chain of the process shares."""

    db: Database
    registry: Registry
    health: Health
    clock: Clock


class Keeper:
    """One chain. `state` is what scrapes and status lines read. Making one raises BadAbi."""

    def __init__(self, world: World, settings: ChainSettings, pool: Pool, deployed: Sequence[Deployment]) -> None:
        self.name = pool.chain
        self._world = world
        self._settings = settings
        self._pool = pool
        self._deployed = deployed
        self._chain = Chain(pool, settings.finality, blooms=settings.blooms, cross_check=settings.cross_check)
        chain_metrics.watch(world.registry, self._chain)
        self._log = structlog.get_logger("indexer").bind(chain=self.name)
        self._logged_at = float("-inf")
        self._said: set[str] = set()
        self.loop = f"chain {self.name}"
        horizon = Horizon(self._chain, world.clock)
        self.state = ChainState(self.name, horizon, (), settings.lag_threshold, settings.poll)
        self._meter = Meter(world.registry, self.state, world.clock)
        self._meter.start(event_names(deployed))
        self._wanted: Wanted | None = None
        self._shapes: Sequence[Shape] = ()
        self.proxies = ProxyWatch(self.name, pool.batch, world.db, world.registry, world.clock)
        world.health.max_age(self.loop, max(120.0, 20 * settings.poll))

    async def start(self) -> None:
        """Meet the chain. Raises what the world or the config is wrong in.

        The tables are only looked at: they are laid out under the lease, by whoever is to fill them.
        """
        world = self._world
        wanted = await meet(self._pool, self.state.horizon, world.db, world.registry, self._deployed)
        await self.proxies.meet(self._deployed)
        await refuse_unfit(world.db, wanted.streams)
        self._wanted = wanted

    @asynccontextmanager
    async def _leased(self, stop: Stop | None = None) -> AsyncIterator[None]:
        """Hold the chain's lease, with the database laid out. Raises LeaseLost when somebody moved a cursor of ours."""
        async with lease(self._world.db, self.loop, waiting=self._waiting, stop=stop):
            try:
                await self._lay_out()
                yield
            except CursorMoved as exc:  # by who took over while we were stopped, or by an audit that repaired births
                raise LeaseLost(f"the lease of {self.loop} is lost: {exc}") from exc

    async def _lay_out(self) -> None:
        """Bring tables, cursors and views up to the config, and take the streams as they are to run from there."""
        wanted, db = self._met(), self._world.db
        await wanted.claim(db)
        streams = await prepare(db, wanted.streams)
        await self.proxies.settle()
        await create_views(db, wanted.views)
        if shapes_of(streams) != self._shapes:
            await wanted.counters.prime(db)
            self._build(wanted, streams)

    def _build(self, wanted: Wanted, streams: Sequence[Stream]) -> None:
        world, chain_id = self._world, wanted.chain_id
        border = Border(self._chain, Store(world.db, chain_id, streams), world.clock)
        self._follower = Worker(self.name, chain_id, streams, border, self.state.horizon)
        self._filler = Worker(self.name, chain_id, (), border, self.state.horizon)
        self.state.workers = (self._follower, self._filler)
        for table in {table.name for one in streams for table in one.tables.values()}:
            for operation in ("copy", "delete"):
                world.db.start_series(operation, table)
        self._shapes = shapes_of(streams)

    def _met(self) -> Wanted:
        assert self._wanted is not None, "to be started first"
        return self._wanted

    @property
    def troubles(self) -> str:
        """What ails its endpoints."""
        return self._pool.troubles

    @property
    def is_laid_out(self) -> bool:
        """Whether the chain's tables were brought up to our config: not before we held its lease."""
        return bool(self._shapes)

    async def keep(self, stop: Stop) -> None:
        """Backfill what is far behind and follow the rest, until the stop. What cannot mend halts this chain only.

        A chain that was not met yet is met as soon as its nodes answer.
        """
        patience = self._patience(stop)
        try:
            while not stop.is_set() and self._wanted is None:
                await patience.attempt(self.start)
            while not stop.is_set():
                await patience.outlast(lambda: self._hold(stop, patience))
        except (Permanent, DeepReorg) as exc:
            self._halt(exc)
            while not await stop.wait(HALTED_BEAT_S):
                self._world.health.beat(self.loop)

    async def catch_up(self, stop: Stop, spare: Spare | None = None) -> None:
        """Bring every stream to the tip, then return. Raises what would halt the chain."""
        patience = self._patience(stop)
        while not stop.is_set() and not await patience.outlast(lambda: self._catch_up(stop, patience, spare)):
            pass

    async def _catch_up(self, stop: Stop, patience: Patience, spare: Spare | None) -> bool:
        async with self._leased(stop):
            self._follower.forget()
            self.state.backfilling = True
            await backfill(self._follower, stop, self._observe, patience, spare)
            await follow(self._follower, stop, self._observe, patience, 0.0, until_idle=True)
            self.state.backfilling = False
            await self._index(stop)
        return True

    async def redecode(self) -> dict[str, Redecoded]:
        """Decode what was kept undecoded, by stream."""
        async with self._leased():
            wanted, streams = self._met(), self._follower.streams.values()
            stored = Revision(self._world.db, wanted.chain_id, streams)
            try:
                return await redecode(stored, wanted.chain_id, streams)
            finally:
                self._follower.forget()  # what factories made may have gone back

    def has_endpoint(self, name: str | None) -> bool:
        """Whether an endpoint of the chain is called so."""
        return any(one.name == name for one in self._pool.endpoints)

    async def auditor(self, against: str | None) -> Auditor:
        """Who audits this chain, once it is started, as whoever holds its lease has laid it out.

        Raises ConfigError for an endpoint that is not there, and where the layout is not our config's.
        """
        world, wanted = self._world, self._met()
        streams = await laid_out(world.db, wanted.streams)
        border = Border(self._chain, Store(world.db, wanted.chain_id, streams), world.clock)
        worker = Worker(self.name, wanted.chain_id, streams, border, self.state.horizon)
        return Auditor(world.db, world.clock, self._pool, self._chain, worker, against=against)

    async def _hold(self, stop: Stop, between: Patience) -> None:
        """Work under the lease until the stop, or until it is lost.

        The wait `between` two leases begins short with each: those lost long ago do not lengthen it.
        """
        patience = self._patience(stop)
        async with self._leased(stop):
            self._world.health.took_up(self.loop)
            between.hasten()
            far = await self._far(stop)
            self._filler.adopt(self._follower.release(far))
            at_tip = asyncio.Event()

            async def rest(stop: Stop, poll_s: float) -> None:
                at_tip.set()
                await self._pool.rest(stop, poll_s)

            following = follow(self._follower, stop, self._observe, patience, self._settings.poll, rest=rest)
            await _together([following, self._fill(stop, bool(far)), self._name(stop, at_tip)])

    async def _fill(self, stop: Stop, far: bool) -> None:
        """Backfill, then hand the streams over to the follower, which brings them the last blocks to the others.

        Secondary indexes are built afterwards: together with them the tables would fill at half the speed.
        """
        if far:
            self.state.backfilling = True
            try:
                await backfill(self._filler, stop, self._observe, self._patience(stop))
            finally:
                self.state.backfilling = False
            self._follower.adopt(self._filler.release(list(self._filler.streams)))
            await self._patience(stop).attempt(lambda: self._met().counters.prime(self._world.db))
        if not stop.is_set():
            await self._index(stop)

    async def _name(self, stop: Stop, at_tip: asyncio.Event) -> None:
        """At the tip, let all series of the protocol's counters begin that the blocks before it named."""
        while not at_tip.is_set():
            if await stop.wait(AT_TIP_S):
                return
        await self._patience(stop).attempt(lambda: self._met().counters.prime(self._world.db))

    async def _index(self, stop: Stop) -> None:
        async with lease(self._world.db, "secondary indexes", stop=stop):  # two chains may fill the same tables
            for name in await build(self._world.db, self._met().indexes):
                self._log.info("index built", index=name)

    async def _far(self, stop: Stop) -> list[str]:
        """The streams too far behind for following."""

        async def look() -> list[str]:
            self._follower.adopt(self._filler.release(list(self._filler.streams)))
            await self._follower.load()
            tip = await self.state.horizon.look()
            return [key for key, one in self._follower.cursors.items() if tip.number - one.number > LINKED_BLOCKS]

        while not stop.is_set():
            found = await self._patience(stop).attempt(look)
            if found is not None:
                return found
        return []

    def _patience(self, stop: Stop) -> Patience:
        return Patience(stop, self._failed, self._world.clock)

    def _observe(self, step: Step) -> None:
        self._meter.observe(step)
        self._world.health.beat(self.loop)
        self._said.clear()
        self.state.failing = ""
        if isinstance(step, Committed):
            self._met().counters.observe(step)
            self.proxies.hear(step.events)
            self._tell(step)
        elif isinstance(step, RolledBack):
            events = sum(step.events.values())
            self._log.warning("reorg", ancestor=step.ancestor, depth=step.depth, events_reverted=events)

    def _tell(self, step: Committed) -> None:
        """One status line a commit, at most one a second."""
        now, progress = self._world.clock.monotonic(), self.state.progress(self._world.clock)
        if now - self._logged_at >= LOG_EVERY_S and progress is not None:
            self._logged_at = now
            self._log.info(str(progress), range=str(step.range), events=sum(step.events.values()))
        if step.undecoded:
            self._log.warning("logs kept undecoded", range=str(step.range), logs=step.undecoded)

    def _failed(self, exc: UsdxError, lost_s: float) -> None:
        on = "database" if exc.reason.startswith(("database", "lease")) else "node"
        self.state.failing = on
        self._meter.failed(exc.reason, lost_s, on=on)
        self._world.health.beat(self.loop)
        self._world.health.failed(self.loop)
        if exc.reason not in self._said:  # once until something works again
            self._said.add(exc.reason)
            self._log.warning("step failed, trying again", reason=exc.reason, error=str(exc), advice=exc.advice)

    def _waiting(self) -> None:
        """Another process holds the lease; this one stands by."""
        self._world.health.beat(self.loop)
        if "lease" not in self._said:
            self._said.add("lease")
            self._log.info("another process indexes this chain; standing by")

    def _halt(self, exc: UsdxError) -> None:
        self.state.halted = str(exc)
        self._log.error("halted", reason=exc.reason, error=str(exc), advice=exc.advice)


async def _together(acts: Iterable[Coroutine[None, None, None]]) -> None:
    """Run all; the first error ends the others and is raised as itself."""
    try:
        async with asyncio.TaskGroup() as group:
            for act in acts:
                group.create_task(act)
    except BaseExceptionGroup as exc:
        raise exc.exceptions[0] from None
