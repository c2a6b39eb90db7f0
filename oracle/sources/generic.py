"""Any HTTP source, described in the configuration alone.

`url` holds `{symbol}`; `price`, `time` and `echo` are paths of keys and positions with dots, such as `data.0.last`.
`time_unit` is s, ms, us, ns or iso. `echo`, when given, must repeat the symbol.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote

from oracle.body import iso_s, number, optional_number, parse, text, unix_s
from oracle.model import Outcome, Pair, Refused, Ticker
from oracle.reasons import Reason
from oracle.venue import Budget, Request, Venue

_UNITS = {"s": 1, "ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}


@dataclass(frozen=True, slots=True)
class Description:
    """A venue in words of the configuration; see the module's docstring."""

    price: str
    path: str = ""
    time: str | None = None
    time_unit: str = "s"
    echo: str | None = None
    volume: str | None = None
    sequence: str | None = None

    def request(self, symbols: Sequence[str]) -> Request:
        return Request(self.path.replace("{symbol}", quote(symbols[0], safe="")))

    def read(self, symbols: Sequence[str], body: bytes) -> dict[str, Outcome]:
        found = parse(body)
        if self.echo is not None and (said := text(found, *steps(self.echo))) != symbols[0]:
            return {symbols[0]: Refused(Reason.WRONG_PAIR, f"it speaks of {said[:40]!r}, asked for {symbols[0]!r}")}
        return {symbols[0]: self._ticker(found)}

    def _ticker(self, found: object) -> Ticker:
        return Ticker(
            price=number(found, *steps(self.price)),
            time_s=self._time_s(found),
            volume=optional_number(found, *steps(self.volume)) if self.volume else None,
            sequence=text(found, *steps(self.sequence)) if self.sequence else None,
        )

    def _time_s(self, found: object) -> float | None:
        if self.time is None:
            return None
        if self.time_unit == "iso":
            return iso_s(found, *steps(self.time))
        return unix_s(found, *steps(self.time), unit=_UNITS[self.time_unit])


def steps(path: str) -> tuple[str | int, ...]:
    """`data.0.last` → ("data", 0, "last"); a key of digits is written in quotes, `data.'0'`."""
    return tuple(_step(part) for part in path.split(".") if part)


def _step(part: str) -> str | int:
    if part.removeprefix("-").isdecimal():
        return int(part)
    return part.strip("'")


def symbol(pair: Pair) -> str:
    return f"{pair.base}{pair.quote}"


def venue(name: str, base_url: str, described: Description) -> Venue:
    """The venue that a description makes."""
    return Venue(
        name=name,
        spec="your configuration",
        base_url=base_url,
        budget=Budget(requests=60, per_s=60),
        symbol=symbol,
        request=described.request,
        read=described.read,
    )
