"""What happens, as it happens."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec
from aiohttp import ClientResponse

from aggregator.stream import hub
from shared.db import Database
from shared.settings import Settings
from tests.integration.aggregator.test_webhook import alert, send
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
        assert (await listener.next())[0] == "status"


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
    """A client whose queue is full is dropped and counted; the others do not notice."""
    stuck = hub.Listener(frozenset({"event"}))
    served.rooms.hub._listeners.add(stuck)
    async with listening(served, "?topics=price") as listener:
        for _ in range(hub.QUEUE_MESSAGES + 1):
            served.rooms.hub.publish("event", b"{}")
        served.rooms.hub.publish("price", b"{}")
        assert (await listener.next())[0] == "price"
    assert served.registry.value("usdx_api_stream_dropped_total") == 1


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
    """A topic that does not exist is a problem."""
    assert (await served.get("/api/v1/stream?topics=weather", 400))["parameter"] == "topics"


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
    async with served.client.get("/", headers={"If-None-Match": tag}) as response:
        assert response.status == 304
