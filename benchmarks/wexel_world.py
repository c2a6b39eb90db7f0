"""Fill a database with the events of a busy Wexel, and with the indexes that the indexer would build."""

from __future__ import annotations

from indexer.assembly import Deployment, indexes_of, streams_of
from indexer.indexes import build
from shared.db import Database
from shared.protocol import load
from shared.settings import Settings
from tests.integration.aggregator.world import WEXEL, World, settings_of

OWNERS = 100_000
TIMEOUT_S = 3600


async def fill(db: Database, rows: int) -> int:
    """About so many event rows: deposits with their transfers, for every tenth a loan, for every fifth a redemption.
    Returns how many wexels there are, their ids being 1 and up."""
    await db.migrate()
    await World(db).begin()
    deposits = rows * 10 // 23
    word = "decode(lpad(to_hex(n), 64, '0'), 'hex')"
    meta = f"31337, n / 10, n % 10, now(), {word}, {word}, decode(repeat('aa', 20), 'hex')"
    owner = f"decode(lpad(to_hex(n % {OWNERS} + 1), 40, '0'), 'hex')"
    every = f"from generate_series(1, {deposits}) n"
    statements = (
        """insert into wexel.vault_pool_created
        select 31337, 0, n, now(), decode(repeat('00', 32), 'hex'), decode(repeat('00', 32), 'hex'),
        decode(repeat('aa', 20), 'hex'), n, 1800, 12 from generate_series(1, 6) n""",
        f"""insert into wexel.vault_wexel_created
        select {meta}, n, {owner}, n % 6 + 1, 1000000 + n, 1800, 1800000000 {every}""",
        f"insert into wexel.vault_transfer select {meta}, decode(repeat('00', 20), 'hex'), {owner}, n {every}",
        f"insert into wexel.vault_collateralized select {meta}, n, 500000 {every} where n % 10 = 0",
        f"insert into wexel.vault_redeemed select {meta}, n, 1000000 + n {every} where n % 5 = 1",
        f"update usdx.cursors set block_number = {deposits // 10}, block_time = now()",
    )
    async with db.connection() as cx:
        for sql in statements:
            await cx.execute(sql, timeout_s=TIMEOUT_S)
    await build_indexes(db)
    async with db.connection() as cx:
        await cx.execute("vacuum analyze", timeout_s=TIMEOUT_S)
    return deposits


async def build_indexes(db: Database) -> None:
    """As after a backfill."""
    deployment = Deployment("wexel", load(WEXEL), settings_of(Settings()).protocols["wexel"])

    async def birth(address: bytes) -> int:
        return 1

    await build(db, indexes_of(deployment, await streams_of(deployment, {}, birth)))
