"""A database as the indexer and the oracle leave it, written row by row, and the aggregator's own application on it."""

import itertools
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from aggregator import wiring
from indexer.assembly import Deployment, streams_of, views_of
from indexer.layout import claim_chain, create_views, prepare
from shared.db import Database
from shared.health import Health
from shared.metrics import Registry
from shared.protocol import load
from shared.settings import Settings
from shared.worker import Worker
from tests.fakes.clock import Hands

WEXEL = Path(__file__).parents[3] / "protocols" / "wexel"
CHAIN, CHAIN_ID = "demo", 31337
VAULT, MARKET = "0x" + "aa" * 20, "0x" + "bb" * 20
ALICE, BOB = bytes.fromhex("a1" * 20), bytes.fromhex("b0" * 20)
NOBODY = bytes(20)
T0 = datetime(2026, 1, 1, tzinfo=UTC)


def settings_of(settings: Settings, **aggregator: Any) -> Settings:
    """The settings of a worker of the demo's protocol."""
    return Settings.model_validate(
        {
            "database": settings.database,
            "data_dir": settings.data_dir,
            "chains": {CHAIN: {"rpc": [{"name": "node", "url": "http://127.0.0.1:1"}], "lag_threshold": "30s"}},
            "protocols": {
                "wexel": {"path": WEXEL, "chain": CHAIN, "addresses": {"vault": VAULT, "marketplace": MARKET}}
            },
            "aggregator": aggregator,
        }
    )


@dataclass
class World:
    """Writes what the workers would have written."""

    db: Database
    block: int = 0
    numbers: Any = field(default_factory=itertools.count)

    async def begin(self) -> None:
        """Lay out the tables, views and cursors."""
        protocol = load(WEXEL)
        settings = settings_of(Settings()).protocols["wexel"]
        deployment = Deployment("wexel", protocol, settings)

        async def birth(address: bytes) -> int:
            return 1

        await claim_chain(self.db, CHAIN, CHAIN_ID, bytes(32))
        await prepare(self.db, await streams_of(deployment, {}, birth))
        await create_views(self.db, views_of(deployment))

    async def add(self, *events: tuple[str, dict[str, Any]], fork: int = 0) -> int:
        """One more block with these events, as (table, columns); returns its number."""
        self.block += 1
        async with self.db.transaction() as cx:
            for index, (table, columns) in enumerate(events):
                meta = {
                    "chain_id": CHAIN_ID,
                    "block_number": self.block,
                    "log_index": index,
                    "block_time": time_of(self.block),
                    "block_hash": hash_of(self.block, fork),
                    "tx_hash": hash_of(next(self.numbers), 7),
                    "address": bytes.fromhex((VAULT if table.startswith("vault") else MARKET)[2:]),
                }
                row = meta | columns
                names = ", ".join(f'"{name}"' for name in row)
                places = ", ".join(f"${n}" for n in range(1, len(row) + 1))
                await cx.execute(f"insert into wexel.{table} ({names}) values ({places})", *row.values())
            await self._move(cx, self.block, fork)
        return self.block

    async def roll_back(self, ancestor: int, fork: int = 0) -> None:
        """Take back every block above the ancestor."""
        async with self.db.transaction() as cx:
            await cx.execute(
                """insert into usdx.reorgs (chain, streams, ancestor, from_block, events)
                select $1, array_agg(stream), $2, max(block_number), 0 from usdx.cursors""",
                CHAIN,
                ancestor,
            )
            tables = await cx.fetch(
                "select relname from pg_class where relnamespace = 'wexel'::regnamespace and relkind = 'r'"
            )
            for table in tables:
                await cx.execute(f"delete from wexel.{table[0]} where block_number > $1", ancestor)
            await cx.execute("delete from usdx.checkpoints where block_number > $1", ancestor)
            await self._move(cx, ancestor, fork)
        self.block = ancestor

    async def _move(self, cx: Any, block: int, fork: int) -> None:
        await cx.execute(
            "update usdx.cursors set block_number = $1, block_hash = $2, block_time = $3, updated_at = now()",
            block,
            hash_of(block, fork),
            time_of(block),
        )
        await cx.execute(
            """insert into usdx.checkpoints (stream, block_number, block_hash)
            select stream, $1, $2 from usdx.cursors on conflict (stream, block_number) do update set block_hash = $2""",
            block,
            hash_of(block, fork),
        )

    async def deposit(self, number: int, owner: bytes = ALICE, pool: int = 1, usd: str = "100", fork: int = 0) -> int:
        """A block with one deposit."""
        return await self.add(
            ("vault_transfer", {"sender": NOBODY, "receiver": owner, "token_id": Decimal(number)}),
            (
                "vault_wexel_created",
                {
                    "id": Decimal(number),
                    "owner": owner,
                    "pool_id": Decimal(pool),
                    "principal_usd": Decimal(usd) * 10**6,
                    "apy_bp": Decimal(1800),
                    "matures_at": Decimal(1_800_000_000 + number),
                },
            ),
            fork=fork,
        )

    async def pool(self, number: int = 1) -> int:
        """A block with a new pool."""
        return await self.add(
            (
                "vault_pool_created",
                {"pool_id": Decimal(number), "apy_bp": Decimal(1800), "lock_months": Decimal(12)},
            )
        )

    async def price(self, price: str | None, at: datetime, feed: str = "ETH/USD", reason: str | None = None) -> None:
        """One observation of a feed."""
        base, quote = feed.split("/")
        async with self.db.transaction() as cx:
            await cx.execute("select usdx.create_oracle_partitions($1::date)", at.date())
            await cx.execute(
                """insert into usdx.feeds (feed, base, quote, required, heartbeat_s) values ($1, $2, $3, true, 60)
                on conflict do nothing""",
                feed,
                base,
                quote,
            )
            await cx.execute(
                """insert into usdx.observations (feed, observed_at, result, price, reason, spread_bps, confidence,
                sources_used, sources_dropped, groups, oldest_input_at, published, duration_s, derivation)
                values ($1, $2, $3, $4, $5, 5.5, 0.9, 3, 1, '{a,b}', $2, $6, 0.1, '{}')""",
                feed,
                at,
                "refused" if price is None else "fresh",
                None if price is None else Decimal(price),
                reason,
                price is not None,
            )


