"""The simulated exchanges over real HTTP."""

import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from demo.pricepath import PricePath
from demo.venues import NOTICE, Venues
from shared.clock import Clock, system_clock
from shared.http import serve
from tests.integration.demo_parts.running import running

NOW_S = 1_795_000_000.0


class Served:
    """The server at a standing clock, and a client."""

    def __init__(self, url: str, session: aiohttp.ClientSession) -> None:
        self.url, self.session, self.now_s = url, session, NOW_S

    async def get(self, path: str) -> tuple[int, Any]:
        async with self.session.get(self.url + path) as answer:
            assert answer.headers["X-Simulated"] == NOTICE
            text = await answer.text()
            return answer.status, json.loads(text) if answer.content_type == "application/json" else text

    async def fault(self, venue: str, fault: dict[str, Any]) -> int:
        async with self.session.put(f"{self.url}/{venue}/fault", json=fault) as answer:
            return answer.status

    async def mend(self, venue: str) -> None:
        async with self.session.delete(f"{self.url}/{venue}/fault") as answer:
            assert answer.status == 204


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    """The three exchanges; `now_s` moves their clock."""
    real = system_clock()
    clock = Clock(now=lambda: client.now_s, monotonic=real.monotonic, sleep=real.sleep)
    async with (
        serve(Venues(PricePath("usdx"), clock).app(), "127.0.0.1", 0) as port,
        aiohttp.ClientSession() as session,
    ):
        client = Served(f"http://127.0.0.1:{port}", session)
        yield client


COINBASE = "/coinbase/products/ETH-USD/ticker"
KRAKEN = "/kraken/0/public/Ticker?pair=ETHUSD"
BINANCE = "/binance/api/v3/ticker/price?symbol=ETHUSDT"


async def test_each_exchange_answers_at_its_own_paths(served: Served) -> None:
    """A base URL is all that changes between the demo and the world."""
    assert "price" in (await served.get(COINBASE))[1]
    assert "XETHZUSD" in (await served.get(KRAKEN))[1]["result"]
    assert (await served.get(BINANCE))[1]["symbol"] == "ETHUSDT"
    status, two = await served.get("/binance/api/v3/ticker/price?symbols=%5B%22ETHUSDT%22%5D")
    assert (status, [one["symbol"] for one in two]) == (200, ["ETHUSDT"])
    assert "closeTime" in (await served.get("/binance/api/v3/ticker/24hr?symbol=ETHUSDT"))[1]
    assert "bidPrice" in (await served.get("/binance/api/v3/ticker/bookTicker?symbol=ETHUSDT"))[1]


async def test_unknown_symbols_fail_as_each_exchange_does(served: Served) -> None:
    """404 at Coinbase, an error under 200 at Kraken, 400 with a code at Binance."""
    assert await served.get("/coinbase/products/NO-PE/ticker") == (404, {"message": "NotFound"})
    assert await served.get("/kraken/0/public/Ticker?pair=NOPE") == (200, {"error": ["EQuery:Unknown asset pair"]})
    assert await served.get("/kraken/0/public/Ticker") == (200, {"error": ["EGeneral:Invalid arguments"]})
    status, body = await served.get("/binance/api/v3/ticker/price?symbol=NOPE")
    assert (status, body["code"]) == (400, -1121)
    assert (await served.get("/binance/api/v3/ticker/price?symbols=NOPE"))[0] == 400


async def test_it_says_plainly_that_it_is_simulated(served: Served) -> None:
    """The front page says so in words, every answer in a header, errors included."""
    status, page = await served.get("/")
    assert status == 200
    assert NOTICE in page
    assert (await served.get("/nothing"))[0] == 404


async def test_a_frozen_exchange_repeats_itself(served: Served) -> None:
    """It goes on answering 200 with the price and the time of the moment it froze."""
    before = (await served.get(COINBASE))[1]
    assert await served.fault("coinbase", {"kind": "freeze"}) == 200
    served.now_s += 3_600
    assert (await served.get(COINBASE))[1] == before
    await served.mend("coinbase")
    assert (await served.get(COINBASE))[1]["time"] > before["time"]


async def test_a_jumping_exchange_is_alone(served: Served) -> None:
    """Only the price of the exchange at fault moves."""
    before = [(await served.get(path))[1] for path in (BINANCE, KRAKEN)]
    await served.fault("binance", {"kind": "jump", "bps": 5_000})
    after = [(await served.get(path))[1] for path in (BINANCE, KRAKEN)]
    assert float(after[0]["price"]) / float(before[0]["price"]) == pytest.approx(1.5, abs=0.001)
    assert after[1] == before[1]


async def test_a_failing_exchange_fails_until_mended(served: Served) -> None:
    """It answers with the wanted status, the others as ever."""
    await served.fault("kraken", {"kind": "error", "status": 502})
    assert (await served.get(KRAKEN))[0] == 502
    assert (await served.get(COINBASE))[0] == 200
    assert list((await served.get("/faults"))[1]) == ["kraken"]
    await served.mend("kraken")
    assert (await served.get(KRAKEN))[0] == 200


async def test_a_hanging_exchange_does_not_answer(served: Served) -> None:
    """A reader has to have a deadline of its own; the server still ends at once."""
    await served.fault("coinbase", {"kind": "hang"})
    with pytest.raises(TimeoutError):
        await served.session.get(served.url + COINBASE, timeout=aiohttp.ClientTimeout(total=0.2))


async def test_faults_are_refused_when_unknown(served: Served) -> None:
    """A drill that mistypes hears of it."""
    assert await served.fault("nasdaq", {"kind": "freeze"}) == 404
    assert await served.fault("kraken", {"kind": "nap"}) == 400
    assert await served.fault("kraken", {"kind": "jump", "bp": 3}) == 400


async def test_the_process_serves_and_ends_on_sigterm() -> None:
    """`python -m demo.venues` says where it listens, answers, and exits 0 on SIGTERM, also with a hanging client."""
    async with running("demo.venues", "--port", "0") as venues, aiohttp.ClientSession() as session:
        url = json.loads(await venues.line("simulated exchanges"))["url"]
        async with session.get(url + KRAKEN) as answer:
            assert answer.status == 200
        await session.put(f"{url}/kraken/fault", json={"kind": "hang"})
        with pytest.raises(TimeoutError):
            await session.get(url + KRAKEN, timeout=aiohttp.ClientTimeout(total=0.2))
        assert await venues.terminate() == 0


async def test_a_taken_port_is_one_clear_line() -> None:
    """A second server on a port says so and exits 1, no traceback."""
    async with running("demo.venues", "--port", "0") as first:
        port = json.loads(await first.line("simulated exchanges"))["url"].rpartition(":")[2]
        async with running("demo.venues", "--port", port) as second:
            said = await second.line("is taken")
            assert "Traceback" not in said
            assert await second.process.wait() == 1
