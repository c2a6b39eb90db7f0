"""What happens, as it happens."""

import asyncio
import itertools
import json
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from aiohttp import ClientResponse

from aggregator.alert_store import store
from aggregator.alerts import parse
from aggregator.stream import hub
from aggregator.stream.backlog import KEPT_MESSAGES
from aggregator.stream.tail import TOLD_AT_ONCE, Tail
from shared.db import Database
from shared.errors import DatabaseTimeout
from shared.settings import Settings
from tests.integration.aggregator.test_webhook import alert, payload, send
from tests.integration.aggregator.world import ALICE, BOB, T0, Site, World, hash_of, site


class Listener:
    """A client of the stream."""

    def __init__(self, response: ClientResponse) -> None:
        self._response = response
        self.last_id = ""

    async def next(self) -> tuple[str, Any]:
        """The next message: its topic and its data."""
        topic = ""
        async with asyncio.timeout(30):
            while line := (await self._response.content.readline()).decode():
                name, _, value = line.rstrip("\n").partition(": ")
                if name == "id":
                    self.last_id = value
                elif name == "event":
                    topic = value
                elif name == "data":
                    return topic, msgspec.json.decode(value)
        raise AssertionError("the stream ended")


@asynccontextmanager
async def listening(served: Site, query: str = "", **headers: str) -> AsyncIterator[Listener]:
    async with served.client.get(f"/api/v1/stream{query}", headers=headers) as response:
        assert response.status == 200
        assert response.content_type == "text/event-stream"
        await response.content.readline()
        yield Listener(response)


@asynccontextmanager
async def stalled(served: Site, query: str) -> AsyncIterator[asyncio.StreamReader]:
    """A client that has asked, and reads nothing for now."""
    url = served.client.make_url("/")
    reader, writer = await asyncio.open_connection(url.host, url.port, limit=1024)
    writer.write(f"GET /api/v1/stream{query} HTTP/1.0\r\nHost: x\r\n\r\n".encode())
    await reader.readuntil(b"retry: ")
    try:
        yield reader
    finally:
        writer.close()


async def rest_of(stream: asyncio.StreamReader) -> tuple[list[int], str]:
    """The last words of all whole messages until the stream ends, and the last id."""
    async with asyncio.timeout(30):
        text = await stream.read()
    blocks = [block for block in text.split(b"\n\n")[:-1] if b"\ndata: " in block]
    last_id = blocks[-1].partition(b"id: ")[2].partition(b"\n")[0].decode()
    return [msgspec.json.decode(block.partition(b"\ndata: ")[2])[1] for block in blocks], last_id


def failing_after(calls: int, real: Callable[..., Any]) -> Callable[..., Any]:
    """The same coroutine function, whose later calls fail."""
    numbers = itertools.count()

    async def call(*args: Any) -> Any:
        if next(numbers) < calls:
            return await real(*args)
        raise DatabaseTimeout("slow")

    return call


async def nobody_listens(served: Site) -> None:
    """Wait until it was noticed that all clients went."""
    async with asyncio.timeout(30):
        while served.registry.value("usdx_api_stream_clients"):
            await asyncio.sleep(0.01)


async def look(served: Site) -> None:
    served.hands.at += 11
    await served.rooms.status.look()


async def test_news(world: World, served: Site) -> None:
    """Events, prices and alerts come as soon as they are stored, in the form the API gives them."""
    await world.price("3000.5", T0)
    await look(served)
    async with listening(served) as listener:
        await world.deposit(1, ALICE)
        await world.price("3001", T0.replace(second=5))
        await send(served, alert())
        await look(served)
        found = [await listener.next() for _ in range(4)]
    assert [topic for topic, _ in found] == ["event", "event", "price", "alert"]
    tables = {data["table"]: data["event"] for topic, data in found if topic == "event"}
    assert tables["wexel_created"]["args"]["owner"] == "0x" + ALICE.hex()
    assert (found[2][1]["price"], found[3][1]["alertname"]) == ("3001", "Trouble")


async def test_reorg(world: World, served: Site) -> None:
    """When blocks are replaced, that is said first, then come the events of the new ones."""
    await world.deposit(1)
    await world.deposit(2)
    await look(served)
    await world.deposit(3, ALICE)
    await look(served)
    async with listening(served) as listener:
        await world.roll_back(2)
        await world.deposit(3, BOB, fork=1)
        await world.deposit(4, BOB, fork=1)
        await look(served)
        topic, reorg = await listener.next()
        assert (topic, reorg["ancestor"], reorg["from_block"]) == ("reorg", 2, 3)
        owners = set()
        hashes = set()
        for _ in range(4):
            topic, data = await listener.next()
            if topic == "event" and data["table"] == "wexel_created":
                owners.add(data["event"]["args"]["owner"])
                hashes.add(data["event"]["block_hash"])
    assert owners == {"0x" + BOB.hex()}
    assert hashes == {"0x" + hash_of(3, 1).hex(), "0x" + hash_of(4, 1).hex()}
    status = await served.get("/api/v1/status")
    assert {one["kind"] for one in status["incidents"]} == {"reorg"}


