"""Append rounds to Postgres, and read back what a start or a replay needs."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import msgspec

from oracle.aggregate import Good, Memory
from oracle.derivation import derivation
from oracle.limits import FeedLimits
from oracle.model import Fetched, Input, Pair, Quote, Round
from oracle.onchain import Sample
from oracle.plan import FeedPlan
from oracle.rules.jump import Baseline
from oracle.sources.manual import Entry
from shared.db import Connection, Database

Row = tuple[object, ...]
OBSERVATIONS = tuple(
    """feed observed_at result price reason detail spread_bps confidence sources_used sources_dropped groups
    oldest_input_at published duration_s derivation""".split()  # noqa: SIM905 - a list would take a page
)
QUOTES = tuple(
    """feed observed_at source pair price venue_time server_time received_at receipt_age_s sequence confidence volume
    liquidity spot claims verdict reason detail converted duration_s""".split()  # noqa: SIM905
)
AHEAD_DAYS = 2
LOCK_TIMEOUT = "2s"
SPREAD_PLACES = Decimal("0.000001")


class Store:
    """The oracle's tables."""

    def __init__(self, db: Database, limits: Mapping[Pair, FeedLimits], pairs: Mapping[tuple[Pair, str], Pair]) -> None:
        """`pairs` is what each source of each feed quotes, for the rows of those that failed."""
        self._db, self._limits, self._pairs = db, limits, pairs
        self._days: set[date] = set()

    async def append(self, rounds: Sequence[Round], samples: Sequence[tuple[str, Sample]] = ()) -> None:
        """Store rounds with their quotes, and samples, in one transaction; tells listeners what was published."""
        observations = [self._observation(one) for one in rounds]
        quotes = [row for one in rounds for row in self._quotes(one)]
        async with self._db.transaction() as cx:
            await self._make_days(cx, {_time(one.observation.observed_at_s).date() for one in rounds})
            if rounds:
                await cx.copy_records("usdx", "observations", OBSERVATIONS, observations)
                await cx.copy_records("usdx", "quotes", QUOTES, quotes)
            if samples:
                rows = [(pool, sample.at_s, Decimal(sample.value)) for pool, sample in samples]
                await cx.executemany(
                    "insert into usdx.cumulatives values ($1, $2, $3) on conflict do nothing", rows, on="cumulatives"
                )
            published = [str(one.observation.feed) for one in rounds if one.observation.published]
            if published:
                await cx.execute("select pg_notify('usdx_prices', f) from unnest($1::text[]) f", published)
        self._days.update(_time(one.observation.observed_at_s).date() for one in rounds)

    async def _make_days(self, cx: Connection, days: Iterable[date]) -> None:
        for day in sorted(set(days) - self._days):
            await cx.execute("select usdx.create_oracle_partitions($1)", day, on="observations")

    async def keep_up(self, today: date, retention_days: int) -> int:
        """Make the partitions of the days to come and drop those beyond retention; returns how many went.

        Raises DatabaseConflict when a long query holds the tables; the next time will do.
        """
        async with self._db.transaction() as cx:
            await cx.execute(f"set local lock_timeout = '{LOCK_TIMEOUT}'")
            for ahead in range(AHEAD_DAYS + 1):
                day = today + timedelta(days=ahead)
                await cx.execute("select usdx.create_oracle_partitions($1)", day, on="observations")
            before = today - timedelta(days=retention_days)
            dropped = await cx.fetchval("select usdx.drop_oracle_partitions($1)", before, on="observations")
            await cx.execute(
                "delete from usdx.cumulatives where at_s < extract(epoch from now()) - 2 * 86400", on="cumulatives"
            )
        return int(dropped)

    async def register(self, feeds: Iterable[FeedPlan]) -> None:
        """Say which feeds there are."""
        rows = [(str(f.pair), f.pair.base, f.pair.quote, f.required, f.heartbeat_s) for f in feeds]
        async with self._db.transaction() as cx:
            await cx.execute("update usdx.feeds set active = false where active", on="feeds")
            await cx.executemany(
                """insert into usdx.feeds (feed, base, quote, required, heartbeat_s) values ($1, $2, $3, $4, $5)
                on conflict (feed) do update
                set required = excluded.required, heartbeat_s = excluded.heartbeat_s, active = true""",
                rows,
                on="feeds",
            )

    async def memories(self, now_s: float, not_before_s: float) -> dict[Pair, tuple[Memory, bool]]:
        """What each feed remembers of its last fresh observation since `not_before_s`, and whether it was published."""
        async with self._db.connection() as cx:
            rows = await cx.fetch(
                """select feed, newest.* from usdx.feeds cross join lateral (
                    select price, confidence, observed_at, oldest_input_at, groups, published from usdx.observations o
                    where o.feed = feeds.feed and result = 'fresh' and observed_at between $1 and $2
                    order by observed_at desc limit 1
                ) newest""",
                _time(not_before_s),
                _time(now_s),
                on="observations",
            )
        return {Pair.parse(row["feed"]): (_memory(row), row["published"]) for row in rows}

    async def samples(self) -> list[tuple[str, Sample]]:
        """All stored cumulatives, oldest first."""
        async with self._db.connection() as cx:
            rows = await cx.fetch("select pool, at_s, value from usdx.cumulatives order by at_s", on="cumulatives")
        return [(row["pool"], Sample(row["at_s"], int(row["value"]))) for row in rows]

    async def manual_entries(self) -> dict[Pair, Entry]:
        """The newest manual price of each feed, over or not."""
        async with self._db.connection() as cx:
            rows = await cx.fetch(
                "select distinct on (feed) * from usdx.manual_prices order by feed, id desc", on="manual_prices"
            )
        return {Pair.parse(row["feed"]): _entry(row) for row in rows}

    async def set_manual(self, feed: Pair, entry: Entry) -> None:
        """Append a manual price."""
        async with self._db.connection() as cx:
            await cx.execute(
                """insert into usdx.manual_prices (feed, price, set_at, expires_at, author, why)
                values ($1, $2, $3, $4, $5, $6)""",
                str(feed),
                entry.price,
                _time(entry.set_at_s),
                _time(entry.expires_at_s),
                entry.author,
                entry.why,
                on="manual_prices",
            )

    async def history(
        self, feed: Pair, first_s: float, last_s: float
    ) -> AsyncIterator[tuple[Any, list[Any], dict[str, Any]]]:
        """Each stored observation of a feed in time order, its quotes and its derivation; reads a hundred at a time."""
        last = _time(first_s) - timedelta(microseconds=1)
        while True:
            async with self._db.connection() as cx:
                seen = await cx.fetch(
                    """select * from usdx.observations where feed = $1 and observed_at > $2 and observed_at <= $3
                    order by observed_at limit 100""",
                    str(feed),
                    last,
                    _time(last_s),
                    on="observations",
                )
                if not seen:
                    return
                span = (str(feed), seen[0]["observed_at"], seen[-1]["observed_at"])
                rows = await cx.fetch(
                    "select * from usdx.quotes where feed = $1 and observed_at between $2 and $3 order by source",
                    *span,
                    on="quotes",
                )
            quotes: dict[datetime, list[Any]] = {}
            for row in rows:
                quotes.setdefault(row["observed_at"], []).append(row)
            for row in seen:
                yield row, quotes.get(row["observed_at"], []), msgspec.json.decode(row["derivation"])
            last = seen[-1]["observed_at"]

    def _observation(self, one: Round) -> Row:
        seen = one.observation
        used = sum(1 for i in seen.inputs if i.verdict == "used") if seen.result == "fresh" else 0
        return (
            str(seen.feed),
            _time(seen.observed_at_s),
            seen.result,
            seen.price,
            seen.reason,
            seen.detail or None,
            None if seen.spread_bps is None else seen.spread_bps.quantize(SPREAD_PLACES),
            seen.confidence,
            used,
            sum(1 for i in seen.inputs if i.verdict != "used"),
            list(seen.groups),
            None if seen.oldest_input_at_s is None else _time(seen.oldest_input_at_s),
            seen.published,
            one.duration_s,
            derivation(seen, self._limits[seen.feed]),
        )

    def _quotes(self, one: Round) -> Iterable[Row]:
        fetched = {each.source: each for each in one.fetched}
        seen, at = one.observation, _time(one.observation.observed_at_s)
        feed = str(seen.feed)
        for each in seen.inputs:
            pair = str(self._pairs[seen.feed, each.source])
            yield (
                feed,
                at,
                each.source,
                pair,
                *_quote(each.quote, fetched[each.source], one),
                *_verdict(each, fetched),
            )


