"""What a source file tells of a venue: how it is asked, how it is read, and how much it allows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from oracle.errors import Unreadable
from oracle.model import Outcome, Pair, Refused, Standing, Ticker
from oracle.reasons import Reason


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP GET: a path below the base URL, and its query."""

    path: str
    query: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Budget:
    """How often a venue may be asked, and how many symbols fit in one question."""

    requests: int
    per_s: float
    symbols: int = 1


@dataclass(frozen=True, slots=True)
class Frame:
    """What one message of a stream means to us.

    `reply` is to be sent back; `reconnect` says that the venue asks us to; `unhealthy` holds for all symbols until a
    frame with `healthy`.
    """

    tickers: Mapping[str, Outcome] = field(default_factory=dict)
    reply: str | None = None
    reconnect: bool = False
    unhealthy: Refused | None = None
    healthy: bool = False


@dataclass(frozen=True, slots=True)
class Ping:
    """How the venue wants to be kept awake: a text frame every `every_s`, or a ping frame when `message` is None.

    `message` gets a counter as its argument.
    """

    every_s: float
    message: Callable[[int], str] | None = None


@dataclass(frozen=True, slots=True)
class Stream:
    """A venue's push channel.

    `path` is appended to `url` and may name the symbols. `subscribe` gives the frames to send first. `read` turns one
    frame into what it means and raises nothing but `Unreadable`. `idle_s` of silence means dead; a connection is
    replaced after `max_age_s`. `bootstrap` asks for the real URL first (KuCoin). Server-sent events have kind "sse".
    """

    url: str
    subscribe: Callable[[Sequence[str]], tuple[str, ...]]
    read: Callable[[bytes], Frame]
    symbol: Callable[[Pair], str]
    path: Callable[[Sequence[str]], str] = lambda symbols: ""
    ping: Ping | None = None
    idle_s: float = 30.0
    max_age_s: float = 23 * 3600.0
    symbols: int = 100
    kind: Literal["ws", "sse"] = "ws"
    bootstrap: Bootstrap | None = None


@dataclass(frozen=True, slots=True)
class Bootstrap:
    """A POST that answers with the URL to connect to."""

    path: str
    url: Callable[[bytes, str], str]


@dataclass(frozen=True, slots=True)
class Venue:
    """One kind of source that is asked over HTTP. `spec` is the page it follows.

    `read` maps every symbol it was asked for to a ticker or a refusal and raises nothing but `Unreadable`, which then
    holds for all of them. `dollar` is what the venue calls dollars in its markets; `statuses` are HTTP statuses with
    another meaning than usual. `key` makes the headers that carry a token.
    """

    name: str
    spec: str
    base_url: str
    budget: Budget
    symbol: Callable[[Pair], str]
    request: Callable[[Sequence[str]], Request]
    read: Callable[[Sequence[str], bytes], Mapping[str, Outcome]]
    dollar: str = "USD"
    standing: Standing = "independent"
    statuses: Mapping[int, Reason] = field(default_factory=dict)
    stream: Stream | None = None
    key: Callable[[str], Mapping[str, str]] = lambda token: {"Authorization": f"Bearer {token}"}
    needs_symbol: bool = False


STATUSES: Mapping[int, Reason] = {
    401: Reason.AUTH,
    403: Reason.AUTH,
    404: Reason.UNKNOWN_SYMBOL,
    418: Reason.RATE_LIMITED,
    429: Reason.RATE_LIMITED,
    451: Reason.GEO_BLOCKED,
}


def read(venue: Venue, symbols: Sequence[str], status: int, body: bytes) -> dict[str, Outcome]:
    """Every symbol's ticker, or why it has none; raises nothing, whatever the bytes.

    An error status keeps its meaning even when the body could be read; the body's own words win over a bare 400.
    """
    by_status = venue.statuses.get(status) or STATUSES.get(status)
    if by_status is not None or status >= 500:
        refused = Refused(by_status or Reason.HTTP_STATUS, f"status {status}: {_glimpse(body)}")
        return dict.fromkeys(symbols, refused)
    try:
        found = venue.read(symbols, body)
    except Unreadable as exc:
        found = dict.fromkeys(symbols, exc.refused)
    missing = Refused(Reason.UNKNOWN_SYMBOL, "not in the answer")
    out = {symbol: found.get(symbol, missing) for symbol in symbols}
    return {symbol: _honest(one, status, body) for symbol, one in out.items()} if status >= 300 else out


def _honest(outcome: Outcome, status: int, body: bytes) -> Outcome:
    """No ticker under a status that is no success; a refusal read from the body says more than the status."""
    if isinstance(outcome, Ticker) or outcome.reason is Reason.MALFORMED:
        return Refused(Reason.HTTP_STATUS, f"status {status}: {_glimpse(body)}")
    return outcome


def read_frame(stream: Stream, message: bytes) -> Frame | Refused:
    """What one frame means, or why it cannot be read; raises nothing, whatever the bytes."""
    try:
        return stream.read(message)
    except Unreadable as exc:
        return exc.refused


def _glimpse(body: bytes) -> str:
    return " ".join(body[:120].decode("utf-8", "replace").split())


def no_subscription(symbols: Sequence[str]) -> tuple[str, ...]:
    """For streams that take their symbols in the URL."""
    return ()
