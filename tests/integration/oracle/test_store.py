"""What Postgres keeps of a round, and what comes out of it again."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import asyncpg
import msgspec
import pytest

from oracle.aggregate import Feed, Memory, aggregate
from oracle.journal import Journal
from oracle.limits import Moment
from oracle.model import Conversion, Fetched, Observation, Pair, Quote, Refused, Round
from oracle.onchain import Sample
from oracle.plan import FeedPlan
from oracle.reasons import Reason
from oracle.replay import Replay, Summary, stored
from oracle.samples import Samples
from oracle.sources.manual import Entry
from oracle.store import Store
from shared import retry
from shared.clock import system_clock
from shared.db import Database
from shared.errors import DatabaseUnavailable
from shared.health import Health
from shared.metrics import Registry
from tests.unit.oracle.feeds import ETH_USD, USDT_USD, feed, leg, quote, via_usdt

D = Decimal
START_S = 1_799_996_400.0  # an hour before NOW_S of the feeds; a whole second
SOURCES = feed("a", "b", via_usdt("c"), min_sources=2)


def store_of(db: Database, of: Feed = SOURCES) -> Store:
    pairs = {(of.pair, name): terms.pair for name, terms in of.terms.items()}
    return Store(db, {of.pair: of.limits}, pairs)


def plan_of(of: Feed, required: bool = True) -> FeedPlan:
    return FeedPlan(of, {}, 5, 2, 60, required)


class Past:
    """Rounds one after the other, as the oracle would have had them."""

    def __init__(self, of: Feed = SOURCES) -> None:
        self.feed, self.memory, self.rounds = of, Memory(), list[Round]()

    def round(self, at_s: float, prices: dict[str, Any], legs: dict[Pair, Conversion] | None = None) -> Observation:
        moment = Moment(at_s, at_s)
        outcomes: dict[str, Quote | Refused] = {}
        for name, price in prices.items():
            if isinstance(price, Reason):
                outcomes[name] = Refused(price, "test")
            else:
                one = price if isinstance(price, Quote) else quote(name, price, pair=self.feed.terms[name].pair)
                outcomes[name] = replace(one, received_at_s=at_s - 0.25, received_mono_s=at_s - 0.25)
        seen, self.memory = aggregate(self.feed, outcomes, legs or {}, self.memory, moment)
        seen = replace(seen, published=seen.result == "fresh")
        self.rounds.append(Round(seen, tuple(Fetched(n, o, 0.1) for n, o in outcomes.items()), 0.1))
        return seen


def eventful() -> Past:
    """An hour with conversions, outliers, failures, a quorum lost, a jump and its acceptance, a freeze."""
    past = Past()
    for i in range(120):
        at_s, base = START_S + 5 * i, D(2000) + D(i) / 7
        prices: dict[str, Any] = {"a": base, "b": base + D("0.1"), "c": base / D("0.9995")}
        legs = {USDT_USD: leg(D("0.9995"), D("3.25"))}
        if i % 10 == 3:
            prices["b"] = base * 2
        if i % 10 == 5:
            prices["a"] = Reason.TIMEOUT
        if i % 17 == 4:
            prices |= {"a": Reason.AUTH, "b": Reason.RATE_LIMITED}
        if i > 100:
            prices = {name: p * 2 if isinstance(p, Decimal) else p for name, p in prices.items()}
        if 60 <= i < 80:
            prices["c"] = quote("c", 2030, pair=Pair("ETH", "USDT"), sequence="77")
        if i % 13 == 6:
            legs = {USDT_USD: leg(1, 0, Refused(Reason.STALE, "cached because of quorum"))}
        past.round(at_s, prices, legs)
    return past


async def test_a_round_is_stored_with_its_derivation(db: Database) -> None:
    """The observation, every quote and the whole derivation are in the tables, exactly."""
    past, store = Past(), store_of(db)
    exact = quote("a", "2000.123456789012345678", time_s=START_S - 3.5, sequence="9", volume=D("1.5"))
    past.round(START_S, {"a": exact, "b": 2001, "c": Reason.TIMEOUT}, {USDT_USD: leg("0.9995")})
    await store.register([plan_of(SOURCES)])
    await store.append(past.rounds)
    async with db.connection() as cx:
        row = await cx.fetchrow("select * from usdx.latest_prices")
        assert (row["feed"], row["result"], row["reason"]) == ("ETH/USD", "fresh", None)
        assert row["price"] == (D("2000.123456789012345678") + 2001) / 2
        assert row["sources_used"] == 2
        assert row["oldest_input_at"].timestamp() == START_S - 3.5
        derivation = msgspec.json.decode(row["derivation"])
        assert [one["source"] for one in derivation["inputs"]] == ["a", "b", "c"]
        assert derivation["inputs"][0]["quoted"] == "2000.123456789012345678"
        assert derivation["inputs"][0]["age_s"] == 3.5
        assert derivation["inputs"][2] | {"detail": ""} == derivation["inputs"][2] | {"detail": "", "reason": "timeout"}
        assert derivation["legs"]["USDT/USD"]["price"] == "0.9995"
        quotes = await cx.fetch("select * from usdx.quotes order by source")
        assert [(q["source"], q["verdict"], q["pair"]) for q in quotes] == [
            ("a", "used", "ETH/USD"), ("b", "used", "ETH/USD"), ("c", "failed", "ETH/USDT")]  # fmt: skip
        assert quotes[0]["price"] == D("2000.123456789012345678")
        assert (quotes[0]["sequence"], quotes[0]["volume"]) == ("9", D("1.5"))
        assert quotes[2]["price"] is None


async def test_why_a_price_was_refused_can_be_asked(db: Database) -> None:
    """explain_price tells the observation, its derivation and all quotes of any moment; nothing where there is none."""
    past, store = Past(), store_of(db)
    past.round(START_S, {"a": 2000, "b": 2001})
    past.round(START_S + 5, {"a": 2000, "b": 2500})
    await store.append(past.rounds)
    async with db.connection() as cx:
        after = datetime.fromtimestamp(START_S + 5, UTC)
        told = msgspec.json.decode(await cx.fetchval("select usdx.explain_price('ETH/USD', $1)", after))
        assert (told["result"], told["reason"], told["price"]) == ("cached", "deviation", "2000.5")
        assert [(q["source"], q["reason"]) for q in told["quotes"]] == [("a", "deviation"), ("b", "deviation")]
        before = datetime.fromtimestamp(START_S + 4, UTC)
        told = msgspec.json.decode(await cx.fetchval("select usdx.explain_price('ETH/USD', $1)", before))
        assert (told["result"], told["price"]) == ("fresh", "2000.5")
        assert await cx.fetchval("select usdx.explain_price('NO/USD')") is None


async def test_listeners_hear_of_updates_only(db: Database) -> None:
    """A published price is told on the channel usdx_prices when it is stored; a cached one is not."""
    heard: list[str] = []
    listener = await asyncpg.connect(db.url)
    try:
        await listener.add_listener("usdx_prices", lambda *args: heard.append(args[3]))
        past = Past()
        past.round(START_S, {"a": 1, "b": 1})
        past.round(START_S + 5, {"a": 1, "b": 2})
        await store_of(db).append(past.rounds)
        async with asyncio.timeout(10):
            while not heard:
                await asyncio.sleep(0.01)
        assert heard == ["ETH/USD"]
    finally:
        await listener.close()


async def test_a_start_remembers_the_last_good_price(db: Database) -> None:
    """After a restart the jump guard and the fallback know the last fresh observation, and nothing else."""
    past, store = Past(), store_of(db)
    good = past.round(START_S, {"a": 2000, "b": 2001})
    past.round(START_S + 5, {"a": Reason.TIMEOUT, "b": Reason.TIMEOUT})
    await store.register([plan_of(SOURCES)])
    await store.append(past.rounds)
    memory, published = (await store.memories(START_S + 10, START_S - 100))[ETH_USD]
    assert published
    assert memory.good is not None
    assert (memory.good.price, memory.good.observed_at_s) == (good.price, START_S)
    assert memory.baseline.price == good.price
    assert await store.memories(START_S + 1000, START_S + 1) == {}


async def test_whole_days_are_dropped(db: Database) -> None:
    """Retention drops partitions, never rows; days ahead exist before they begin; both can be repeated."""
    store, today = store_of(db), date(2027, 1, 20)
    past = Past()
    first_s = datetime(2027, 1, 10, 12, tzinfo=UTC).timestamp()
    for day in range(11):
        past.round(first_s + 86400 * day, {"a": 1, "b": 1})
    await store.append(past.rounds)
    assert await store.keep_up(today, retention_days=5) == 2 * 5
    assert await store.keep_up(today, retention_days=5) == 0
    async with db.connection() as cx:
        assert await cx.fetchval("select count(*) from usdx.observations") == 6
        assert await cx.fetchval("select min(observed_at)::date from usdx.quotes") == date(2027, 1, 15)
        names = [r["relname"] for r in await cx.fetch("select relname from pg_class where relname like 'quotes_2%' "
                                                      "and relkind = 'r' order by 1")]  # fmt: skip
        assert names[-1] == f"quotes_{today + timedelta(days=2):%Y%m%d}"


async def test_partitions_may_be_made_by_two_at_once(db: Database) -> None:
    """The journal and the upkeep make the same day's partitions at the same moment; neither fails."""
    day = datetime.fromtimestamp(START_S, UTC).date()
    for i in range(5):
        past = Past()
        past.round(START_S + 86400 * i, {"a": 1, "b": 1})
        today = day + timedelta(days=i)
        await asyncio.gather(store_of(db).append(past.rounds), *(store_of(db).keep_up(today, 30) for _ in range(3)))


