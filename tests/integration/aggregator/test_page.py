"""The status page on a bad day, in a real browser."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from aggregator.status.model import (
    AlertStatus,
    ChainStatus,
    Concern,
    Curve,
    FeedStatus,
    FigureStatus,
    Part,
    Status,
    Trends,
    WorkerStatus,
)
from shared.db import Database
from shared.settings import Settings
from tests.acceptance.aggregator.chromium import CONTRAST, Page, chromium
from tests.integration.aggregator.test_stream import look
from tests.integration.aggregator.world import Site, site

POOLS = {str(n): n * 100 for n in range(1, 8)}


def bad_day() -> Status:
    """Two replicas of a worker are lost, one rule fires for two chains, prices are refused, logs are not understood."""
    now = datetime.now(UTC)
    lost = [f"10.0.0.{n}:9101" for n in (1, 2)]
    concerns = [
        *(Concern("trouble", "worker indexer", f"{at} does not answer: no answer within 3 s.") for at in lost),
        *(Concern("attention", "alert IndexerHighLag", f"chain{n} is 90 s behind.") for n in (1, 2)),
        Concern("attention", "chain base", "1,000 or more logs could not be decoded; they are kept."),
    ]
    parts = [Part({"pool": pool}, str(value)) for pool, value in POOLS.items()]
    gauge = "usdx_total_value_locked_usd"
    return Status(
        now,
        "trouble",
        "2 things are broken, 3 things more to look at.",
        concerns,
        [ChainStatus("base", "behind", 7, now - timedelta(seconds=90), 99, 30.0, None, None, None, None, 4, 1000)],
        [FeedStatus("ETH/USD", None, "refused", "quorum", "1 of 3", now, 60.0, True, None, 1, 2)],
        [
            FigureStatus(gauge, "Total value locked", "What lies in all pools.", "usd", "2800", [], now, 10.0, None),
            FigureStatus("usdx_users_count", "Users", "Who has something.", "", "1", [], now, 10.0, None),
            FigureStatus("usdx_pool_usd", "Pools", "What lies in each.", "usd", "2800", parts, now, 10.0, None),
        ],
        [WorkerStatus("indexer", at, False, "no answer within 3 s", 3.0) for at in lost],
        [AlertStatus(f"f{n}", "IndexerHighLag", "warning", "indexer", f"chain{n}", now, None) for n in (1, 2)],
        2,
        now,
        [],
        "0",
    )


def short_trends() -> Trends:
    """Ten minutes of history."""
    began = datetime.now(UTC).timestamp() - 600
    times = [began, began + 300, began + 600]
    return Trends(
        [Curve("ETH/USD", times, [3000.0, 3100.5, 3050.0])],
        [
            Curve("usdx_total_value_locked_usd", times, [298.0, 1500.0, 2800.0]),
            Curve("usdx_users_count", times[1:], [2.0, 1.0]),
        ],
    )


def publish(served: Site) -> None:
    served.rooms.hub.publish("trends", msgspec.json.encode(short_trends()))
    served.rooms.hub.publish("status", msgspec.json.encode(bad_day()))


async def texts(page: Page, selector: str) -> list[str]:
    script = f"[...document.querySelectorAll({json.dumps(selector)})].map((one) => one.textContent)"
    found: list[str] = await page.value(script)
    return found


async def press(page: Page, key: str, code: int, text: str = "") -> None:
    for kind in ("keyDown", "keyUp"):
        more = {"text": text} if text and kind == "keyDown" else {}
        await page.call("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=code, **more)


async def test_a_bad_day(served: Site, browser: str, tmp_path: Path) -> None:
    """As many things are listed as are counted; parts add up to their sum; what is called a day is one; curves are told
    in words; every explanation opens by key; and it can all be read, by day and night, on a phone, too."""
    address = str(served.client.make_url("/"))
    async with chromium(browser, tmp_path / "profile") as page:
        await page.open(address)
        publish(served)
        await page.until("document.querySelectorAll('canvas').length === 3")
        assert await page.value("document.title") == "✕ usdx: 2 things are broken, 3 things more to look at."
        rows = await texts(page, "#concerns li")
        assert len(rows) == len(set(rows)) == 5
        parts = await texts(page, ".parts li span:last-child")
        assert sum(float(one.strip("$").replace(",", "")) for one in parts) == sum(POOLS.values())
        assert "3 more" in await texts(page, ".parts li span")
        assert "1,000+" in await texts(page, "dd")
        since = await page.value("clockTime(trends.feeds.get('ETH/USD').times[0])")
        assert await texts(page, "h2 small") == [f"since {since}"] * 2
        changes = await texts(page, ".figures .card .sub")
        later = await page.value("clockTime(trends.figures.get('usdx_users_count').times[0])")
        assert changes[0].startswith("▲ $2.5K (839.6 %) · read")
        assert changes[1].startswith(f"▼ 1 (50.0 %) since {later} · read")
        labels = await page.value("[...document.querySelectorAll('[role=img]')].map((one) => one.ariaLabel)")
        assert f"ETH/USD since {since}: from 3,000.00 to 3,050.00, between 3,000.00 and 3,100.50." in labels
        assert len(labels) == 3
        await keys(page)
        for width, scheme in ((1280, "light"), (1280, "dark"), (390, "light"), (320, "dark")):
            await page.open(address, width=width, scheme=scheme)
            await page.until("document.querySelectorAll('canvas').length === 3")
            assert await page.value("document.documentElement.scrollWidth") <= width
            assert await page.value(CONTRAST) == []
        assert page.complaints == []


async def keys(page: Page) -> None:
    """Whatever can be pressed has a name and is reached by key; what a figure means opens and closes."""
    reachable = "[...document.querySelectorAll('a[href], button')]"
    count = await page.value(f"{reachable}.length")
    reached = set()
    for _ in range(count):
        await press(page, "Tab", 9)
        reached.add(await page.value("document.activeElement.ariaLabel || document.activeElement.textContent"))
    assert len(reached) == count
    assert {"API", "What is Total value locked?", "What is Pools?"} <= reached
    await page.value("document.querySelector('button.help').focus()")
    for hidden in (False, True):
        await press(page, "Enter", 13, "\r")
        assert await page.value("document.querySelector('.about-it').hidden") == hidden
        assert await page.value("document.querySelector('button.help').ariaExpanded") == str(not hidden).lower()


async def test_a_page_that_may_not_ask(
    settings: Settings, db: Database, browser: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the API wants a token the page says that a browser has none, and asks no more; where it wants a password
    the browser's own prompt lets it in; where the stream has no place left the page says so and comes in later."""
    secret = tmp_path / "secret"
    secret.write_text("s3cret\n")
    basic: dict[str, Any] = {"kind": "basic", "user": "ada", "password_file": str(secret)}
    async with chromium(browser, tmp_path / "profile") as page:
        async with site(settings, db, api_auth={"kind": "bearer", "token_file": str(secret)}) as served:
            await page.open(str(served.client.make_url("/")))
            await page.until("document.getElementById('summary')?.textContent.includes('bearer token')")
            assert await page.value("document.title") == "? usdx: This page may not see the figures."
            assert await page.value("document.body.dataset.verdict") == "unknown"
        async with site(settings, db) as served:
            monkeypatch.setattr("aggregator.stream.hub.CLIENTS", 0)
            await look(served)
            await page.open(str(served.client.make_url("/")))
            await page.until("document.getElementById('summary')?.textContent.includes('clients listen already')")
            assert await page.value("document.title") == "? usdx: The aggregator refuses to say."
            monkeypatch.undo()
            await page.until("document.body?.dataset.shown === 'yes'")
            assert "refuses" not in await page.value("document.title")
        async with site(settings, db, api_auth=basic) as served:
            await look(served)
            page.credentials = ("ada", "s3cret")
            await page.open(str(served.client.make_url("/")))
            await page.until("document.body?.dataset.shown === 'yes'")
            assert len(served.rooms.hub._listeners) == 1