def _quote(quote: Quote | None, fetched: Fetched, one: Round) -> Row:
    if quote is None:
        return (None,) * 11
    return (
        quote.price,
        None if quote.time_s is None else _time(quote.time_s),
        None if quote.server_time_s is None else _time(quote.server_time_s),
        _time(quote.received_at_s),
        max(0.0, one.observation.observed_at_s - quote.received_at_s),
        quote.sequence,
        quote.confidence,
        quote.volume,
        quote.liquidity,
        quote.spot,
        quote.claims,
    )


def _verdict(one: Input, fetched: Mapping[str, Fetched]) -> Row:
    return (one.verdict, one.reason, one.detail or None, one.price, fetched[one.source].duration_s)


def _memory(row: Any) -> Memory:
    at_s = row["observed_at"].timestamp()
    oldest = row["oldest_input_at"]
    good = Good(row["price"], row["confidence"], at_s, oldest.timestamp() if oldest else None, tuple(row["groups"]))
    return Memory(baseline=Baseline(row["price"], at_s), good=good)


def _entry(row: Any) -> Entry:
    return Entry(row["price"], row["set_at"].timestamp(), row["expires_at"].timestamp(), row["author"], row["why"])


def _time(unix_s: float) -> datetime:
    """A time that Postgres can hold; what a lying contract says may lie beyond."""
    return datetime.fromtimestamp(min(max(unix_s, 0.0), 2**37), UTC)
