"""A plan against fake venues, and rounds of it, in a test's words."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from oracle.aggregate import Memory
from oracle.board import Board
from oracle.model import Observation, Pair, Round
from oracle.plan import Plan, plan
from oracle.round import Rounds
from oracle.samples import Samples
from oracle.wiring import Sources, open_sources
from shared.clock import Clock, system_clock
from shared.metrics import Registry
from shared.settings import Settings
from tests.fakes.venues import Venues


@dataclass
class World:
    """Open sources and the rounds of every feed."""

    plan: Plan
    sources: Sources
    board: Board
    rounds: dict[Pair, Rounds]
    registry: Registry
    clock: Clock

    async def round(self, feed: str = "ETH/USD") -> Round:
        return await self.rounds[Pair.parse(feed)].take()

    async def observe(self, feed: str = "ETH/USD") -> Observation:
        return (await self.round(feed)).observation

    async def verdicts(self, feed: str = "ETH/USD") -> dict[str, str]:
        """Each source's verdict in a new round: used, or its reason."""
        seen = await self.observe(feed)
        return {one.source: str(one.reason) if one.reason else one.verdict for one in seen.inputs}

    def memory(self, feed: str = "ETH/USD") -> Memory:
        return self.rounds[Pair.parse(feed)].memory


def configured(venues: Venues, sources: list[str], every: str = "1s", **feed: Any) -> dict[str, Any]:
    """A configuration with one feed ETH/USD (and USDT/USD for those quoted in USDT) on fake venues."""
    more = feed.pop("tables", {})
    urls: dict[str, dict[str, Any]] = {
        name: {"base_url": venues.base_url(name), "stream_url": venues.stream_url(name)} for name in ALL
    }
    urls["hermes"]["stream_url"] = venues.base_url("hermes")
    urls["kraken"] |= {"requests": 100}
    for name, table in more.items():
        urls[name] = {**urls.get(name, {}), **table}
    usdt = {"sources": ["coinbase", "kraken"], "every": every, "timeout": "500ms"}
    eth = {"sources": sources, "every": every, "timeout": "500ms", "min_sources": 1, **feed}
    return {"feeds": {"ETH/USD": eth, "USDT/USD": usdt}, "venues": urls}


ALL = ("binance", "bitstamp", "bybit", "coinbase", "coingecko", "gate", "hermes", "kraken", "kucoin", "okx")


@asynccontextmanager
async def world(config: dict[str, Any], clock: Clock | None = None) -> AsyncIterator[World]:
    """Everything but database and schedule."""
    settings = Settings.model_validate(config)
    planned, registry, clock = plan(settings), Registry(), clock or system_clock()
    async with open_sources(settings, planned, registry, clock, Samples()) as sources:
        board, ages = Board(), {one.pair: one.feed.limits.max_age_s for one in planned.feeds}
        rounds = {one.pair: Rounds(one, sources.asker.ask, board, ages, clock, Memory()) for one in planned.feeds}
        yield World(planned, sources, board, rounds, registry, clock)