async def test_oracles_may_register_their_feeds_side_by_side(db: Database) -> None:
    """Who loses a deadlock over the feeds registers them once more, and does not end."""
    feeds = [plan_of(SOURCES), plan_of(feed("a", pair=USDT_USD))]
    store = store_of(db)
    await store.register(feeds)
    async with db.connection() as cx:
        await cx.execute("set deadlock_timeout = '1h'")  # the store is who finds it, and who loses
        async with cx.raw.transaction():
            await cx.execute("update usdx.feeds set active = active where feed = 'USDT/USD'")
            registering = asyncio.create_task(retry.conflicts(system_clock())(store.register, feeds))
            waiting = "select count(*) from pg_stat_activity where pg_backend_pid() = any(pg_blocking_pids(pid))"
            while not await cx.fetchval(waiting):
                await asyncio.sleep(0.02)
            await cx.execute("update usdx.feeds set active = active where feed = 'ETH/USD'")
        await cx.execute("reset deadlock_timeout")
    await asyncio.wait_for(registering, 60)
    async with db.connection() as cx:
        assert await cx.fetchval("select count(*) from usdx.feeds where active") == 2


async def test_nothing_is_ever_rewritten(db: Database) -> None:
    """The same round twice is refused as a whole: the tables are appended to."""
    past, store = Past(), store_of(db)
    past.round(START_S, {"a": 1, "b": 1})
    await store.append(past.rounds)
    with pytest.raises(Exception, match="duplicate key"):
        await store.append(past.rounds)
    async with db.connection() as cx:
        assert await cx.fetchval("select count(*) from usdx.quotes") == 2


