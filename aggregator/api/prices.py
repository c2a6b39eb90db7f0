"""Show the prices that the oracle formed, their history, and how one came about."""

from decimal import Decimal
from typing import Annotated, Any, Literal

import msgspec

from aggregator.api.answers import After, Amount, Instant, Item, Limit, Page, as_of
from aggregator.api.keyset import Key, Order
from aggregator.api.operation import Nothing, Operation, operation
from aggregator.api.problems import Refused
from shared.db import Connection

TAG = "prices"
KEYS = (Key("observed_at", "timestamptz"),)
NEWEST, OLDEST = Order("-time", KEYS, True), Order("time", KEYS, False)

Symbol = Annotated[str, msgspec.Meta(pattern="^[A-Za-z0-9.]{1,16}$", examples=["ETH"])]
Result = Literal["fresh", "cached", "refused"]


class FeedKey(msgspec.Struct, forbid_unknown_fields=True):
    """Which feed."""

    base: Symbol
    quote: Annotated[str, msgspec.Meta(pattern="^[A-Za-z0-9.]{1,16}$", examples=["USD"])]


class HistoryQuery(FeedKey, forbid_unknown_fields=True):
    """Which part of a feed's history."""

    limit: Limit = 100
    after: After | None = None
    sort: Literal["-time", "time"] = "-time"
    result: Result | None = None
    observed_at_from: Instant | None = None
    observed_at_before: Instant | None = None


class ExplainQuery(FeedKey, forbid_unknown_fields=True):
    """Which moment of a feed."""

    at: Annotated[Instant | None, msgspec.Meta(description="The moment to explain; now when left out.")] = None


class Price(msgspec.Struct):
    """The newest observation of a feed. `price` is null when there never was one, or it was refused."""

    feed: str
    base: str
    quote: str
    price: Amount | None
    result: Annotated[Result, msgspec.Meta(description="`cached` repeats the last good price and is not published.")]
    reason: Annotated[str | None, msgspec.Meta(description="Why there is no fresh price.")]
    detail: str | None
    spread_bps: Annotated[Amount | None, msgspec.Meta(description="Disagreement of the sources in 1/100 %.")]
    confidence: Amount
    sources_used: int
    observed_at: Instant
    oldest_input_at: Annotated[
        Instant | None, msgspec.Meta(description="The oldest time that a source gave its price.")
    ]
    published: bool
    required: bool
    heartbeat_s: Annotated[float, msgspec.Meta(description="The longest silence that is allowed, in seconds.")]


class Observation(msgspec.Struct):
    """What the sources of a feed came to in one round."""

    observed_at: Instant
    price: Amount | None
    result: Result
    reason: str | None
    spread_bps: Amount | None
    confidence: Amount
    sources_used: int
    sources_dropped: int
    published: bool


class Explanation(msgspec.Struct):
    """How an observation came about: every quote, what became of it and why, and the arithmetic."""

    feed: str
    observed_at: Instant
    result: Result
    price: Amount | None
    reason: str | None
    detail: str | None
    quotes: list[dict[str, Any]]
    derivation: Any


async def prices(cx: Connection, asked: Nothing) -> Page[Price]:
    """The newest price of every feed."""
    return Page([price_of(row) for row in await newest(cx)], None, await as_of(cx))


async def price(cx: Connection, asked: FeedKey) -> Item[Price]:
    """The newest price of one feed."""
    rows = await newest(cx, feed_of(asked))
    if not rows:
        raise _unknown(asked)
    return Item(price_of(rows[0]), await as_of(cx))


async def history(cx: Connection, asked: HistoryQuery) -> Page[Observation]:
    """The observations of one feed."""
    by = OLDEST if asked.sort == "time" else NEWEST
    limits = {
        "result = ${}": asked.result,
        "observed_at >= ${}": asked.observed_at_from,
        "observed_at < ${}": asked.observed_at_before,
    }
    conditions: list[str] = ["feed = $1"]
    arguments: list[object] = [feed_of(asked)]
    for condition, value in limits.items():
        if value is not None:
            arguments.append(value)
            conditions.append(condition.format(len(arguments)))
    if asked.after is not None:
        conditions.append(by.behind(len(arguments) + 1))
        arguments += by.values(asked.after)
    rows = await cx.fetch(
        f"""select observed_at, price, result, reason, spread_bps, confidence, sources_used, sources_dropped, published
        from usdx.observations where {" and ".join(conditions)} order by {by.sql} limit {asked.limit + 1}""",  # noqa: S608 (only our own names)
        *arguments,
        on="observations",
    )
    if not rows and asked.after is None and not await newest(cx, feed_of(asked)):
        raise _unknown(asked)
    shown = rows[: asked.limit]
    following = by.token([shown[-1]["observed_at"]]) if len(rows) > asked.limit else None
    return Page([Observation(**_plain(row)) for row in shown], following, await as_of(cx))


async def explain(cx: Connection, asked: ExplainQuery) -> Item[Explanation]:
    """Why a feed had the price it had, or none, at a moment."""
    text = await cx.fetchval(
        "select usdx.explain_price($1, coalesce($2, now()))", feed_of(asked), asked.at, on="observations"
    )
    if text is None:
        raise _unknown(asked)
    return Item(msgspec.json.decode(text, type=Explanation), await as_of(cx))


async def newest(cx: Connection, feed: str | None = None) -> list[Any]:
    """The newest observation of every feed, or of one; feed names compare without regard to case."""
    return await cx.fetch(
        """select p.feed, f.base, f.quote, p.price, p.result, p.reason, p.detail, p.spread_bps, p.confidence,
            p.sources_used, p.observed_at, p.oldest_input_at, p.published, f.required, f.heartbeat_s
        from usdx.latest_prices p join usdx.feeds f using (feed)
        where $1::text is null or p.feed = $1 order by p.feed""",
        feed,
        on="latest_prices",
    )


def price_of(row: Any) -> Price:
    """The price in a row of `newest`."""
    return Price(**_plain(row))


def feed_of(asked: FeedKey) -> str:
    """The feed's name."""
    return f"{asked.base}/{asked.quote}".upper()


def _plain(row: Any) -> dict[str, Any]:
    return {name: f"{value:f}" if isinstance(value, Decimal) else value for name, value in row.items()}


def _unknown(asked: FeedKey) -> Refused:
    return Refused("not-found", f"no feed is called {feed_of(asked)}, or it has no observation then", "base")


def price_operations() -> tuple[Operation, ...]:
    """Everything about prices."""
    return (
        operation("GET", "/prices", prices, tag=TAG),
        operation("GET", "/prices/{base}-{quote}", price, tag=TAG, problems=("not-found",)),
        operation("GET", "/prices/{base}-{quote}/history", history, tag=TAG, problems=("not-found",)),
        operation("GET", "/prices/{base}-{quote}/explain", explain, tag=TAG, problems=("not-found",)),
    )
