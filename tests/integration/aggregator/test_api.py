"""The REST API on real rows."""

import asyncio
from datetime import timedelta

import pytest

from shared.db import Database
from shared.settings import Settings
from tests.integration.aggregator.world import ALICE, BOB, CHAIN, T0, Site, World, flat, hash_of, site

WEXELS = "/api/v1/wexels"


async def three(world: World) -> None:
    await world.pool(1)
    await world.pool(2)
    await world.deposit(1, ALICE, pool=1, usd="100")
    await world.deposit(2, BOB, pool=2, usd="250.5")
    await world.deposit(3, ALICE, pool=2, usd="7.000001")


async def test_amounts_are_decimal_strings(world: World, served: Site) -> None:
    """An amount is a string with every digit that the chain knows."""
    await three(world)
    found = {row["wexel_id"]: row for row in (await served.get(WEXELS))["data"]}
    assert found["3"]["principal_usd"] == "7.000001"
    assert found["2"]["principal_usd"] == "250.500000"
    assert found["3"]["owner"] == "0x" + ALICE.hex()


async def test_true_at_a_block(world: World, served: Site) -> None:
    """Every answer says after which block it is true."""
    await three(world)
    blocks = (await served.get(WEXELS))["as_of"]["blocks"]
    assert {one["block_number"] for one in blocks} == {5}
    assert {one["block_hash"] for one in blocks} == {"0x" + hash_of(5).hex()}
    assert {one["stream"] for one in blocks} == {"wexel/vault", "wexel/marketplace"}


async def test_pages_tile(world: World, served: Site) -> None:
    """Pages of any size give every row once, in the order asked for."""
    await three(world)
    for sort in ("id", "-id", "principal", "-principal", "created", "-matures", "-apy"):
        for limit in ("1", "2", "3", "50"):
            rows = flat(await served.pages(WEXELS, sort=sort, limit=limit))
            assert sorted(row["wexel_id"] for row in rows) == ["1", "2", "3"]
            if sort.endswith("principal"):
                amounts = [float(row["principal_usd"]) for row in rows]
                assert amounts == sorted(amounts, reverse=sort.startswith("-"))


async def test_pages_stand_still(world: World, served: Site) -> None:
    """Rows that are added meanwhile neither repeat nor hide rows of later pages."""
    await three(world)
    first = await served.get(f"{WEXELS}?limit=2&sort=-id")
    await world.deposit(4, BOB)
    second = await served.get(f"{WEXELS}?limit=2&sort=-id&after={first['next']}")
    assert [row["wexel_id"] for row in first["data"] + second["data"]] == ["3", "2", "1"]


FILTERS = [
    (f"owner=0x{ALICE.hex()}", ["1", "3"]),
    (f"owner=0x{ALICE.hex().upper()}", ["1", "3"]),
    ("pool_id=2", ["2", "3"]),
    (f"pool_id=2&owner=0x{BOB.hex()}", ["2"]),
    ("state=redeemed", []),
    ("collateralized=false&state=active", ["1", "2", "3"]),
    (f"chain={CHAIN}", ["1", "2", "3"]),
    ("chain=other", []),
    ("created_at_from=2026-01-01T00:00:04Z", ["2", "3"]),
    ("created_at_before=2026-01-01T00:00:04Z", ["1"]),
    ("created_at_from=2026-01-01T01:00:04%2B01:00&created_at_before=2026-01-01T00:00:05Z", ["2"]),
]


async def test_filters(world: World, served: Site) -> None:
    """A filter leaves exactly the rows that fit it."""
    await three(world)
    for query, expected in FILTERS:
        assert [row["wexel_id"] for row in (await served.get(f"{WEXELS}?sort=id&{query}"))["data"]] == expected


BAD_REQUESTS = [
    ("limit=0", "limit"),
    ("limit=501", "limit"),
    ("limit=x", "limit"),
    ("sort=owner", "sort"),
    ("owner=0x12", "owner"),
    ("pool_id=-1", "pool_id"),
    ("nonsense=1", "nonsense"),
    ("limit=1&limit=2", "limit"),
    ("after=garbage", "after"),
    ("after=WyItaWQiLCIxIl0", "after"),
    ("state=gone", "state"),
    ("created_at_from=yesterday", "created_at_from"),
    ("created_at_from=2026-01-01T00:00:00", "created_at_from"),
    ("chain=%00", "chain"),
    ("created_at_from=0001-01-01T00:00:00%2B14:00", "created_at_from"),
    ("created_at_to=9999-12-31T23:59:59-14:00", "created_at_to"),
]


