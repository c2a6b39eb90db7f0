"""Notice what is new in the database: blocks and their events, reorgs, prices, alerts."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

import msgspec

from aggregator.api.events import Event, EventTable, EventTables, event_of, snake_case
from aggregator.api.prices import newest, price_of
from shared.db import Connection

EVENTS_AT_ONCE = 200
REORGS_AT_ONCE = 100


class Reorg(msgspec.Struct):
    """The indexer found that the chain had changed: the blocks above `ancestor`, up to `from_block`, were replaced."""

    chain: str
    streams: list[str]
    ancestor: int
    from_block: int
    events: int
    seen_at: datetime


class Gap(msgspec.Struct):
    """More events than are sent one by one: read these blocks (inclusive) by /events."""

    protocol: str
    contract: str
    event: str
    chain: str
    first_block: int
    last_block: int


class NewEvent(msgspec.Struct):
    """One event that was just stored."""

    protocol: str
    contract: str
    table: str
    event: Event


class NewAlert(msgspec.Struct):
    """One alert that just began or ended."""

    fingerprint: str
    alertname: str
    severity: str
    service: str
    status: str
    starts_at: datetime
    summary: str


class Publish(Protocol):
    """Where news goes."""

    def publish(self, topic: str, json: bytes) -> None:
        """Send a message to all who want its topic."""

    def wanted(self, *topics: str) -> bool:
        """Whether anybody wants one of the topics."""


@dataclass(slots=True)
class Position:
    """Where a stream stood when we last looked."""

    chain: str
    chain_id: int
    block_number: int


class Tail:
    """What we saw last, and so what is new."""

    def __init__(self, tables: EventTables, to: Publish) -> None:
        self._tables = tables
        self._to = to
        self._positions: dict[str, Position] = {}
        self._reorgs_seen: frozenset[int] | None = None
        self._priced_at: dict[str, datetime] = {}
        self._alerts_at: datetime | None = None

    async def look(self, cx: Connection) -> None:
        """Publish what is new since the last look; the first look only takes note."""
        await self._look_at_streams(cx)
        await self._look_at_prices(cx)
        await self._look_at_alerts(cx)

    async def _look_at_streams(self, cx: Connection) -> None:
        ancestors = await self._look_at_reorgs(cx)
        rows = await cx.fetch(
            """select c.stream, c.chain, n.chain_id, c.block_number
            from usdx.cursors c join usdx.chains n using (chain) order by c.stream""",
            on="cursors",
        )
        for row in rows:
            here = Position(row["chain"], row["chain_id"], row["block_number"])
            before = self._positions.get(row["stream"], here)
            self._positions[row["stream"]] = here
            stayed = min(before.block_number, ancestors.get(row["stream"], before.block_number))
            if here.block_number > stayed and self._to.wanted("event", "gap"):
                for table in self._tables.all:
                    if belongs(row["stream"], table):
                        await self._publish_events(cx, table, here, stayed, here.block_number)

    async def _look_at_reorgs(self, cx: Connection) -> dict[str, int]:
        """Publish the new reorgs; returns the last block that stayed, by stream. They are committed out of their order
        when two streams roll back at once, so that the newest id alone does not say which are new."""
        rows = await cx.fetch(
            f"""select id, chain, streams, ancestor, from_block, events, seen_at
            from usdx.reorgs order by id desc limit {REORGS_AT_ONCE}""",  # noqa: S608 (our own number)
            on="reorgs",
        )
        seen, self._reorgs_seen = self._reorgs_seen, frozenset(row["id"] for row in rows)
        found: dict[str, int] = {}
        for row in reversed(rows):
            if seen is not None and row["id"] not in seen:
                reorg = Reorg(**{name: row[name] for name in Reorg.__struct_fields__})
                self._to.publish("reorg", msgspec.json.encode(reorg))
                for stream in reorg.streams:
                    found[stream] = min(reorg.ancestor, found.get(stream, reorg.ancestor))
        return found

    async def _publish_events(
        self, cx: Connection, table: EventTable, position: Position, after: int, last: int
    ) -> None:
        rows = await cx.fetch(
            f"""select $1::text as chain, {table.select} from "{table.protocol}"."{table.name}" e
            where e.chain_id = $2 and e.block_number > $3 and e.block_number <= $4
            order by e.block_number, e.log_index limit {EVENTS_AT_ONCE + 1}""",  # noqa: S608 (names from the catalogue)
            position.chain,
            position.chain_id,
            after,
            last,
            on=table.name,
        )
        name = table.name.removeprefix(f"{snake_case(table.contract)}_")
        if len(rows) > EVENTS_AT_ONCE:
            gap = Gap(table.protocol, table.contract, name, position.chain, after + 1, last)
            self._to.publish("gap", msgspec.json.encode(gap))
            return
        for row in rows:
            news = NewEvent(table.protocol, table.contract, name, event_of(row, table.columns))
            self._to.publish("event", msgspec.json.encode(news))

    async def _look_at_prices(self, cx: Connection) -> None:
        for row in await newest(cx):
            before = self._priced_at.get(row["feed"])
            self._priced_at[row["feed"]] = row["observed_at"]
            if before is not None and row["observed_at"] > before:
                self._to.publish("price", msgspec.json.encode(price_of(row)))

    async def _look_at_alerts(self, cx: Connection) -> None:
        rows = await cx.fetch(
            """select fingerprint, alertname, severity, service, status, starts_at,
                coalesce(annotations->>'summary', '') as summary, first_received_at
            from usdx.alert_notifications
            where first_received_at > coalesce($1, now()) and alertname <> 'Watchdog'
            order by first_received_at, fingerprint limit 500""",
            self._alerts_at,
            on="alert_notifications",
        )
        if self._alerts_at is None:
            self._alerts_at = await cx.fetchval(
                "select coalesce(max(first_received_at), 'epoch') from usdx.alert_notifications",
                on="alert_notifications",
            )
        for alert in _alerts(rows):
            self._to.publish("alert", msgspec.json.encode(alert))
        if rows:
            self._alerts_at = rows[-1]["first_received_at"]


def belongs(stream: str, table: EventTable) -> bool:
    """Whether the stream fills the table."""
    key, _, contract = stream.partition("/")
    return key in table.keys and contract == table.contract


def _alerts(rows: list[Mapping[str, Any]]) -> Iterator[NewAlert]:
    for row in rows:
        yield NewAlert(**{name: row[name] for name in NewAlert.__struct_fields__})