async def test_a_reorg_below_everything_that_was_seen(world: World, served: Site) -> None:
    """Blocks that came, went and came otherwise between two looks are told as they stand, from the fork on, also when
    the fork lies below the first block that was looked at."""
    for number in range(1, 6):
        await world.deposit(number)
    await look(served)
    async with listening(served) as listener:
        await world.roll_back(1)
        for number in range(2, 8):
            await world.deposit(number, BOB, fork=1)
        await look(served)
        topic, reorg = await listener.next()
        assert (topic, reorg["ancestor"], reorg["from_block"]) == ("reorg", 1, 5)
        found = [await listener.next() for _ in range(12)]
    assert {topic for topic, _ in found} == {"event"}
    assert {data["event"]["block_number"] for _, data in found} == set(range(2, 8))
    assert {data["event"]["block_hash"] for _, data in found} == {"0x" + hash_of(n, 1).hex() for n in range(2, 8)}


async def test_reorgs_outlive_the_process(settings: Settings, db: Database, world: World, served: Site) -> None:
    """A page that was started after a reorg still shows it, and does not tell it as news."""
    await world.deposit(1)
    await world.deposit(2)
    await world.roll_back(1)
    async with site(settings, db) as later:
        async with listening(later) as listener:
            await look(later)
            await world.deposit(2, BOB, fork=1)
            await look(later)
            assert (await listener.next())[0] == "event"
        (incident,) = (await later.get("/api/v1/status"))["incidents"]
    assert (incident["kind"], incident["about"], incident["text"]) == ("reorg", "demo", "Block 2 was replaced")


async def test_who_comes_back_misses_nothing(world: World, served: Site) -> None:
    """A client that gives the last id it saw is sent what came since; states are always sent anew."""
    await look(served)
    async with listening(served) as listener:
        await world.deposit(1)
        await look(served)
        await listener.next()
        seen = listener.last_id
    await world.deposit(2)
    await look(served)
    async with listening(served, "?topics=status,event", **{"Last-Event-ID": seen}) as listener:
        found = [await listener.next() for _ in range(4)]
    assert [topic for topic, _ in found] == ["event", "event", "event", "status"]
    async with listening(served, "?topics=status,event", **{"Last-Event-ID": "other-1"}) as listener:
        found = [await listener.next() for _ in range(6)]
    assert [topic for topic, _ in found] == ["missed", *["event"] * 4, "status"]
    assert found[0][1] == {"topics": ["event"]}


async def test_what_nobody_heard_is_not_passed_over(world: World, served: Site, monkeypatch: Any) -> None:
    """A client that was away so long that events were no longer looked for is told that it missed some."""
    monkeypatch.setattr(hub, "BEAT_S", 0.01)
    await look(served)
    async with listening(served, "?topics=event,alert") as listener:
        await world.deposit(1)
        await look(served)
        await listener.next()
        seen = listener.last_id
    await nobody_listens(served)
    served.hands.at += hub.COMING_BACK_S + 1
    await world.deposit(2)
    await look(served)
    async with listening(served, "?topics=event,alert", **{"Last-Event-ID": seen}) as listener:
        assert await listener.next() == ("missed", {"topics": ["event"]})


async def test_what_could_not_be_read_is_told_later(world: World, served: Site, monkeypatch: Any) -> None:
    """When the database fails in the middle of a look, the next one begins where the last good one ended: no event is
    left out or told twice, those of replaced blocks and the reorg itself included."""
    await world.deposit(1)
    await look(served)
    async with listening(served, "?topics=event,reorg") as listener:
        await world.roll_back(0)
        await world.deposit(1, BOB, fork=1)
        await world.deposit(2, BOB, fork=1)
        with monkeypatch.context() as broken:
            broken.setattr(Tail, "_events", failing_after(1, Tail._events))
            with pytest.raises(DatabaseTimeout):
                await look(served)
        await world.deposit(3, BOB, fork=1)
        await look(served)
        found = [await listener.next() for _ in range(7)]
    assert [topic for topic, _ in found] == ["reorg", *["event"] * 6]
    told = sorted((data["event"]["block_number"], data["table"]) for _, data in found[1:])
    assert told == [(n, table) for n in (1, 2, 3) for table in ("transfer", "wexel_created")]


