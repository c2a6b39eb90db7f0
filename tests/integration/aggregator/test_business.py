"""Business figures from a real database."""

import asyncio
import random
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from aggregator.business import Business
from aggregator.figures import keep, trend
from aggregator.metrics import Meters
from aggregator.model import Figure, Reading, Refresh
from shared.clock import system_clock
from shared.db import Connection, Database
from shared.errors import DatabaseUnavailable
from shared.metrics import Registry
from shared.protocol import GaugeSpec, load
from tests.fakes.clock import Hands
from tests.integration.aggregator.world import ALICE, BOB, T0, WEXEL, World

GAUGES = {gauge.name: replace(gauge, period_s=0.0) for gauge in load(WEXEL).gauges}


def gauge(query: str, name: str = "usdx_x", labels: tuple[str, ...] = (), timeout_s: float = 5.0) -> GaugeSpec:
    return GaugeSpec(name, "Help.", "", labels, query, 0.0, timeout_s)


def business(db: Database, *gauges: GaugeSpec, hands: Hands | None = None) -> Business:
    clock = hands.clock() if hands else system_clock()
    return Business(db, clock, {one.name: one for one in gauges}, random.Random(1))


def value(refresh: Refresh, name: str = "usdx_x") -> Decimal | None:
    reading = refresh.readings.get(name)
    return reading.figures[0].value if reading and reading.figures else None


async def test_figures_are_the_sums_of_the_rows(db: Database, world: World) -> None:
    """Every gauge of the protocol says what its rows add up to, to the last unit."""
    await world.pool(1)
    await world.deposit(1, ALICE, usd="100.000001")
    await world.deposit(2, BOB, usd="200")
    registry = Registry()
    meters = Meters(registry, GAUGES)
    refresh = await business(db, *GAUGES.values()).refresh()
    meters.refreshed(refresh)
    assert refresh.broken == {}
    assert registry.value("usdx_total_value_locked") == 300.000001
    assert registry.value("usdx_active_wexels_count") == 2
    assert registry.value("usdx_total_users_count") == 2
    assert registry.value("usdx_pool_value_locked_usd", chain="demo", pool="1") == 300.000001
    assert registry.value("usdx_last_deposit_timestamp_seconds", chain="demo") == T0.timestamp() + 3
    assert registry.value("usdx_last_trade_timestamp_seconds", chain="demo") is None
    assert registry.value("usdx_business_metrics_refreshes_total", result="success") == 1


async def test_nothing_is_said_before_it_is_known(db: Database) -> None:
    """A gauge without truth is absent, never 0."""
    registry = Registry()
    Meters(registry, GAUGES)
    text = registry.exposition().decode()
    assert registry.value("usdx_total_value_locked") is None
    assert registry.value("usdx_business_metrics_last_success_timestamp_seconds") is None
    assert 'usdx_business_metrics_refreshes_total{result="failure"} 0.0' in text


async def test_one_snapshot(db: Database, world: World) -> None:
    """All gauges of one refresh see the same rows, whatever is committed meanwhile."""
    await world.deposit(1)
    count = "select count(*) as value from wexel.vault_wexel_created"
    slow = gauge("select (select count(*) from wexel.vault_wexel_created) as value from pg_sleep(0.4)", "usdx_a")
    found = business(db, slow, gauge(count, "usdx_b"))
    refreshing = asyncio.create_task(found.refresh())
    await asyncio.sleep(0.2)
    await world.deposit(2)
    refresh = await refreshing
    assert value(refresh, "usdx_a") == value(refresh, "usdx_b") == 1


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("select 1 as value from nowhere", "nowhere"),
        ("select 1/0 as value", "division by zero"),
        ("select pg_sleep(30), 1 as value", "timeout"),
        ("select 1 as number", "columns"),
        ("select 'x' as value", "number"),
        ("select 'NaN'::numeric as value", "finite"),
        ("select 1e400::numeric as value", "finite"),
        ("select 1 as value union all select 2", "two rows"),
        ("select generate_series(1, 100) as value", "two rows"),
        ("insert into usdx.chains values ('x', 1, '') returning 1 as value", "must be a SELECT"),
        ("with x as (insert into usdx.chains values ('x', 1, '') returning 1) select 1 as value from x", "not write"),
        ("select 1 as value; select 2", "multiple commands"),
        ("commit", "must be a SELECT"),
    ],
)
async def test_a_broken_query_harms_only_its_own_gauge(db: Database, query: str, words: str) -> None:
    """Whatever a query does, the others are read and kept, and the message says which failed and why."""
    broken = gauge(query, "usdx_broken", timeout_s=0.3)
    found = business(db, gauge("select 1 as value", "usdx_a"), broken, gauge("select 2 as value", "usdx_b"))
    refresh = await found.refresh()
    assert (value(refresh, "usdx_a"), value(refresh, "usdx_b")) == (1, 2)
    assert list(refresh.broken) == ["usdx_broken"]
    assert words in refresh.broken["usdx_broken"]
    async with db.connection() as cx:
        assert await cx.fetchval("select count(*) from usdx.figures") == 2
        assert await cx.fetchval("select count(*) from usdx.chains where chain = 'x'") == 0


