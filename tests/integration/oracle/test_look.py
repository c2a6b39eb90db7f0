"""Laws of the oracle's part of `usdx check`."""

from __future__ import annotations

from typing import Any

from shared.check import Finding, look
from shared.clock import system_clock
from shared.errors import ConfigError
from shared.settings import Settings
from tests.fakes.venues import serve
from tests.integration.oracle.world import configured

SOURCES = ["coinbase", "bitstamp", "kraken"]


async def _look(database_url: str, config: dict[str, Any]) -> dict[str, Finding]:
    settings = Settings.model_validate({"database": {"url": database_url}, **config})
    return {one.subject: one for one in await look(settings, system_clock())}


async def test_a_feed_that_is_well_shows_its_price(database_url: str) -> None:
    """`usdx check` asks every source and says what price comes of them."""
    async with serve() as venues:
        found = (await _look(database_url, configured(venues, SOURCES)))["feed ETH/USD"]
    assert found.error is None
    assert found.detail.startswith("2000 from 3 sources")


async def test_a_source_that_gives_no_price_is_named(database_url: str) -> None:
    """One bad source beside good ones is found, with its reason and what to do."""
    async with serve() as venues:
        venues.faults["kraken"] = "auth"
        error = (await _look(database_url, configured(venues, SOURCES)))["feed ETH/USD"].error
    assert error is not None
    assert str(error).startswith("kraken: auth: ")
    assert error.reason == "feed_unsound"


async def test_feeds_that_cannot_be_planned_are_the_config_s_fault(database_url: str) -> None:
    """A source that nobody knows is named by its key."""
    async with serve() as venues:
        error = (await _look(database_url, configured(venues, ["coinbase", "krakken"])))["feeds"].error
    assert isinstance(error, ConfigError)
    assert 'feeds."ETH/USD"' in str(error)
    assert "krakken" in str(error)
