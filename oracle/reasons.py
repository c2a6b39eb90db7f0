"""Every reason a price can be refused: one word for log, metric, row and page."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Reason(StrEnum):
    """The closed set. Where a reason arises is told by `EXPLAINED`."""

    # asking
    TIMEOUT = "timeout"
    UNREACHABLE = "unreachable"
    RATE_LIMITED = "rate_limited"
    AUTH = "auth"
    GEO_BLOCKED = "geo_blocked"
    HTTP_STATUS = "http_status"
    VENUE_ERROR = "venue_error"
    MAINTENANCE = "maintenance"
    UNKNOWN_SYMBOL = "unknown_symbol"
    MALFORMED = "malformed"
    REVERTED = "reverted"
    RPC = "rpc"
    OLD_BLOCK = "old_block"
    EXPIRED = "expired"
    PAUSED = "paused"
    # one quote
    NOT_FINITE = "not_finite"
    NON_POSITIVE = "non_positive"
    WRONG_PAIR = "wrong_pair"
    FUTURE = "future"
    STALE = "stale"
    FROZEN = "frozen"
    SCALE = "scale"
    SEQUENCER_DOWN = "sequencer_down"
    WIDE_CONFIDENCE = "wide_confidence"
    ILLIQUID = "illiquid"
    OUT_OF_BOUNDS = "out_of_bounds"
    WINDOW = "window"
    SPOT_DEVIATION = "spot_deviation"
    NO_CONVERSION = "no_conversion"
    DEVIATION = "deviation"
    CLOCK = "clock"
    # one observation
    NO_QUOTES = "no_quotes"
    QUORUM = "quorum"
    JUMP = "jump"


@dataclass(frozen=True, slots=True)
class Explanation:
    """What a reason means and what a person can do. `where` is fetch, quote or observation (or several)."""

    where: str
    meaning: str
    advice: str


EXPLAINED: dict[Reason, Explanation] = {
    Reason.TIMEOUT: Explanation(
        "fetch",
        "The source did not answer within the round's deadline.",
        "Raise the feed's `timeout`, or look at the route to the venue.",
    ),
    Reason.UNREACHABLE: Explanation(
        "fetch",
        "No connection: refused, reset, name not found, TLS failure.",
        "Check `base_url`, DNS, proxy and firewall.",
    ),
    Reason.RATE_LIMITED: Explanation(
        "fetch",
        "The venue said 429 or 418, or our own budget for it is spent; it is left alone until its `Retry-After`.",
        "Ask less often (`every`), or set the venue's real budget (`requests`, `per`).",
    ),
    Reason.AUTH: Explanation(
        "fetch",
        "The venue wants a key, or refuses the one it got (401, 403).",
        "Set `token` or `token_file` of the venue; since August 2026 Pyth Hermes wants one.",
    ),
    Reason.GEO_BLOCKED: Explanation(
        "fetch",
        "The venue does not serve this country (451).",
        "Use the venue's other host as `base_url`, or drop the source.",
    ),
    Reason.HTTP_STATUS: Explanation(
        "fetch",
        "An HTTP status that is neither success nor one of the better known refusals.",
        "Read the detail; 5xx mend themselves.",
    ),
    Reason.VENUE_ERROR: Explanation(
        "fetch", "A body that says error, often under status 200.", "Read the venue's words in the detail."
    ),
    Reason.MAINTENANCE: Explanation(
        "fetch", "The venue says that it is not trading normally.", "Wait; the source returns by itself."
    ),
    Reason.UNKNOWN_SYMBOL: Explanation(
        "fetch",
        "The venue does not know the symbol, or left it out of its answer.",
        "Set the source's `symbol`; run `usdx oracle check`. Remove the source if it was delisted.",
    ),
    Reason.MALFORMED: Explanation(
        "fetch",
        "The body is not what the venue documents: HTML, cut short, a key twice, a price that is no number.",
        "Read the detail; if the venue changed its format, report it.",
    ),
    Reason.REVERTED: Explanation(
        "fetch",
        "The contract refused the call or is not there.",
        "Check the address and the chain; `usdx oracle check` calls it once.",
    ),
    Reason.RPC: Explanation(
        "fetch", "The node could not be asked.", "Look at the chain's endpoints; another endpoint is tried by itself."
    ),
    Reason.OLD_BLOCK: Explanation(
        "fetch",
        "The node answered from a block that is too old to trust its state.",
        "The node lags or its chain halted; add an endpoint.",
    ),
    Reason.EXPIRED: Explanation(
        "quote",
        "There is no manual price, or its time is over.",
        "Set one again with `usdx oracle set-price`, if it is still wanted.",
    ),
    Reason.PAUSED: Explanation(
        "fetch",
        "The source failed several times in a row and is left alone for a moment.",
        "Nothing: it is asked again by itself, at most a minute later. See the reason before it.",
    ),
    Reason.NOT_FINITE: Explanation(
        "quote", "The price is NaN or infinite.", "The venue's fault; the source returns by itself."
    ),
    Reason.NON_POSITIVE: Explanation(
        "quote", "The price is zero or negative.", "The venue's fault; the source returns by itself."
    ),
    Reason.WRONG_PAIR: Explanation(
        "quote",
        "The source speaks of another pair than the feed wants.",
        "Mend the source's `pair`, `symbol` or `address`. USDT is not USD.",
    ),
    Reason.FUTURE: Explanation(
        "quote",
        "The venue's time is more than 5 s ahead of ours.",
        "Check the venue's `time_unit`; when all sources do it the reason is `clock`.",
    ),
    Reason.STALE: Explanation(
        "quote",
        "The price is older than `max_age`, by the venue's own time where it gives one.",
        "A quiet market or a dead feed; set the source's own `max_age` or `heartbeat` if it is slow by nature.",
    ),
    Reason.FROZEN: Explanation(
        "quote",
        "Price, volume and sequence did not change while the other sources moved.",
        "The venue serves an old answer under a good status; it returns with its first change.",
    ),
    Reason.SCALE: Explanation(
        "quote",
        "The price is off by a power of ten, or the contract's decimals are not the declared ones.",
        "A feed changed its decimals: check `decimals`.",
    ),
    Reason.SEQUENCER_DOWN: Explanation(
        "quote",
        "The rollup's sequencer is down, or came back less than the grace time ago.",
        "Wait; the source returns after `sequencer_grace`.",
    ),
    Reason.WIDE_CONFIDENCE: Explanation(
        "quote", "The source itself says that its price is uncertain.", "A wild market; or raise `max_confidence_bps`."
    ),
    Reason.ILLIQUID: Explanation(
        "quote",
        "Too little volume or liquidity stands behind the price.",
        "Lower `min_volume` or `min_liquidity`, or use a deeper market.",
    ),
    Reason.OUT_OF_BOUNDS: Explanation(
        "quote",
        "The price is outside the feed's own `min_price` and `max_price`.",
        "If the market is really there, move the bounds.",
    ),
    Reason.WINDOW: Explanation(
        "quote",
        "The time-weighted average has no full window behind it yet.",
        "Wait for the window, shorten `window`, or raise the pool's observation cardinality.",
    ),
    Reason.SPOT_DEVIATION: Explanation(
        "quote",
        "The pool's momentary price is far from its average: a fast market, or somebody pushes it.",
        "Wait; the source returns when they meet. Limit: `max_spot_deviation_bps`.",
    ),
    Reason.NO_CONVERSION: Explanation(
        "quote",
        "The quote is in another currency and the feed that converts it has no fresh price.",
        "Look at the conversion feed named in the detail.",
    ),
    Reason.DEVIATION: Explanation(
        "quote, observation",
        "Sources disagree by more than `max_deviation_bps`: a lone one is dropped; without a majority the round fails.",
        "Look with `explain` whether one source is broken or the market moves.",
    ),
    Reason.CLOCK: Explanation(
        "quote, observation",
        "All sources look future or past together: our own clock is wrong.",
        "Set this machine's clock (NTP).",
    ),
    Reason.NO_QUOTES: Explanation(
        "observation", "No source gave a usable quote.", "See the reason of each input with `explain`."
    ),
    Reason.QUORUM: Explanation(
        "observation",
        "Fewer independent groups than `min_sources` stand behind the price.",
        "Bring sources back or add independent ones; */USDT markets share one group.",
    ),
    Reason.JUMP: Explanation(
        "observation",
        "The price left the recent one by more than `max_jump_bps`.",
        "Nothing: accepted after agreeing rounds, or when the recent price is older than 120 s.",
    ),
}