async def test_manual_prices_leave_a_trace(db: Database) -> None:
    """The newest manual price counts; every one that ever was stays with author and reason."""
    store, now_s = store_of(db), time.time()
    await store.set_manual(ETH_USD, Entry(D(2000), now_s, now_s + 60, "ann", "venues down"))
    await store.set_manual(ETH_USD, Entry(D(2100), now_s + 1, now_s + 61, "ben", "typo"))
    entries = await store.manual_entries()
    assert entries[ETH_USD].price == 2100
    async with db.connection() as cx:
        rows = await cx.fetch("select author, why from usdx.manual_prices order by id")
        assert [tuple(r) for r in rows] == [("ann", "venues down"), ("ben", "typo")]


async def test_cumulatives_survive_a_restart(db: Database) -> None:
    """What an average needs of the past is stored to the last digit, once."""
    store = store_of(db)
    huge = Sample(int(START_S), 2**256 - 1)
    await store.append([], [("p", huge)])
    await store.append([], [("p", huge), ("p", Sample(int(START_S) + 15, 7))])
    assert await store.samples() == [("p", huge), ("p", Sample(int(START_S) + 15, 7))]


async def replayed(store: Store, of: Feed, first_s: float = 0, last_s: float = 2**31) -> tuple[Summary, list[Any]]:
    run, summary, out = Replay(of), Summary(), []
    async for row, quotes, derivation in store.history(ETH_USD, first_s, last_s):
        one = run.again(stored(row, quotes, derivation))
        summary.add(one)
        out.append(one)
    return summary, out


