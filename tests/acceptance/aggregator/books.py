"""What the demo's chain and database say, asked in a test's own words."""

import asyncio
import json
import os
import signal
import urllib.request
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import asyncpg
from prometheus_client.parser import text_string_to_metric_families

from demo.deploy import deployment
from demo.node import connect
from shared import embedded
from tests.acceptance.demo.driving import DemoRun, until
from tests.integration.demo_parts.test_views import GAUGES

Series = tuple[str, frozenset[tuple[str, str]]]
POOLS = range(1, 7)
OPEN_LOANS = """wexel.vault_collateralized l where not exists (
    select from wexel.vault_loan_repaid r where r.wexel_id = l.wexel_id
    and (r.block_number, r.log_index) > (l.block_number, l.log_index))"""
ACTIVE = """wexel.vault_wexel_created w where not exists (
    select from wexel.vault_redeemed r where r.wexel_id = w.id)"""
SOMEBODY = r"receiver <> '\x0000000000000000000000000000000000000000'"
SQL = {
    "usdx_total_value_locked": f"select coalesce(sum(principal_usd), 0) / 1e6 from {ACTIVE}",
    "usdx_active_wexels_count": f"select count(*) from {ACTIVE}",
    "usdx_total_users_count": f"select count(distinct receiver) from wexel.vault_transfer where {SOMEBODY}",
    "usdx_collateralized_wexels_count": f"select count(*) from {OPEN_LOANS}",
    "usdx_total_loans_outstanding_usd": f"select coalesce(sum(loan_usd), 0) / 1e6 from {OPEN_LOANS}",
    "usdx_loans_collateral_value_usd": f"""select coalesce(sum(principal_usd), 0) / 1e6
        from wexel.vault_wexel_created where id in (select wexel_id from {OPEN_LOANS})""",
    "usdx_last_deposit_timestamp_seconds": "select extract(epoch from max(block_time)) from wexel.vault_wexel_created",
    "usdx_last_trade_timestamp_seconds": "select extract(epoch from max(block_time)) from wexel.marketplace_sold",
}
POOL_SQL = f"select coalesce(sum(principal_usd), 0) / 1e6 from {ACTIVE} and pool_id = $1"
POOL_GAUGE = "usdx_pool_value_locked_usd"
COUNTERS = {
    "usdx_deposits_total",
    "usdx_deposits_volume_usd_total",
    "usdx_marketplace_trades_total",
    "usdx_marketplace_volume_usd_total",
}
REVERTED = "usdx_indexer_events_reverted_total"


def series(name: str, **labels: str) -> Series:
    """A series by its name and labels."""
    return name, frozenset(labels.items())


def read(address: str) -> bytes:
    """The body of a GET."""
    with urllib.request.urlopen(address, timeout=30) as response:
        return bytes(response.read())