async def test_bad_requests_name_the_parameter(world: World, served: Site) -> None:
    """A request that cannot be understood is told which parameter is wrong, as RFC 9457 has it."""
    for query, parameter in BAD_REQUESTS:
        async with served.client.get(f"{WEXELS}?{query}") as response:
            body = await response.json(content_type="application/problem+json")
        assert (response.status, body["status"], body["parameter"]) == (400, 400, parameter)
        assert body["type"].endswith("#problem-bad-request")


@pytest.mark.parametrize("path", ["stream", "docs", "openapi.json"])
async def test_no_parameter_is_overlooked(served: Site, path: str) -> None:
    """What is no operation of ours refuses parameters that it does not know, too."""
    async with served.client.get(f"/api/v1/{path}?topic=price") as response:
        body = await response.json(content_type="application/problem+json")
    assert (response.status, body["parameter"]) == (400, "topic")


async def test_topics_are_given_once(served: Site) -> None:
    """Of two lists of topics none is overlooked."""
    async with served.client.get("/api/v1/stream?topics=status&topics=nope") as response:
        assert response.status == 400


@pytest.mark.parametrize("path", ["docs", "openapi.json"])
async def test_odd_expectations_are_overlooked(served: Site, path: str) -> None:
    """Whatever a client expects beside the answer, it gets the answer."""
    async with served.client.get(f"/api/v1/{path}", headers={"Expect": "foo"}) as response:
        assert response.status == 200


async def test_next_of_another_sort_is_refused(world: World, served: Site) -> None:
    """A page token is good for the sort it was made for only."""
    await three(world)
    first = await served.get(f"{WEXELS}?limit=1&sort=id")
    assert (await served.get(f"{WEXELS}?limit=1&sort=-id&after={first['next']}", 400))["parameter"] == "after"


async def test_one_thing(world: World, served: Site) -> None:
    """A thing is found by its key; an unknown one is a 404 problem."""
    await three(world)
    assert (await served.get(f"{WEXELS}/2"))["data"]["principal_usd"] == "250.500000"
    assert (await served.get(f"{WEXELS}/99", 404))["title"]
    assert (await served.get(f"/api/v1/users/0x{ALICE.hex()}"))["data"]["deposits"] == 2
    assert (await served.get("/api/v1/pools/2"))["data"]["value_locked_usd"] == "257.500001"


async def test_lists(world: World, served: Site) -> None:
    """Every list answers, with or without rows."""
    paths = ("users", "pools", "deposits", "loans", "market/listings", "market/trades", "chains")
    for path in paths:
        assert (await served.get(f"/api/v1/{path}"))["as_of"]["blocks"] == []
    await three(world)
    served.hands.at += 1
    for path in paths:
        assert (await served.get(f"/api/v1/{path}"))["as_of"]["blocks"]


async def test_etag(world: World, served: Site) -> None:
    """The tag changes with the data, not with blocks that change nothing; a client that has the data gets 304."""
    await three(world)
    async with served.client.get(WEXELS) as first:
        tag = first.headers["ETag"]
    await world.add()
    served.hands.at += 1
    async with served.client.get(WEXELS, headers={"If-None-Match": tag}) as again:
        assert again.status == 304
        assert await again.read() == b""
    await world.deposit(4)
    served.hands.at += 1
    async with served.client.get(WEXELS, headers={"If-None-Match": f'"x", {tag}'}) as changed:
        assert changed.status == 200


async def test_unknown_paths_and_methods(served: Site) -> None:
    """What does not exist is a problem, too."""
    assert (await served.get("/api/v1/nothing", 404))["type"].endswith("#problem-not-found")
    async with served.client.head(WEXELS) as response:
        assert (response.status, "ETag" in response.headers, await response.read()) == (200, True, b"")
    async with served.client.post(WEXELS) as response:
        assert (response.status, response.headers["Allow"]) == (405, "GET,HEAD")
        assert response.content_type == "application/problem+json"


async def test_events(world: World, served: Site) -> None:
    """Events of any contract come as they were decoded: numbers as strings, bytes as hex."""
    await three(world)
    path = "/api/v1/events/vault"
    (newest,) = (await served.get(f"{path}/WexelCreated?limit=1"))["data"]
    assert newest["args"] == {
        "id": "3",
        "owner": "0x" + ALICE.hex(),
        "pool_id": "2",
        "principal_usd": "7000001",
        "apy_bp": "1800",
        "matures_at": "1800000003",
    }
    rows = flat(await served.pages(f"{path}/wexel_created", limit="1", sort="block"))
    assert [row["args"]["id"] for row in rows] == ["1", "2", "3"]
    filtered = await served.get(f"{path}/WexelCreated?where=pool_id:2,owner:0x{BOB.hex()}")
    assert [row["args"]["id"] for row in filtered["data"]] == ["2"]
    limited = await served.get(f"{path}/WexelCreated?from_block=4&to_block=4")
    assert [row["block_number"] for row in limited["data"]] == [4]


