"""Every number that a running demo shows is what its chain and its tables say."""

import asyncio
import os
import signal
from collections.abc import Iterator
from decimal import Decimal

import pytest

from tests.acceptance.aggregator.books import COUNTERS, Books, Series, floats, series
from tests.acceptance.demo.driving import DemoRun, until

pytestmark = pytest.mark.timeout(900)


@pytest.fixture
def books(tmp_path_factory: pytest.TempPathFactory, anvil: object) -> Iterator[Books]:
    """A demo of its own, with a seed of its own."""
    run = DemoRun(tmp_path_factory.mktemp("truth") / "demo", "--rate", "15", "--seed", "truth")
    try:
        run.wait_ready()
        yield Books(run)
    finally:
        run.interrupt()


def figures_are_true(books: Books) -> None:
    """Gauges and lists of the API equal the contracts' answers and SQL, to the last unit."""
    chain, sql = asyncio.run(books.by_contract()), asyncio.run(books.by_sql())
    assert chain == sql

    def exposed() -> dict[Series, float | None]:
        found = books.scraped("aggregator")
        return {one: found.get(one) for one in chain}

    until(lambda: exposed() == floats(chain), f"gauges are {chain}, not {exposed()}", books.run)
    wexels, pools = books.pages("wexels"), books.pages("pools")
    active = [one for one in wexels if one["state"] == "active"]
    loans = [one for one in books.pages("loans") if one["state"] == "open"]
    trades, deposits = books.pages("market/trades"), books.pages("deposits")

    def usd(rows: list[dict[str, str]], column: str) -> Decimal:
        return sum((Decimal(row[column]) for row in rows), Decimal(0))

    assert chain[series("usdx_total_value_locked")] == usd(active, "principal_usd") == usd(pools, "value_locked_usd")
    assert chain[series("usdx_active_wexels_count")] == len(active)
    assert chain[series("usdx_total_users_count")] == len(books.pages("users"))
    assert chain[series("usdx_collateralized_wexels_count")] == len(loans)
    assert chain[series("usdx_total_loans_outstanding_usd")] == usd(loans, "loan_usd") == usd(active, "loan_usd")
    assert chain[series("usdx_loans_collateral_value_usd")] == usd(loans, "collateral_usd")
    for pool in pools:
        locked = chain[series("usdx_pool_value_locked_usd", chain="demo", pool=pool["pool_id"])]
        assert locked == Decimal(pool["value_locked_usd"])
    stored = [row for row in books.seen.values() if row[0] == "WexelCreated"]
    sold = [row for row in books.seen.values() if row[0] == "Sold"]
    assert usd(deposits, "principal_usd") * 10**6 == sum(row[2] for row in stored)
    assert usd(trades, "price_usd") * 10**6 == sum(row[2] for row in sold)
    assert len(deposits) == len(wexels) == len(stored) == len(books.pages("events/vault/WexelCreated"))
    assert len(trades) == len(sold) == len(books.pages("events/marketplace/Sold"))


def counters_are_true(books: Books, exact: dict[Series, Decimal]) -> dict[Series, Decimal]:
    """Every counter grew by what was stored since the last entry; returns what each is now."""
    grown, _ = asyncio.run(books.enter())
    now = {one: exact.get(one, Decimal(0)) + grown.get(one, Decimal(0)) for one in exact.keys() | grown.keys()}
    until(lambda: books.counted() == floats(now), f"counters are {floats(now)}, not {books.counted()}", books.run)
    return now


def test_every_number_is_true(books: Books) -> None:
    """Whatever users do, every gauge, every increment of a counter and every figure of the API is what the contracts
    answer and what the tables add up to. A reorg takes rows back: gauges and API follow, counters stay, as they say
    what was committed. A new process counts from 0 on."""
    trades = """select count(*) from wexel.marketplace_sold
        where block_number + 10 < (select min(block_number) from usdx.cursors)"""  # no reorg here goes as deep
    until(lambda: asyncio.run(books.asked(trades)) > 0, "a trade", books.run)
    with books.at_rest():
        asyncio.run(books.enter())
        exact = {one: Decimal(str(value)) for one, value in books.counted().items()}
        assert {name for name, _ in exact} == COUNTERS
        figures_are_true(books)
    first = asyncio.run(books.asked(trades))
    until(lambda: asyncio.run(books.asked(trades)) > first, "another trade", books.run)
    with books.at_rest():
        before, exact = exact, counters_are_true(books, exact)
        assert {one[0] for one in exact if exact[one] > before.get(one, 0)} == COUNTERS
        figures_are_true(books)

        taken_back = books.reverted()
        asyncio.run(books.rpc("anvil_reorg", 7, []))
        books.settle()
        standing, before = exact, {**books.seen}
        grown, gone = asyncio.run(books.enter())
        assert gone["WexelCreated"] > 0, "the reorg took nothing back"
        assert grown == {}
        assert books.counted() == floats(standing)
        now = books.reverted()
        assert {name: now[name] - taken_back[name] for name in gone} == dict(gone)
        figures_are_true(books)
    until(lambda: asyncio.run(grew(books, len(before))), "users act again", books.run)
    with books.at_rest():
        counters_are_true(books, exact)
        figures_are_true(books)

        for worker in ("indexer", "aggregator"):
            victim = books.run.pid(worker)
            os.kill(victim, signal.SIGTERM)
            until(lambda worker=worker, victim=victim: books.run.pid(worker) != victim, f"another {worker}", books.run)
            until(lambda worker=worker: alive(books, worker), f"the {worker} answers", books.run)
        books.settle()
        asyncio.run(books.enter())
        exact = dict.fromkeys(books.counted(), Decimal(0))
        assert set(exact.values()) == {0}
        assert books.counted() == floats(exact), "a new process has counted nothing yet"
        figures_are_true(books)
    until(lambda: asyncio.run(grew(books, len(books.seen))), "users act again", books.run)
    with books.at_rest():
        counters_are_true(books, exact)
        figures_are_true(books)


async def grew(books: Books, rows: int) -> bool:
    """Whether there are more deposits and trades than that."""
    sql = "select (select count(*) from wexel.vault_wexel_created) + (select count(*) from wexel.marketplace_sold)"
    return bool(await books.asked(sql) > rows + 5)


def alive(books: Books, worker: str) -> bool:
    """Whether the worker serves its metrics."""
    try:
        return bool(books.scraped(worker))
    except OSError:
        return False