def time_of(block: int) -> datetime:
    """When a block was."""
    return T0 + timedelta(seconds=block)


def hash_of(block: int, fork: int = 0) -> bytes:
    """A block's hash on a fork."""
    return bytes([fork]) * 24 + block.to_bytes(8, "big")


@dataclass
class Site:
    """The aggregator's application, served."""

    client: TestClient[web.Request, web.Application]
    rooms: wiring.Rooms
    registry: Registry
    worker: Worker
    hands: Hands

    async def get(self, path: str, status: int = 200, **headers: str) -> Any:
        """The JSON of an answer with this status."""
        async with self.client.get(path, headers=headers) as response:
            body = await response.json(content_type=None)
            assert response.status == status, body
            return body

    async def pages(self, path: str, **query: str) -> list[list[dict[str, Any]]]:
        """Every page of a list."""
        found, after = [], None
        while True:
            params: Mapping[str, str] = query | ({"after": after} if after else {})
            async with self.client.get(path, params=params) as response:
                assert response.status == 200, await response.text()
                body = await response.json()
            found.append(body["data"])
            after = body["next"]
            if after is None:
                return found


@asynccontextmanager
async def site(settings: Settings, db: Database, hands: Hands | None = None, **aggregator: Any) -> AsyncIterator[Site]:
    """Serve the aggregator on a database, without its loops."""
    found = settings_of(settings, **aggregator)
    registry = Registry()
    hands = hands or Hands()
    clock = hands.clock()
    worker = Worker("aggregator", found, registry, Health(registry, clock), clock, db)
    loaded = wiring.loaded_of(found)
    gauges = wiring.gauges_of(loaded, found.aggregator)
    async with wiring.client() as session:
        rooms = wiring.Rooms.build(worker, session, loaded, gauges)
        application = wiring.application_of(worker, rooms, wiring.protocol_operations(loaded))
        async with TestClient(TestServer(application)) as client:
            yield Site(client, rooms, registry, worker, hands)


def flat(pages: Sequence[Sequence[dict[str, Any]]]) -> list[dict[str, Any]]:
    """All rows of all pages."""
    return [row for page in pages for row in page]
