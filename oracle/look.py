"""The oracle's part of `usdx check`: one finding a feed, and one for each venue that would be asked too often."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from oracle.check import Line, Need, check
from oracle.errors import FeedUnsound
from shared.check import Finding
from shared.clock import Clock
from shared.errors import ConfigError
from shared.settings import Settings


async def look(settings: Settings, clock: Clock) -> list[Finding]:
    """Plan all feeds and ask every source once."""
    try:
        report = await check(settings, clock)
    except ConfigError as exc:
        return [Finding("feeds", "", exc)]
    by_feed: dict[str, list[Line]] = {}
    for line in report.lines:
        by_feed.setdefault(line.feed, []).append(line)
    return [_feed(name, lines) for name, lines in by_feed.items()] + list(_crowded(report.needs))


def _feed(name: str, lines: Sequence[Line]) -> Finding:
    troubles = [f"{one.source}: {one.problem} ({one.advice})" for one in lines if one.problem]
    if troubles:
        return Finding(f"feed {name}", "", FeedUnsound("; ".join(troubles)))
    return Finding(f"feed {name}", f"{lines[-1].price} from {lines[-1].note}")


def _crowded(needs: Iterable[Need]) -> Iterable[Finding]:
    for one in needs:
        if one.too_much:
            wrong = f"the feeds ask {one.needs_per_s:.2f} times a second; {one.allows_per_s:.2f} are allowed"
            yield Finding(f"venue {one.venue}", "", ConfigError(f"{wrong}: raise `every`, or list fewer symbols"))
