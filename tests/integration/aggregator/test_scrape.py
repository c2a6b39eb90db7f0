"""All workers in one exposition, over real sockets."""

import asyncio
import json
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from unittest.mock import AsyncMock

import aiohttp
import pytest
import yaml
from aiohttp import web

from aggregator import merge, scrape
from aggregator.everything import combine
from aggregator.metrics import Meters
from aggregator.model import Sweep, Target
from aggregator.scrape import Scraper
from aggregator.status.samples import facts_of
from aggregator.targets import Targets, read_file
from aggregator.workers import Workers
from shared.clock import system_clock
from shared.errors import ConfigError
from shared.http import serve
from shared.metrics import Registry
from tests.fakes.clock import Hands

TEXT = '# HELP usdx_a Help.\n# TYPE usdx_a gauge\nusdx_a{chain="x"} 1\n'
OWN = Target("aggregator", "me:1", "")
SHIPPED = Path(__file__).parents[3] / "docker" / "prometheus"


@asynccontextmanager
async def worker(
    text: str = TEXT, delay_s: float = 0.0, status: int = 200, ready: asyncio.Event | None = None
) -> AsyncIterator[str]:
    async def metrics(request: web.Request) -> web.Response:
        await asyncio.sleep(delay_s)
        if ready is not None:
            await ready.wait()
        return web.Response(text=text, status=status)

    application = web.Application()
    application.router.add_get("/metrics", metrics)
    async with serve(application, "127.0.0.1", 0) as port:
        yield f"http://127.0.0.1:{port}"


@asynccontextmanager
async def scraper(timeout_s: float = 3.0) -> AsyncIterator[Scraper]:
    async with aiohttp.ClientSession() as session:
        yield Scraper(session, system_clock(), timeout_s)


def target(url: str, service: str = "indexer") -> Target:
    return Target(service, url.partition("://")[2], f"{url}/metrics")


async def sweep(asking: Scraper, at: str) -> Sweep:
    return Sweep(0.0, (await asking.fetch(target(at)),))


async def test_slow_worker_costs_only_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """While one worker does not answer, the others are asked and heard as ever, and what the slow one said before
    stands until its time is out; then it is missing, alone, and counted once."""
    monkeypatch.setattr("aggregator.workers.PATIENCE_S", 0.05)
    hands, registry, busy = Hands(), Registry(), asyncio.Event()
    busy.set()
    async with worker() as quick, worker(ready=busy) as slow, scraper(timeout_s=0.5) as asking:
        places, name = {"indexer": [quick], "oracle": [slow]}, target(slow, "oracle").name
        workers = Workers(Targets(places, Path()), asking, Meters(registry, {}), hands.clock())
        before = (await workers.soon()).fetched
        busy.clear()
        for _ in range(2):
            hands.at += 1
            after = (await workers.soon()).fetched
            assert [one.up for one in after] == [True, True]
            assert after[0] is not before[0]
            assert after[1] is before[1]
            before = after
        assert [one.failure for one in (await workers.now()).fetched] == [None, "timeout"]
        hands.at += 1
        assert [one.failure for one in (await workers.soon()).fetched] == [None, "timeout"]
        counted = registry.value("usdx_aggregator_fetch_errors_total", target=name, kind="timeout")
        assert (counted, registry.value("usdx_aggregator_target_up", target=name)) == (1, 0)
        busy.set()
        assert [one.up for one in (await workers.now()).fetched] == [True, True]


@pytest.mark.parametrize(
    ("text", "status", "failure"),
    [
        ("not metrics at all", 200, "malformed"),
        (TEXT, 500, "status"),
        ("usdx_a 1\n" * 2_000_000, 200, "too_large"),
        ("usdx_a 1\n" * 20_001, 200, "too_large"),
        (f'usdx_a{{l="{"é" * 101}"}} 1\n', 200, "too_large"),
        (f"{'a' * 201} 1\n", 200, "too_large"),
        ("usdx_a{" + ",".join(f'l{n}=""' for n in range(27)) + "} 1\n", 200, "too_large"),
    ],
)
async def test_kinds_of_failure(text: str, status: int, failure: str) -> None:
    """Each way to fail has its own word."""
    async with worker(text, status=status) as url, scraper(timeout_s=20) as asking:
        fetched = await asking.fetch(target(url))
    assert (fetched.failure, fetched.families) == (failure, None)


async def test_the_limits_are_those_of_the_shipped_prometheus() -> None:
    """What we take of one worker is what the shipped Prometheus takes, to the sample, byte and label: no worker is down
    on one profile alone, and none makes the scrape of all of them too large."""
    job = yaml.safe_load((SHIPPED / "prometheus.yml").read_text())["scrape_configs"][0]
    assert job["sample_limit"] == scrape.SAMPLES_LIMIT
    assert job["label_value_length_limit"] == scrape.LABEL_BYTES_LIMIT
    assert job["label_limit"] == scrape.LABELS_LIMIT + len({"__name__", *dict(OWN.labels)})
    full = "".join(f'usdx_a{{n="{n}",l="{"é" * 100}"}} 1\n' for n in range(20_000))
    wide = "usdx_b{" + ",".join(f'l{n}="="' for n in range(26)) + "} 1\n"
    async with worker(full) as large, worker(wide) as broad, scraper(timeout_s=20) as asking:
        assert [(await asking.fetch(target(url))).failure for url in (large, broad)] == [None, None]


