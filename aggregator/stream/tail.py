"""Notice what is new in the database: blocks and their events, reorgs, prices, alerts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

import msgspec

from aggregator.alerts import WATCHDOG
from aggregator.api.events import EventTable, EventTables, event_of
from aggregator.api.prices import newest, price_of
from aggregator.stream.messages import Gap, NewAlert, NewEvent, Reorg
from shared.db import Connection

AlertKey = tuple[str, datetime, str]
EVENTS_AT_ONCE = 200
TOLD_AT_ONCE = 200
REORGS_LATE = 100  # so many younger ones may be committed before an older one
ALERTS_LATE = timedelta(minutes=5)  # far longer than a delivery waits for its commit
LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


class Publish(Protocol):
    """Where news goes."""

    def publish(self, topic: str, json: bytes) -> None:
        """Send a message to all who want its topic."""

    def wanted(self, *topics: str) -> bool:
        """Whether anybody wants one of the topics."""

    def skip(self, *topics: str) -> None:
        """Tell those who want one of the topics that they missed something."""


@dataclass(frozen=True, slots=True)
class Position:
    """Where a stream stands."""

    stream: str
    chain: str
    chain_id: int
    block_number: int


class Tail:
    """What we saw last, and so what is new.

    What we saw moves on only when it was told: after an error the next look begins where the last good one ended.
    """

    def __init__(self, tables: EventTables, to: Publish) -> None:
        self._tables = tables
        self._to = to
        self._told: dict[str, int] | None = None  # the last block of each stream whose events were told
        self._reorgs_seen: frozenset[int] | None = None
        self._priced_at: dict[str, datetime] | None = None
        self._alerts_seen: dict[AlertKey, datetime] | None = None

    async def look(self, cx: Connection) -> None:
        """Publish what is new since the last look; the first look only takes note."""
        await self._look_at_reorgs(cx)
        await self._look_at_streams(cx)
        await self._look_at_prices(cx)
        await self._look_at_alerts(cx)

    async def _look_at_streams(self, cx: Connection) -> None:
        rows = await cx.fetch(
            """select c.stream, c.chain, n.chain_id, c.block_number, c.start_block
            from usdx.cursors c join usdx.chains n using (chain) order by c.stream""",
            on="cursors",
        )
        if self._told is None:
            self._told = {row["stream"]: row["block_number"] for row in rows}
        for row in rows:
            here = Position(*(row[name] for name in Position.__slots__))
            told = self._told.setdefault(here.stream, row["start_block"] - 1)
            if here.block_number > told:
                await self._look_at_events(cx, here, told)
            self._told[here.stream] = here.block_number

    async def _look_at_events(self, cx: Connection, here: Position, told: int) -> None:
        """Read all of a stream's new events, then publish them: none is told twice when reading fails."""
        if not self._to.wanted("event", "gap"):
            self._to.skip("event", "gap")
            return
        news = [
            message
            for table in self._tables.all
            if belongs(here.stream, table)
            for message in await self._events(cx, table, here, told)
        ]
        for topic, json in news:
            self._to.publish(topic, json)

    async def _look_at_reorgs(self, cx: Connection) -> None:
        """Publish the new reorgs, and take back what was told of the blocks that did not stay.

        They are committed out of their order when two streams roll back at once, so that the newest id alone does not
        say which are new.
        """
        newest = max(self._reorgs_seen, default=0) if self._reorgs_seen is not None else None
        rows = await cx.fetch(
            f"""select id, chain, streams, ancestor, from_block, events, seen_at from usdx.reorgs
            where id > coalesce($1::bigint, (select max(id) from usdx.reorgs), 0) - {REORGS_LATE} order by id""",  # noqa: S608 (our own number)
            newest,
            on="reorgs",
        )
        seen, self._reorgs_seen = self._reorgs_seen, frozenset(row["id"] for row in rows)
        if seen is None:
            return
        found = [
            Reorg(**{name: row[name] for name in Reorg.__struct_fields__}) for row in rows if row["id"] not in seen
        ]
        self._tell("reorg", found)
        told = self._told or {}
        for reorg in found:
            told.update({one: min(told[one], reorg.ancestor) for one in reorg.streams if one in told})

    async def _events(self, cx: Connection, table: EventTable, here: Position, told: int) -> list[tuple[str, bytes]]:
        """The messages about a table's events in the blocks above `told`, as topic and JSON."""
        rows = await cx.fetch(
            f"""select $1::text as chain, {table.select} from "{table.protocol}"."{table.name}" e
            where e.chain_id = $2 and e.block_number > $3 and e.block_number <= $4
            order by e.block_number, e.log_index limit {EVENTS_AT_ONCE + 1}""",  # noqa: S608 (names from the catalogue)
            here.chain,
            here.chain_id,
            told,
            here.block_number,
            on=table.name,
        )
        if len(rows) > EVENTS_AT_ONCE:
            gap = Gap(table.protocol, table.contract, table.short, here.chain, told + 1, here.block_number)
            return [("gap", msgspec.json.encode(gap))]
        news = [NewEvent(table.protocol, table.contract, table.short, event_of(row, table.columns)) for row in rows]
        return [("event", msgspec.json.encode(one)) for one in news]

    async def _look_at_prices(self, cx: Connection) -> None:
        rows = await newest(cx)
        before, self._priced_at = self._priced_at, {row["feed"]: row["observed_at"] for row in rows}
        if before is not None:
            self._tell(
                "price", [price_of(row) for row in rows if row["observed_at"] > before.get(row["feed"], LONG_AGO)]
            )

    async def _look_at_alerts(self, cx: Connection) -> None:
        """They are stamped before they are committed, so that the newest time alone does not say which are new."""
        newest = max(self._alerts_seen.values(), default=LONG_AGO) if self._alerts_seen is not None else None
        rows = await cx.fetch(
            """select fingerprint, alertname, severity, service, status, starts_at,
                coalesce(annotations->>'summary', '') as summary, first_received_at
            from usdx.alert_notifications
            where first_received_at >
                coalesce($1::timestamptz, (select max(first_received_at) from usdx.alert_notifications)) - $2::interval
            order by first_received_at, fingerprint""",
            newest,
            ALERTS_LATE,
            on="alert_notifications",
        )
        seen, self._alerts_seen = self._alerts_seen, {_key(row): row["first_received_at"] for row in rows}
        if seen is not None:
            new = [row for row in rows if _key(row) not in seen and row["alertname"] != WATCHDOG]
            self._tell("alert", [NewAlert(**{name: row[name] for name in NewAlert.__struct_fields__}) for row in new])

    def _tell(self, topic: str, news: Sequence[msgspec.Struct]) -> None:
        if len(news) > TOLD_AT_ONCE:
            self._to.skip(topic)
            return
        for one in news:
            self._to.publish(topic, msgspec.json.encode(one))


def belongs(stream: str, table: EventTable) -> bool:
    """Whether the stream fills the table."""
    key, _, contract = stream.partition("/")
    return key in table.keys and contract == table.contract


def _key(row: Mapping[str, Any]) -> AlertKey:
    return row["fingerprint"], row["starts_at"], row["status"]