async def test_last_good_value_stays(db: Database) -> None:
    """A gauge that fails keeps its last good value and that value's time."""
    first = await business(db, gauge("select 7 as value")).refresh()
    second = await business(db, gauge("select 1/0 as value")).refresh()
    assert value(second) == 7
    assert second.readings["usdx_x"].at == first.readings["usdx_x"].at


async def test_a_restart_finds_the_last_values(db: Database) -> None:
    """A new process says the kept values at once and asks again only when they are due."""
    await business(db, replace(gauge("select 7 as value"), period_s=300.0)).refresh()
    again = await business(db, replace(gauge("select 8 as value"), period_s=300.0)).refresh()
    assert (value(again), again.asked) == (7, ())


async def test_values_of_other_labels_are_not_adopted(db: Database) -> None:
    """What an earlier version of the gauge kept under other labels is no value of this one: it is absent, and asked."""
    await business(db, replace(gauge("select 7 as value"), period_s=300.0)).refresh()
    changed = replace(gauge("select 'x' as pool, 1/0 as value", labels=("pool",)), period_s=300.0)
    refresh = await business(db, changed).refresh()
    assert (value(refresh), refresh.asked) == (None, ("usdx_x",))
    registry = Registry()
    Meters(registry, {"usdx_x": changed}).refreshed(refresh)
    assert b"usdx_x 7" not in registry.exposition()


async def test_replicas_refresh_once(db: Database) -> None:
    """Of replicas that come at the same time one asks; all of them end with the same figures."""
    query = "select count(*) as value from usdx.figure_refreshes, pg_sleep(0.3)"
    replicas = [business(db, replace(gauge(query), period_s=300.0)) for _ in range(4)]
    refreshes = await asyncio.gather(*(one.refresh() for one in replicas))
    assert sum(bool(one.asked) for one in refreshes) == 1
    later = await asyncio.gather(*(one.refresh() for one in replicas))
    assert [value(one) for one in later] == [0, 0, 0, 0]
    assert not any(one.asked for one in later)


async def test_failing_gauges_are_asked_less_often(db: Database) -> None:
    """A gauge that fails again and again is not asked at every turn, and comes back by itself."""
    hands = Hands()
    found = business(db, replace(gauge("select 1/0 as value"), period_s=300.0), hands=hands)
    asked = []
    for _ in range(600):
        asked.append(bool((await found.refresh()).asked))
        hands.at += 1
    assert 6 <= sum(asked) <= 10


async def test_the_snapshot_is_taken_under_the_lock(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the replica before us kept while we took the lock over from it, we see: nothing is asked or kept twice."""
    real = Connection.fetchval

    async def fetchval(cx: Connection, sql: str, *args: object, **more: Any) -> Any:
        found = await real(cx, sql, *args, **more)
        if "advisory" in sql:
            async with db.transaction() as other:
                at = await real(other, "select now()")
                await keep(other, {"usdx_x": Reading(at, (Figure((), Decimal(7)),))}, 0.1)
        return found

    monkeypatch.setattr(Connection, "fetchval", fetchval)
    refresh = await business(db, replace(gauge("select 1 as value"), period_s=300.0)).refresh()
    assert (refresh.asked, value(refresh)) == ((), 7)


async def test_trend(db: Database) -> None:
    """The curve of a figure adds its series up, is thinned to what was asked for, and ends with the newest value."""
    async with db.transaction() as cx:
        await cx.execute(
            """insert into usdx.figures
            select 'usdx_x', $1::timestamptz + n * interval '1 second', array[pool], n
            from generate_series(1, 100) n, unnest(array['a', 'b']) pool""",
            T0,
        )
        points = await trend(cx, gauge("select 1 as value"), T0, 10)
    assert [float(value) for _, value in points] == [20.0 * n for n in range(1, 11)]


async def test_a_dead_database_is_no_figure(db: Database) -> None:
    """When the database goes away, the refresh fails as a whole, and nothing pretends to be new."""
    found = business(db, gauge("select pg_terminate_backend(pg_backend_pid()), 1 as value"))
    with pytest.raises(DatabaseUnavailable):
        await found.refresh()
