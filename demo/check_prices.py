"""Compare the prices that were published with the made-up market's truth."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from decimal import Decimal
from typing import Any

from demo.exposition import Series, gauges, series
from demo.finding import Finding
from demo.pricepath import MARKETS, PricePath

_LIMIT_BPS = 150
_PATIENCE_S = 30.0


async def compare(cx: Any, scrape: Callable[[], Awaitable[str]], path: PricePath) -> list[Finding]:
    """One finding per feed, its prices in dollars; waits for a round that published."""
    deadline = asyncio.get_running_loop().time() + _PATIENCE_S
    while True:
        published = gauges(await scrape())
        findings = [await _finding(cx, feed, published, path) for feed in MARKETS]
        if all(finding.ok for finding in findings) or asyncio.get_running_loop().time() > deadline:
            return findings
        await asyncio.sleep(0.5)


async def _finding(cx: Any, feed: str, published: Mapping[Series, float], path: PricePath) -> Finding:
    row = await cx.fetchrow("select * from usdx.latest_prices where feed = $1", feed)
    gauge = published.get(series("usdx_oracle_median_price", asset=feed.removesuffix("/USD")))
    what = f"{feed} within {_LIMIT_BPS} bps"
    if row is None or row["price"] is None or gauge is None:
        stored = "absent" if row is None else f"{row['price']} {row['result']} {row['reason'] or ''}".strip()
        return Finding(what, {"stored": stored, "gauge": str(gauge or "absent")}, agree=False)
    truth = path.price(feed, int(row["observed_at"].timestamp() * 1000))
    prices = {"market": truth, "stored": Decimal(row["price"]), "gauge": Decimal(gauge)}
    near = row["result"] == "fresh" and all(
        abs(price - truth) * 10_000 <= _LIMIT_BPS * truth for price in prices.values()
    )
    return Finding(what, {side: f"{price:.4f}" for side, price in prices.items()}, row["result"], agree=near)