async def test_a_contract_that_is_added(world: World, served: Site) -> None:
    """What a stream that was not there before has indexed until it is first seen, is told, too."""
    async with world.db.transaction() as cx:
        kept = await cx.fetchrow("delete from usdx.cursors where stream = 'wexel/vault' returning *")
    await look(served)
    async with listening(served, "?topics=event") as listener:
        await world.deposit(1)
        async with world.db.transaction() as cx:
            places = ", ".join(f"${n}" for n in range(1, len(kept) + 1))
            await cx.execute(f"insert into usdx.cursors values ({places})", *kept.values())
            await cx.execute("update usdx.cursors set block_number = 1")
        await look(served)
        assert {(await listener.next())[1]["table"] for _ in range(2)} == {"transfer", "wexel_created"}


async def test_the_first_price_of_a_feed(world: World, served: Site) -> None:
    """A feed that was not there before is told with its first price."""
    await world.price("3000.5", T0)
    await look(served)
    async with listening(served, "?topics=price") as listener:
        await world.price("60000", T0, feed="BTC/USD")
        await look(served)
        assert (await listener.next())[1]["feed"] == "BTC/USD"


async def test_an_alert_that_is_committed_late(served: Site, db: Database) -> None:
    """An alert that was received before another and committed after it is told all the same, and each once."""
    first, second = (parse(json.dumps(payload(alert(name=f"f{n}"))).encode()) for n in range(2))
    at = datetime.fromtimestamp(served.hands.at, UTC)
    await look(served)
    async with listening(served, "?topics=alert") as listener:
        await store(db, second, at)
        await look(served)
        await store(db, first, at - timedelta(minutes=1))
        await look(served)
        await store(db, parse(json.dumps(payload(alert(name="f2"))).encode()), at)
        await look(served)
        assert [(await listener.next())[1]["fingerprint"] for _ in range(3)] == ["f1-", "f0-", "f2-"]


async def test_many_alerts_at_once(served: Site, db: Database) -> None:
    """More alerts of one moment than are told one by one are said to be missed; later ones come again."""
    at = datetime.fromtimestamp(served.hands.at, UTC)
    await look(served)
    async with listening(served, "?topics=alert") as listener:
        many = payload(*(alert(name=f"f{n}") for n in range(TOLD_AT_ONCE + 1)))
        await store(db, parse(json.dumps(many).encode()), at)
        await look(served)
        await store(db, parse(json.dumps(payload(alert(name="last"))).encode()), at)
        await look(served)
        assert await listener.next() == ("missed", {"topics": ["alert"]})
        assert (await listener.next())[1]["fingerprint"] == "last-"


async def test_many_events_are_a_gap(world: World, served: Site, monkeypatch: Any) -> None:
    """More events than a listener can use are said as a range of blocks to read."""
    monkeypatch.setattr("aggregator.stream.tail.EVENTS_AT_ONCE", 1)
    await look(served)
    async with listening(served, "?topics=gap") as listener:
        await world.deposit(1)
        await world.deposit(2)
        await look(served)
        topic, gap = await listener.next()
    assert (topic, gap["first_block"], gap["last_block"], gap["contract"]) == ("gap", 0, 2, "vault") or gap[
        "first_block"
    ] == 1


async def test_who_does_not_keep_up_is_cut_off(served: Site) -> None:
    """A client that reads too slowly is cut off and counted; the others do not notice, and what it was not sent it gets
    when it comes back, nothing twice."""
    padding, numbers = b"x" * 32_768, range(900)
    async with listening(served, "?topics=price") as other, stalled(served, "?topics=event") as slow:
        for number in numbers:
            served.rooms.hub.publish("event", b'["%s",%d]' % (padding, number))
            await asyncio.sleep(0)
        served.rooms.hub.publish("price", b"{}")
        assert (await other.next())[0] == "price"
        assert served.registry.value("usdx_api_stream_dropped_total") == 1
        found, seen = await rest_of(slow)
    assert 0 < len(found) < len(numbers)
    async with listening(served, "?topics=event", **{"Last-Event-ID": seen}) as again:
        found += [(await again.next())[1][1] for _ in numbers[len(found) :]]
    assert found == list(numbers)