BAD_EVENTS = [
    ("vault/Nothing", 404),
    ("nobody/WexelCreated", 404),
    ("vault/WexelCreated?where=x:1", 400),
    ("vault/WexelCreated?where=id:abc", 400),
    ("vault/WexelCreated?where=owner:0xzz", 400),
    ("vault/WexelCreated?where=id", 400),
    ("vault/WexelCreated?from_block=-1", 400),
    ("vault/WexelCreated?protocol=other", 404),
]


async def test_overloads_are_told_apart(world: World, served: Site, db: Database) -> None:
    """Two events of one name are ambiguous by it, and the answer names each."""
    async with db.transaction() as cx:
        for table, event in (("vault_moved_address", "Moved(address a)"), ("vault_moved_uint256", "Moved(uint256 a)")):
            await cx.execute(f"create table wexel.{table} (like wexel.vault_transfer including all)")
            await cx.execute(f"comment on table wexel.{table} is '{event}'")
    problem = await served.get("/api/v1/events/vault/Moved", 409)
    assert (problem["parameter"], "moved_address and moved_uint256" in problem["detail"]) == ("event", True)
    for event in ("moved_address", "moved_uint256"):
        assert (await served.get(f"/api/v1/events/vault/{event}"))["data"] == []


async def test_event_refusals(world: World, served: Site) -> None:
    """What cannot be asked of events is refused, never an error of ours."""
    for path, status in BAD_EVENTS:
        await served.get(f"/api/v1/events/{path}", status)


async def test_prices(world: World, served: Site) -> None:
    """The newest price of a feed, its history, and how it came about."""
    for second, price in enumerate(["3000.5", None, "3001.25"]):
        await world.price(price, T0 + timedelta(seconds=second), reason=None if price else "spread")
    (found,) = (await served.get("/api/v1/prices"))["data"]
    assert (found["feed"], found["price"], found["spread_bps"]) == ("ETH/USD", "3001.25", "5.5")
    assert (await served.get("/api/v1/prices/eth-usd"))["data"] == found
    history = flat(await served.pages("/api/v1/prices/ETH-USD/history", limit="2"))
    assert [row["price"] for row in history] == ["3001.25", None, "3000.5"]
    refused = await served.get("/api/v1/prices/ETH-USD/history?result=refused")
    assert [row["reason"] for row in refused["data"]] == ["spread"]
    moment = (T0 + timedelta(seconds=1)).isoformat().replace("+00:00", "Z")
    explained = (await served.get(f"/api/v1/prices/ETH-USD/explain?at={moment}"))["data"]
    assert (explained["result"], explained["price"]) == ("refused", None)
    await served.get("/api/v1/prices/BTC-USD", 404)
    await served.get("/api/v1/prices/ETH-USD/explain?at=2020-01-01T00:00:00Z", 404)


async def test_a_slow_question_is_cut_off(settings: Settings, db: Database, world: World) -> None:
    """A question that takes too long is ended by the server and answered as a problem."""
    async with db.connection() as cx:
        await cx.execute("create or replace view wexel.users as select 'demo' as chain, 1::bigint as chain_id,"
                         " ''::bytea as address, now() as first_seen_at, now() as last_received_at,"
                         " count(pg_sleep(60)) as wexels_received, 0::bigint as deposits")  # fmt: skip
    async with site(settings, db) as served:
        assert (await served.get("/api/v1/users", 503))["type"].endswith("#problem-too-expensive")


async def test_too_many_requests(settings: Settings, db: Database, world: World) -> None:
    """Who asks too often is told when to come back."""
    async with site(settings, db, rate=1) as served:
        for _ in range(2):
            await served.get("/api/v1/chains")
        async with served.client.get("/api/v1/chains") as response:
            assert (response.status, response.headers["Retry-After"]) == (429, "1")


async def test_random_paths_make_no_series(served: Site) -> None:
    """Ten thousand paths that do not exist make no series."""

    def series() -> int:
        return served.registry.exposition().count(b"\n")

    for path in ("/x", "/api/v1/x", "/api/v1/wexels/1"):
        async with served.client.get(path) as response:
            await response.read()
    before = series()
    prefixes = (
        "",
        "api/",
        "api/v1/",
        "api/v1/wexels/",
        "assets/",
        "metrics/",
        "api/v1/events/",
        "api/v1/prices/a-b/c/",
    )

    async def ask(number: int) -> None:
        path = f"/{prefixes[number % len(prefixes)]}{number}x{number * 7919}/{number}/?a={number}"
        async with served.client.get(path) as response:
            await response.read()

    for start in range(0, 10_000, 100):
        await asyncio.gather(*(ask(number) for number in range(start, start + 100)))
    assert series() == before