async def test_a_replay_by_the_same_rules_changes_nothing(db: Database) -> None:
    """Stored quotes are everything that decided: run again they give every observation as it was."""
    past, store = eventful(), store_of(db)
    await store.append(past.rounds)
    summary, compared = await replayed(store, SOURCES)
    assert summary.rounds == 120
    assert [one.was.observed_at_s for one in compared if one.changed] == []
    results = [r.observation.result for r in past.rounds]
    reasons = {r.observation.reason for r in past.rounds}
    assert {"fresh", "cached"} <= set(results)
    assert {Reason.QUORUM, Reason.JUMP} <= reasons
    for one, then in zip(compared, past.rounds, strict=True):
        assert [i.verdict for i in one.now.inputs] == [i.verdict for i in then.observation.inputs]


async def test_a_replay_by_other_rules_says_what_would_have_changed(db: Database) -> None:
    """A stricter quorum refuses rounds that had a price; a shorter span looks at less."""
    past, store = eventful(), store_of(db)
    await store.append(past.rounds)
    stricter = replace(SOURCES, limits=replace(SOURCES.limits, min_sources=3))
    summary, _ = await replayed(store, stricter)
    assert summary.lost > 10
    assert summary.gained == 0
    some, _ = await replayed(store, SOURCES, START_S + 50, START_S + 100)
    assert some.rounds == 11


class Flaky(Store):
    """A store whose database comes and goes."""

    def __init__(self, db: Database) -> None:
        super().__init__(db, {ETH_USD: SOURCES.limits}, {(ETH_USD, n): t.pair for n, t in SOURCES.terms.items()})
        self.away = False

    async def append(self, rounds: Any, samples: Any = ()) -> None:
        if self.away:
            raise DatabaseUnavailable("gone")
        await super().append(rounds, samples)


async def test_rounds_wait_for_the_database(db: Database) -> None:
    """While Postgres is away rounds wait in order, beyond the limit the oldest are given up and counted."""
    past, flaky, clock = Past(), Flaky(db), system_clock()
    for i in range(12):
        past.round(START_S + i, {"a": 1, "b": 1})
    journal = Journal(flaky, Samples(), Health(Registry(), clock), clock, most=10)
    flaky.away = True
    for one in past.rounds:
        journal.put(one)
    assert not await journal._store_some()
    assert (journal.waiting, journal.lost) == (10, 2)
    flaky.away = False
    journal.close()
    from shared.runtime import Stop

    await journal.run(Stop())
    assert (journal.waiting, journal.stored) == (0, 10)
    async with db.connection() as cx:
        assert await cx.fetchval("select count(*) from usdx.observations") == 10