async def test_who_missed_too_much_is_told_so(served: Site, monkeypatch: Any) -> None:
    """A client that comes back is sent all that is kept in one go, however much that is; when more was said, it is told
    first that it missed some. Nobody is cut off for it."""
    monkeypatch.setattr(hub, "BEAT_S", 0.01)
    served.rooms.hub.publish("event", b"0")
    async with listening(served, "?topics=event") as listener:
        served.rooms.hub.publish("event", b"1")
        assert await listener.next() == ("event", 1)
        seen = listener.last_id
    await nobody_listens(served)
    for number in range(2, KEPT_MESSAGES + 2):
        served.rooms.hub.publish("event", b"%d" % number)
    async with listening(served, "?topics=event", **{"Last-Event-ID": seen}) as again:
        found = [await again.next() for _ in range(KEPT_MESSAGES)]
        assert found == [("event", number) for number in range(2, KEPT_MESSAGES + 2)]
    served.rooms.hub.publish("event", b"{}")
    async with listening(served, "?topics=event", **{"Last-Event-ID": seen}) as again:
        assert await again.next() == ("missed", {"topics": ["event"]})
        assert await again.next() == ("event", 3)
    assert served.registry.value("usdx_api_stream_dropped_total") == 0


async def test_many_clients(served: Site, monkeypatch: Any) -> None:
    """Every client gets every message in order; one address may hold half of the places, and one more is a problem."""
    monkeypatch.setattr(hub, "CLIENTS_OF_ONE_ORIGIN", 50)
    async with AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(listening(served, "?topics=event")) for _ in range(50)]
        problem = await served.get("/api/v1/stream", 429)
        assert problem["type"].endswith("#problem-too-many-requests")
        for number in range(100):
            served.rooms.hub.publish("event", b"%d" % number)
        for client in clients:
            assert [await client.next() for _ in range(100)] == [("event", number) for number in range(100)]


async def test_listening_is_no_slow_request(served: Site) -> None:
    """How long a client listened does not count as latency, though its request is counted."""
    route = {"method": "GET", "route": "/api/v1/stream"}
    async with listening(served, "?topics=price"):
        pass
    served.rooms.hub.close()
    async with asyncio.timeout(20):
        while not served.registry.value("usdx_http_requests_total", **route, status="200"):
            await asyncio.sleep(0.05)
    assert served.registry.value("usdx_http_request_duration_seconds_count", **route) == 0


async def test_wrong_topics(served: Site) -> None:
    """A topic that does not exist is a problem, and so is to ask for the head of what has no end."""
    assert (await served.get("/api/v1/stream?topics=weather", 400))["parameter"] == "topics"
    async with served.client.head("/api/v1/stream") as response:
        assert response.status == 405


async def test_listening_counts_as_asking(settings: Settings, db: Database) -> None:
    """Who opens streams too often is told when to come back."""
    async with site(settings, db, rate=1) as strict:
        for _ in range(2):
            await strict.get("/api/v1/stream?topics=weather", 400)
        async with strict.client.get("/api/v1/stream") as response:
            assert (response.status, response.headers["Retry-After"]) == (429, "1")


async def test_a_table_that_changed_ends_nothing(world: World, served: Site, db: Database) -> None:
    """When a table of events has got other columns since we looked, as after a reindex with another ABI, its events are
    told with the new ones a moment later."""
    async with listening(served, "?topics=event") as listener:
        await look(served)
        async with db.transaction() as cx:
            await cx.execute("alter table wexel.vault_pool_created drop column lock_months cascade")
        await world.add(("vault_pool_created", {"pool_id": Decimal(1), "apy_bp": Decimal(1800)}))
        await served.rooms.status.look()
        await served.rooms.status.look()
        _, event = await listener.next()
        assert event["event"]["args"] == {"pool_id": "1", "apy_bp": "1800"}


async def test_status_page_and_its_fence(settings: Settings, served: Site) -> None:
    """The page loads nothing from elsewhere, and the browser is told not to."""
    for path in ("/", "/assets/status.js", "/assets/status.css", "/assets/uplot/uPlot.iife.min.js", "/api/v1/docs"):
        async with served.client.get(path) as response:
            assert response.status == 200
            text = await response.text()
            policy = response.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        if path in ("/", "/api/v1/docs"):
            assert "://" not in text.replace("http://www.w3.org", "")
            assert "<script>" not in text
            assert " style=" not in text
    async with served.client.get("/") as response:
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        tag = response.headers["ETag"]
    async with served.client.get("/", headers={"If-None-Match": f'"x", W/{tag}'}) as response:
        assert response.status == 304
    async with served.client.get("/", headers={"Accept-Encoding": "gzip;q=0", "If-None-Match": tag}) as response:
        assert (response.status, "Content-Encoding" in response.headers) == (200, False)
        assert response.headers["ETag"] != tag
