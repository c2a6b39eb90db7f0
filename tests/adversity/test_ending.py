"""Asked to end in the middle of its work, a worker lets go of all of it within the ten seconds that are promised."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import asyncpg
import pytest

from aggregator.metrics import WEBHOOK_PATH
from shared.rpc_answer import Reply
from tests.adversity.cluster import value
from tests.adversity.crash import free_port
from tests.adversity.nursery import Forked
from tests.adversity.scene import PATIENCE_S, scene
from tests.adversity.shop import transfer
from tests.fakes.venues import Venues, serve
from tests.integration.aggregator.test_webhook import alert, payload

ENOUGH = 12
PAST, EACH = 300, 20
BACKFILLING = 'usdx_indexer_backfill_active{chain="fake"}'
VENUES = ("coinbase", "kraken", "bitstamp")


async def test_the_indexer_while_it_reads_the_past(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A locked table keeps a large write waiting, or the node answers nothing: it ends with 0 in the middle of the
    backfill, and the next one goes on with nothing lost or doubled."""
    async with scene(tmp_path, database_url, blocks=10) as one:
        await one.start()
        await one.settle()
        assert await one.end() == 0
        for block in range(PAST):
            one.life.chain.mine(*(transfer(block * EACH + number) for number in range(EACH)))
        one.life._note(PAST)

        async with locked(database_url, "shop.token_transfer") as cx:
            await one.start()
            async with asyncio.timeout(PATIENCE_S):
                while await waiting(cx) == 0:
                    await asyncio.sleep(0.02)
            assert (await one.scrape())[BACKFILLING] == 1
            assert await one.end() == 0, one.said()[-3000:]
            assert await cx.fetchval("select min(block_number) from usdx.cursors") < PAST / 2

        answer, asked = one.node.post, asyncio.Event()

        async def hang(body: bytes) -> Reply:
            if b'"topics"' in body:  # for events, not to find out what it can do
                asked.set()
                await asyncio.sleep(3600)
            return await answer(body)

        with monkeypatch.context() as patch:
            patch.setattr(one.node, "post", hang)
            await one.start()
            await asyncio.wait_for(asked.wait(), PATIENCE_S)
            assert (await one.scrape())[BACKFILLING] == 1
            assert await one.end() == 0, one.said()[-3000:]

        await one.start()
        await one.settle()
        assert await one.end() == 0
        assert "Traceback" not in one.said()


async def test_the_oracle_while_its_venues_hang(database_url: str, tmp_path: Path) -> None:
    """No venue answers, by HTTP or by socket, and the database keeps the oracle's writes waiting: it ends with 0."""
    venues = Venues(faults=dict.fromkeys(VENUES, "hang"))
    async with serve(venues):
        urls = "".join(
            f'[venues.{name}]\nbase_url = "{venues.base_url(name)}"\nstream_url = "{venues.stream_url(name)}"\n'
            for name in VENUES
        )
        feed = f'[feeds."ETH/USD"]\nsources = {list(VENUES)}\nmin_sources = 1\n'
        async with scene(tmp_path, database_url, more=f"[oracle]\nport = 0\n{feed}{urls}") as one:
            log = tmp_path / "oracle.log"
            process = await one.nursery.fork(one.config, log, "oracle")
            async with asyncio.timeout(PATIENCE_S):
                while sum(venues.asked.values()) + sum(venues.connections.values()) < 2:
                    await asyncio.sleep(0.02)
            async with locked(database_url, "usdx.observations") as cx:
                async with asyncio.timeout(PATIENCE_S):
                    while await waiting(cx) == 0:
                        await asyncio.sleep(0.02)
                await ended(process, log)


async def test_the_aggregator_while_it_answers(database_url: str, tmp_path: Path) -> None:
    """Streams are open, questions and a webhook wait for a locked table, others come all the time: it ends with 0, and
    Alertmanager was not told that anything is stored."""
    port = free_port()
    more = f"[aggregator]\nport = {port}\nrate = 100000\n"
    async with scene(tmp_path, database_url, more=more) as one, aiohttp.ClientSession() as session:
        log, base = tmp_path / "aggregator.log", f"http://127.0.0.1:{port}"
        process = await one.nursery.fork(one.config, log, "aggregator")
        await answering(session, f"{base}/healthz")
        heard = asyncio.Semaphore(0)

        async def listen() -> bool:
            async with session.get(f"{base}/api/v1/stream") as stream:
                heard.release()
                async for _ in stream.content:
                    pass
            return True

        async def ask(path: str) -> None:
            number = 0
            while True:
                number += 1
                async with session.get(f"{base}/api/v1/{path}".format(number)) as answer:
                    await answer.read()

        async def tell() -> int:
            async with session.post(base + WEBHOOK_PATH, json=payload(alert())) as answer:
                return answer.status

        listening = [asyncio.create_task(listen()) for _ in range(ENOUGH)]
        async with locked(database_url, "usdx.alert_notifications") as cx:
            paths = ("alerts?service=s{}", "prices", "chains") * ENOUGH
            asking = [asyncio.create_task(ask(path)) for path in paths]
            telling = asyncio.create_task(tell())
            async with asyncio.timeout(PATIENCE_S):
                for _ in listening:
                    await heard.acquire()
                while await waiting(cx) < 2:
                    await asyncio.sleep(0.02)
            await ended(process, log)
            assert all(
                isinstance(end, aiohttp.ClientError) for end in await asyncio.gather(*asking, return_exceptions=True)
            )
            assert await asyncio.gather(*listening) == [True] * ENOUGH, "streams end, they are not cut"
            (told,) = await asyncio.gather(telling, return_exceptions=True)
            assert told != 200
        assert await value(database_url, "select count(*) from usdx.alert_notifications") == 0


@asynccontextmanager
async def locked(url: str, table: str) -> AsyncIterator[asyncpg.Connection]:
    """Nobody else reads or writes the table meanwhile."""
    cx = await asyncpg.connect(url)
    try:
        async with cx.transaction():
            await cx.execute(f"lock table {table} in access exclusive mode")
            yield cx
    finally:
        await cx.close()


async def waiting(cx: asyncpg.Connection) -> int:
    """How many sessions wait for a lock."""
    return int(await cx.fetchval("select count(distinct pid) from pg_locks where not granted"))


async def answering(session: aiohttp.ClientSession, url: str) -> None:
    """Wait until somebody serves there."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            try:
                async with session.get(url):
                    return
            except aiohttp.ClientError:
                await asyncio.sleep(0.05)


async def ended(process: Forked, log: Path) -> None:
    """Ask it to end, and see it do so in time, with 0 and without a word of complaint."""
    process.send_signal(signal.SIGTERM)
    assert await asyncio.wait_for(process.wait(), 10) == 0, log.read_text()[-3000:]
    assert "Traceback" not in log.read_text()
