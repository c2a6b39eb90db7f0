"""Compare the business gauges with SQL and with what the contracts themselves answer."""

import asyncio
import tomllib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import aiohttp

from demo.exposition import Series, gauges, series, written
from demo.finding import Finding

_USD = Decimal(10) ** 6
_PATIENCE_S = 30.0


@dataclass(frozen=True, slots=True)
class Asked:
    """A gauge and the view function that knows its value."""

    gauge: str
    contract: str
    function: str
    unit: Decimal = Decimal(1)


_PLAIN = (
    Asked("usdx_total_value_locked", "vault", "totalValueLocked", _USD),
    Asked("usdx_active_wexels_count", "vault", "activeWexels"),
    Asked("usdx_total_users_count", "vault", "totalUsers"),
    Asked("usdx_collateralized_wexels_count", "vault", "collateralizedWexels"),
    Asked("usdx_total_loans_outstanding_usd", "vault", "loansOutstanding", _USD),
    Asked("usdx_loans_collateral_value_usd", "vault", "collateralValue", _USD),
)
_PER_CHAIN = (
    Asked("usdx_last_deposit_timestamp_seconds", "vault", "lastDepositAt"),
    Asked("usdx_last_trade_timestamp_seconds", "marketplace", "lastTradeAt"),
)
_POOL = "usdx_pool_value_locked_usd"


async def compare(
    contracts: Mapping[str, Any], cx: Any, protocol: Path, scrape: Callable[[], Awaitable[str]], chain: str, block: int
) -> list[Finding]:
    """One finding per series; waits for the next refresh, as gauges follow the database on their own clock."""
    truth = await _answers(contracts, chain, block)
    stored = await _sql(cx, protocol)
    deadline = asyncio.get_running_loop().time() + _PATIENCE_S
    while True:
        findings = _findings(truth, stored, gauges(await scrape()))
        if all(finding.ok for finding in findings) or asyncio.get_running_loop().time() > deadline:
            return findings
        await asyncio.sleep(0.5)


def _findings(*sides: Mapping[Series, float]) -> list[Finding]:
    truth, stored, _ = sides
    known = sorted(set(truth) | set(stored), key=lambda one: (one[0], sorted(one[1])))
    names = ("contract", "sql", "gauge")
    return [
        Finding(written(one), {name: _number(side.get(one)) for name, side in zip(names, sides, strict=True)})
        for one in known
    ]


async def _answers(contracts: Mapping[str, Any], chain: str, block: int) -> dict[Series, float]:
    """What the contracts answer at a block. Nothing where something never happened: a gauge without truth is absent."""

    async def ask(asked: Asked, *arguments: object) -> float:
        answer = await contracts[asked.contract].functions[asked.function](*arguments).call(block_identifier=block)
        return float(Decimal(answer) / asked.unit)

    answers = {series(asked.gauge): await ask(asked) for asked in _PLAIN}
    answers |= {series(asked.gauge, chain=chain): value for asked in _PER_CHAIN if (value := await ask(asked))}
    pool = Asked(_POOL, "vault", "poolValueLocked", _USD)
    count = int(await ask(Asked("", "vault", "poolCount")))
    for number in range(1, count + 1):
        answers[series(_POOL, chain=chain, pool=str(number))] = await ask(pool, number)
    return answers


async def _sql(cx: Any, protocol: Path) -> dict[Series, float]:
    """What the protocol's own queries say."""
    figures = {}
    for gauge in tomllib.loads((protocol / "metrics.toml").read_text())["gauges"]:
        for row in await cx.fetch(gauge["query"]):
            labels = {label: str(row[label]) for label in gauge.get("labels", ())}
            if row["value"] is not None:
                figures[series(gauge["name"], **labels)] = float(row["value"])
    return figures


def _number(value: float | None) -> str:
    return "absent" if value is None else f"{value:.6f}".rstrip("0").rstrip(".")


async def scraped(session: aiohttp.ClientSession, url: str) -> str:
    """An exposition, as text."""
    async with session.get(url) as response:
        response.raise_for_status()
        return await response.text()