async def test_one_mistake_of_ours_is_no_more_than_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """A question to a worker that ended in an error which nobody foresaw is asked anew the next time."""
    hands = Hands()
    async with worker() as url, scraper() as asking:
        workers = Workers(Targets({"indexer": [url]}, Path()), asking, Meters(Registry(), {}), hands.clock())
        with monkeypatch.context() as broken:
            broken.setattr(Scraper, "fetch", AsyncMock(side_effect=KeyError("a bug")))
            with pytest.raises(KeyError):
                await workers.now()
        hands.at += 1
        assert [one.up for one in (await workers.soon()).fetched] == [True]


async def test_unreachable_worker_vanishes_at_once() -> None:
    """A worker that cannot be asked leaves nothing but `up 0`: its last values would be lies."""
    async with scraper() as asking:
        async with worker() as url:
            before = combine(OWN, "", await sweep(asking, url))
        after = combine(OWN, "", await sweep(asking, url))
    labels = f'job="usdx-indexer",instance="{url.partition("://")[2]}",service="indexer"'
    assert f"up{{{labels}}} 1\n" in before.text
    assert f'usdx_a{{{labels},chain="x"}} 1\n' in before.text
    assert f"up{{{labels}}} 0\n" in after.text
    assert "usdx_a" not in after.text


async def test_worker_says_its_own_up() -> None:
    """What a worker says under the name `up` cannot stand in for our own word."""
    async with worker("# TYPE up gauge\nup 1\n" + TEXT) as url, scraper() as asking:
        everything = combine(OWN, "", await sweep(asking, url))
    assert everything.text.count("\nup{") == 1
    assert everything.type_conflicts == 1


async def test_an_exposition_is_read_once_beside_the_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many ask what a worker says, its text is read once, by a thread that holds up no answer."""
    readers: list[int] = []

    def noted(*args: Any) -> None:
        readers.append(threading.get_ident())
        read_comment(*args)

    read_comment = merge._read_comment
    monkeypatch.setattr(merge, "_read_comment", noted)
    async with worker() as url, scraper() as asking:
        found = await sweep(asking, url)
    assert facts_of(found).values == {}
    assert "usdx_a{" in combine(OWN, "", found).text
    assert len(readers) == TEXT.count("#")
    assert threading.get_ident() not in readers


async def test_sweeps_are_shared() -> None:
    """Who asks within a second, or while workers are being asked, gets the same sweep."""
    hands = Hands()
    async with worker(delay_s=0.2) as url, aiohttp.ClientSession() as session:
        targets = Targets({"indexer": [url]}, Path())
        workers = Workers(targets, Scraper(session, hands.clock()), Meters(Registry(), {}), hands.clock())
        first, second = await asyncio.gather(workers.now(), workers.now())
        assert first is second is await workers.now()
        hands.at += 1
        assert await workers.now() is not first


async def test_a_worker_that_moves_is_found(tmp_path: Path) -> None:
    """A file that names the workers is read again when it changes; while it is broken, the last good one counts."""
    listed = tmp_path / "workers.json"
    listed.write_text(json.dumps([{"targets": ["10.0.0.1:9101"], "labels": {"service": "indexer"}}]))
    targets = Targets({"any": ["file:workers.json"], "oracle": ["http://oracle:9102/custom"]}, tmp_path)
    assert [(one.service, one.url) for one in await targets.current()] == [
        ("indexer", "http://10.0.0.1:9101/metrics"),
        ("oracle", "http://oracle:9102/custom"),
    ]
    listed.write_text(json.dumps([{"targets": ["10.0.0.2:9101", "10.0.0.3:9101"], "labels": {"__scheme__": "https"}}]))
    moved = await targets.current()
    assert [one.url for one in moved][:2] == ["https://10.0.0.2:9101/metrics", "https://10.0.0.3:9101/metrics"]
    listed.write_text("{")
    assert await targets.current() == moved
    with pytest.raises(ConfigError, match="file_sd"):
        read_file("x", b"{}", "workers.json")


async def test_dns_names_stand_for_all_their_addresses() -> None:
    """A name is resolved at every sweep; one that does not resolve stays a target, so that it is seen as down."""
    (found,) = await Targets({"indexer": ["dns+http://localhost:9101"]}, Path()).current() or [None]
    assert found is not None
    assert found.instance in ("127.0.0.1:9101", "[::1]:9101")
    async with scraper() as asking:
        lost = await Targets({"indexer": ["dns+http://nowhere.invalid:9101"]}, Path()).current()
        fetched = await asking.fetch(lost[0])
    assert fetched.failure in ("dns", "connect")
    assert fetched.target.instance == "nowhere.invalid:9101"
