"""Open everything the oracle needs and run it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import aiohttp
import structlog

from oracle import metrics
from oracle.aggregate import Memory
from oracle.ask import Asker
from oracle.board import Board
from oracle.chain_desk import ChainDesk
from oracle.crew import Crew
from oracle.desk import Desk
from oracle.diary import Diary
from oracle.journal import Journal
from oracle.manual_desk import ManualDesk
from oracle.metrics import ExchangeMetrics, RoundMetrics, States, StreamState
from oracle.model import Pair
from oracle.plan import AskChain, AskVenue, FeedPlan, Plan, plan
from oracle.publish import Update
from oracle.round import Rounds
from oracle.samples import Samples
from oracle.store import Store
from oracle.stream import End, Listener
from oracle.tasks import Parts, tasks
from oracle.web import Web
from shared import retry
from shared.clock import Clock
from shared.errors import ConfigError
from shared.metrics import Registry
from shared.rpc_wiring import open_pool
from shared.runtime import Task
from shared.settings import Settings
from shared.worker import Worker, open_worker


@dataclass(frozen=True, slots=True)
class Sources:
    """Everything that is asked, and what listens."""

    asker: Asker
    desks: Mapping[str, Desk]
    listeners: tuple[Listener, ...]
    manual: ManualDesk
    crew: Crew


async def run(settings: Settings) -> None:
    """`usdx oracle`: form prices until SIGTERM."""
    planned = plan(settings)
    if not planned.feeds:
        raise ConfigError("[feeds] expected at least one feed; none is configured")
    async with open_worker("oracle", settings) as worker:
        store = store_of(worker, planned)
        await retry.conflicts(worker.clock)(store.register, planned.feeds)  # oracles may start side by side
        samples = Samples(await store.samples())
        async with open_sources(settings, planned, worker.registry, worker.clock, samples) as sources:
            parts = await _assemble(worker, planned, store, samples, sources)
            await worker.run(settings.oracle, tasks(parts))


def store_of(worker: Worker, planned: Plan) -> Store:
    """The store for these feeds."""
    limits = {one.pair: one.feed.limits for one in planned.feeds}
    pairs = {(one.pair, name): terms.pair for one in planned.feeds for name, terms in one.feed.terms.items()}
    return Store(worker.db, limits, pairs)


@asynccontextmanager
async def open_sources(
    settings: Settings, planned: Plan, registry: Registry, clock: Clock, samples: Samples
) -> AsyncIterator[Sources]:
    """Desks for every venue and chain that a feed asks, and listeners where they stream. Connects to nobody yet."""
    asks = [(feed, ask) for feed in planned.feeds for ask in feed.asks.values()]
    venues = {ask.venue for _, ask in asks if isinstance(ask, AskVenue)}
    chains = {ask.chain for _, ask in asks if isinstance(ask, AskChain)}
    timeout_s = max(feed.timeout_s for feed in planned.feeds)
    crew, counted = Crew(), ExchangeMetrics(registry, sorted(venues | chains))
    async with AsyncExitStack() as stack:
        connector = aiohttp.TCPConnector(limit=0, limit_per_host=16)
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=timeout_s)
        session = await stack.enter_async_context(aiohttp.ClientSession(connector=connector, timeout=timeout))
        web = Web(session, clock.now)
        desks = {
            name: Desk(planned.venues[name], web, crew, clock, timeout_s, counted.observe) for name in sorted(venues)
        }
        chain_desks = {}
        for name in sorted(chains):
            pool = await stack.enter_async_context(open_pool(name, settings.chains[name], clock, registry))
            age_s = settings.oracle.max_block_age
            chain_desks[name] = ChainDesk(name, pool, crew, clock, timeout_s, age_s, samples, counted.observe)
        listeners = _listeners(planned, session, web, clock, registry)
        manual = ManualDesk(clock)
        stack.push_async_callback(crew.close)
        yield Sources(Asker(desks, chain_desks, manual, listeners, clock), desks, listeners, manual, crew)


def _listeners(
    planned: Plan, session: aiohttp.ClientSession, web: Web, clock: Clock, registry: Registry
) -> tuple[Listener, ...]:
    """As many connections for each streaming venue as its symbols need."""
    reconnects = registry.counter(metrics.RECONNECTS)

    def ended(source: str, end: End) -> None:
        reconnects.inc(source, end)
        structlog.get_logger("stream").info("push channel ended", source=source, reason=end)

    out: list[Listener] = []
    for name, venue in planned.venues.items():
        stream = venue.venue.stream
        if not venue.streaming or stream is None:
            continue
        for end in End:
            reconnects.start(name, end)
        asks = (ask for feed in planned.feeds for ask in feed.asks.values())
        symbols = sorted({ask.stream_symbol for ask in asks if isinstance(ask, AskVenue) and ask.venue == name} - {""})
        parts = [symbols[i : i + stream.symbols] for i in range(0, len(symbols), stream.symbols)]
        out.extend(Listener(venue, part, session, web, clock, ended) for part in parts)
    return tuple(out)


async def _assemble(worker: Worker, planned: Plan, store: Store, samples: Samples, sources: Sources) -> Parts:
    now_s = worker.clock.now()
    oldest_s = max(
        max(one.feed.limits.cache_s, one.feed.limits.jump_window_s, one.heartbeat_s) for one in planned.feeds
    )
    memories = await store.memories(now_s, now_s - max(oldest_s, 3600.0))
    sources.manual.entries = await store.manual_entries()
    board, ages = Board(), {one.pair: one.feed.limits.max_age_s for one in planned.feeds}
    rounds = {one.pair: _rounds(one, sources, board, ages, worker.clock, memories) for one in planned.feeds}
    seen = RoundMetrics(worker.registry, planned)
    metrics.restore(worker.registry, {pair: memories[pair] for pair in rounds if pair in memories})
    journal = Journal(store, samples, worker.health, worker.clock)
    metrics.watch(worker.registry, _states(sources, journal))
    return Parts(worker, planned, store, journal, board, rounds, seen, Diary(), sources.manual, _others(sources))


def _others(sources: Sources) -> dict[str, Task]:
    listeners = {f"stream-{i}": one.run for i, one in enumerate(sources.listeners)}
    return {"crew": sources.crew.watch, **listeners}


def _rounds(
    one: FeedPlan,
    sources: Sources,
    board: Board,
    ages: Mapping[Pair, float],
    clock: Clock,
    memories: Mapping[Pair, tuple[Memory, bool]],
) -> Rounds:
    memory, published = memories.get(one.pair, (Memory(), False))
    good = memory.good
    update = Update(good.price, good.observed_at_s) if good and published else None
    return Rounds(one, sources.asker.ask, board, ages, clock, memory, update)


def _states(sources: Sources, journal: Journal) -> States:
    def streams() -> dict[str, StreamState]:
        out: dict[str, StreamState] = {}
        for one in sources.listeners:
            other = out.get(one.plan.venue.name, StreamState(True, None))
            times = [t for t in (one.last_message_at_s, other.last_message_at_s) if t is not None]
            out[one.plan.venue.name] = StreamState(one.up and other.up, max(times, default=None))
        return out

    return States(
        desks=lambda: {name: (desk.paused_s, desk.budget_left) for name, desk in sources.desks.items()},
        streams=streams,
        journal=lambda: (journal.waiting, journal.lost),
    )
