"""Ask every source of every feed once, and say what is wrong and what to do."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from oracle.aggregate import Memory
from oracle.board import Board
from oracle.limits import Terms
from oracle.model import Input, Round
from oracle.plan import AskPerson, AskVenue, FeedPlan, Plan, plan
from oracle.reasons import EXPLAINED, Reason
from oracle.round import Rounds
from oracle.samples import Samples
from oracle.wiring import Sources, open_sources
from shared.clock import Clock
from shared.metrics import Registry
from shared.settings import Settings


@dataclass(frozen=True, slots=True)
class Line:
    """One source of one feed as it answered. `advice` is empty when all is well."""

    feed: str
    source: str
    asked: str
    price: str
    age: str
    latency: str
    apart: str
    note: str
    problem: str
    advice: str


@dataclass(frozen=True, slots=True)
class Need:
    """What the feeds ask of a venue against what it allows, in requests per second."""

    venue: str
    needs_per_s: float
    allows_per_s: float

    @property
    def too_much(self) -> bool:
        """Whether the venue will be asked more often than it allows."""
        return self.needs_per_s > self.allows_per_s


@dataclass(frozen=True, slots=True)
class Report:
    """Everything the check found out."""

    lines: tuple[Line, ...]
    needs: tuple[Need, ...]

    @property
    def ok(self) -> bool:
        """Every source gave a usable price and no venue is asked too often."""
        return not any(one.problem for one in self.lines) and not any(one.too_much for one in self.needs)


async def check(settings: Settings, clock: Clock) -> Report:
    """One round of every feed, conversions first, without a database. Raises ConfigError."""
    planned = plan(settings)
    board, ages = Board(), {one.pair: one.feed.limits.max_age_s for one in planned.feeds}
    lines: list[Line] = []
    if not planned.feeds:
        return Report((), ())
    async with open_sources(settings, planned, Registry(), clock, Samples()) as sources:
        for feed in planned.feeds:
            rounds = Rounds(feed, sources.asker.ask, board, ages, clock, Memory())
            lines.extend(_lines(feed, await rounds.take()))
        return Report(tuple(lines), tuple(needs(planned, sources)))


def _lines(feed: FeedPlan, done: Round) -> Iterable[Line]:
    latency = {one.source: one.duration_s for one in done.fetched}
    for one in done.observation.inputs:
        terms = feed.feed.terms[one.source]
        yield _line(feed, terms, one, latency[one.source], done.observation.observed_at_s)
    seen = done.observation
    if seen.result != "fresh" and seen.reason is not None:
        advice = EXPLAINED[seen.reason].advice
        yield Line(str(seen.feed), "=", "", "-", "-", "-", "-", "", f"{seen.reason}: {seen.detail}", advice)
        return
    apart = f"{seen.spread_bps:.1f} bps" if seen.spread_bps is not None else "-"
    note = f"{len(seen.used)} sources, {len(seen.groups)} groups, confidence {seen.confidence}"
    yield Line(
        str(seen.feed), "=", "", _short(seen.price), "-", f"{done.duration_s * 1000:.0f} ms", apart, note, "", ""
    )


def _line(feed: FeedPlan, terms: Terms, one: Input, latency_s: float, now_s: float) -> Line:
    quote, ask = one.quote, feed.asks[one.source]
    symbol = ask.symbol if isinstance(ask, AskVenue) else "by hand" if isinstance(ask, AskPerson) else ask.chain
    notes = [quote.note if quote else "", f"says {quote.claims}" if quote and quote.claims else ""]
    reason = one.reason
    if reason is Reason.EXPIRED:  # nobody needs to have set a price
        notes, reason = [one.detail], None
    return Line(
        feed=str(feed.pair),
        source=one.source,
        asked=f"{terms.pair} {symbol}",
        price=_short(quote.price) if quote else "-",
        age=f"{now_s - quote.time_s:.1f} s" if quote and quote.time_s is not None else "no time",
        latency=f"{latency_s * 1000:.0f} ms",
        apart=f"{one.deviation_bps:.1f} bps" if one.deviation_bps is not None else "-",
        note=", ".join(filter(None, notes)),
        problem=f"{reason}: {one.detail}" if reason else "",
        advice=EXPLAINED[reason].advice if reason else "",
    )


def _short(price: object) -> str:
    return f"{price:.10g}" if price is not None else "-"


def needs(planned: Plan, sources: Sources) -> Iterable[Need]:
    """Joint questions count once: of feeds with one period, as many requests as the symbols need."""
    for name, desk in sources.desks.items():
        budget = desk.plan.venue.budget
        per_s = 0.0
        for every_s, symbols in _by_period(name, planned.feeds).items():
            per_s += -(-symbols // budget.symbols) / every_s
        yield Need(name, per_s, budget.requests / budget.per_s)


def _by_period(venue: str, feeds: Sequence[FeedPlan]) -> Mapping[float, int]:
    symbols: dict[float, set[str]] = {}
    for feed in feeds:
        asks = [ask for ask in feed.asks.values() if isinstance(ask, AskVenue) and ask.venue == venue]
        symbols.setdefault(feed.every_s, set()).update(ask.symbol for ask in asks)
    return {every_s: len(found) for every_s, found in symbols.items()}


def written(report: Report) -> str:
    """The report as a table for a terminal, problems below it."""
    head = ("feed", "source", "asked for", "price", "age", "took", "apart", "")
    rows = [head, *((o.feed, o.source, o.asked, o.price, o.age, o.latency, o.apart, o.note) for o in report.lines)]
    widths = [max(len(row[i]) for row in rows) for i in range(len(head))]
    out = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    out.append("")
    out.extend(
        f"{one.venue}: needs {one.needs_per_s:.2f} requests/s of {one.allows_per_s:.2f}"
        + (" — TOO MANY: raise `every`, or list fewer symbols" if one.too_much else "")
        for one in report.needs
    )
    troubles = [one for one in report.lines if one.problem]
    out.extend(f"\n{one.feed} {one.source}: {one.problem}\n  → {one.advice}" for one in troubles)
    out.append("" if troubles else "\nEvery source answers.")
    return "\n".join(out).rstrip()