@dataclass
class Books:
    """One demo, whose traffic the test can hold. `seen` are the rows of deposits and trades that were ever stored."""

    run: DemoRun
    seen: dict[tuple[bytes, int], tuple[str, str | None, int]] = field(default_factory=dict)

    def url(self, worker: str) -> str:
        """Where a worker serves."""
        return str(self.run.state()["urls"][worker]).rstrip("/")

    def scraped(self, worker: str) -> dict[Series, float]:
        """A worker's exposition."""
        text = read(f"{self.url(worker)}/metrics").decode()
        families = text_string_to_metric_families(text)
        return {series(one.name, **one.labels): one.value for family in families for one in family.samples}

    def counted(self) -> dict[Series, float]:
        """What the indexer's counters say."""
        return {one: value for one, value in self.scraped("indexer").items() if one[0] in COUNTERS}

    def reverted(self) -> dict[str, float]:
        """How many events the indexer says it took back, by type."""
        return {dict(one[1])["type"]: value for one, value in self.scraped("indexer").items() if one[0] == REVERTED}

    @contextmanager
    def at_rest(self) -> Iterator[None]:
        """While the context is open nobody deposits or trades, and everything before is mined and indexed."""
        traffic = self.run.pid("traffic")
        os.kill(traffic, signal.SIGSTOP)
        try:
            self.settle()
            yield
        finally:
            os.kill(traffic, signal.SIGCONT)

    def settle(self) -> None:
        """Wait until two blocks more are mined, and all of them are indexed."""
        target = asyncio.run(self._tip()) + 2
        until(lambda: asyncio.run(self._tip()) >= target, "two more blocks", self.run)
        until(lambda: asyncio.run(self._indexed()) >= target, "the indexer at the tip", self.run)

    async def _tip(self) -> int:
        async with connect(self.url("node")) as node:
            return int(await node.rpc.call("eth_blockNumber"), 16)

    async def _indexed(self) -> int:
        return int(await self.asked("select min(block_number) from usdx.cursors"))

    async def asked(self, sql: str, *arguments: Any) -> Any:
        """One value from the database."""
        return (await self.rows(sql, *arguments))[0][0]

    async def rows(self, sql: str, *arguments: Any) -> list[Any]:
        """Rows from the database."""
        with embedded.start(self.run.folder / "postgres") as server:
            cx = await asyncpg.connect(server.url)
            try:
                return list(await cx.fetch(sql, *arguments))
            finally:
                await cx.close()

    async def rpc(self, method: str, *parameters: Any) -> Any:
        """Call the node."""
        async with connect(self.url("node")) as node:
            return await node.rpc.call(method, list(parameters))

    async def by_contract(self) -> dict[Series, Decimal]:
        """Every business gauge as the contracts answer."""
        where = deployment()
        async with connect(self.url("node")) as node:
            found = {
                gauge(name): Decimal(await node.ask(where[contract], function)) / unit
                for name, (contract, function, unit) in GAUGES.items()
            }
            for pool in POOLS:
                locked = Decimal(await node.ask(where["vault"], "poolValueLocked", pool))
                found[series(POOL_GAUGE, chain="demo", pool=str(pool))] = locked / 10**6
        return found

    async def by_sql(self) -> dict[Series, Decimal]:
        """Every business gauge by this file's own SQL."""
        found = {gauge(name): Decimal(await self.asked(sql)) for name, sql in SQL.items()}
        for pool in POOLS:
            found[series(POOL_GAUGE, chain="demo", pool=str(pool))] = Decimal(await self.asked(POOL_SQL, pool))
        return found

    async def enter(self) -> tuple[dict[Series, Decimal], Counter[str]]:
        """Enter what is stored now: how much the counters must have grown since the last entry, and how many events
        are gone, by type."""
        sql = """
            select block_hash, log_index, 'WexelCreated', pool_id::text, principal_usd from wexel.vault_wexel_created
            union all select block_hash, log_index, 'Sold', null, price_usd from wexel.marketplace_sold"""
        now = {(row[0], row[1]): (row[2], row[3], int(row[4])) for row in await self.rows(sql)}
        gone = Counter(self.seen[key][0] for key in self.seen.keys() - now.keys())
        grown: dict[Series, Decimal] = {}
        for key in now.keys() - self.seen.keys():
            event, pool, units = now[key]
            labels = {"chain": "demo"} if pool is None else {"chain": "demo", "pool": pool}
            kind = "marketplace_trades" if event == "Sold" else "deposits"
            volume = "marketplace_volume_usd" if event == "Sold" else "deposits_volume_usd"
            for name, by in ((kind, Decimal(1)), (volume, Decimal(units) / 10**6)):
                one = series(f"usdx_{name}_total", **labels)
                grown[one] = grown.get(one, Decimal(0)) + by
        self.seen = now
        return grown, gone

    def pages(self, path: str) -> list[dict[str, Any]]:
        """Everything that a list of the API holds."""
        found: list[dict[str, Any]] = []
        after = ""
        while True:
            page = json.loads(read(f"{self.url('aggregator')}/api/v1/{path}?limit=200{after}"))
            found += page["data"]
            if page["next"] is None:
                return found
            after = f"&after={page['next']}"


def gauge(name: str) -> Series:
    """The series of a business gauge that is not by pool."""
    return series(name, chain="demo") if name.endswith("_timestamp_seconds") else series(name)


def floats(exact: Mapping[Series, Decimal]) -> dict[Series, float]:
    """As an exposition can say it."""
    return {one: float(value) for one, value in exact.items()}
