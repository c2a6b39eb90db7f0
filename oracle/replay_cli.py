"""The command `usdx replay`: re-run the oracle's aggregation over stored quotes."""

from __future__ import annotations

import asyncio
import json
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from shared.cli import border, config_option, load_settings

if TYPE_CHECKING:
    from oracle.replay import Compared, Summary
    from shared.settings import Settings

SHOWN = 50


@click.command()
@click.option("--feed", required=True, help="Such as ETH/USD.")
@click.option(
    "--from", "first", default="1h", show_default=True, help="A time (2026-05-01T12:00Z) or how long ago (1h)."
)
@click.option("--to", "last", default="0", show_default=True, help="Likewise; 0 is now.")
@click.option(
    "--set", "changes", multiple=True, metavar="KEY=VALUE", help="Another limit, such as max_deviation_bps=50."
)
@click.option("--json", "as_json", is_flag=True, help="Every observation as a JSON line, changed or not.")
@config_option
def replay(feed: str, first: str, last: str, changes: tuple[str, ...], as_json: bool, config: Path | None) -> None:
    """Run today's rules over stored quotes and show what would have changed."""
    with border():
        settings = changed(load_settings(config), feed, changes)
        now_s = time.time()
        summary = asyncio.run(_replay(settings, feed, moment_s(first, now_s), moment_s(last, now_s), as_json))
    if not as_json:
        click.echo(
            f"{summary.rounds} observations, {summary.changed} would have changed:"
            f" {summary.gained} priced that were not, {summary.lost} refused that were not,"
            f" {summary.moved} at another price (by at most {summary.largest_move_bps:.1f} bps)"
        )


def changed(settings: Settings, feed: str, changes: tuple[str, ...]) -> Settings:
    """The settings with other limits for one feed; `source.key=value` reaches a source's table. Raises ConfigError."""
    from pydantic import ValidationError

    from shared.errors import ConfigError
    from shared.settings import FeedSettings

    if feed not in settings.feeds:
        raise ConfigError(f"--feed {feed}: expected one of {', '.join(settings.feeds) or '(no feeds are configured)'}")
    table: dict[str, Any] = settings.feeds[feed].model_dump()
    for change in changes:
        key, equals, value = change.partition("=")
        source, dot, name = key.partition(".")
        if not equals or (not dot and key not in FeedSettings.model_fields):
            raise ConfigError(f"--set {change}: expected KEY=VALUE with a key of a feed")
        if dot:
            table["parameters"] = {**table["parameters"], source: {**table["parameters"].get(source, {}), name: value}}
        else:
            table[key] = value
    try:
        found = FeedSettings.model_validate(table)
    except ValidationError as exc:
        first = exc.errors(include_url=False)[0]
        raise ConfigError(f"--set {'.'.join(map(str, first['loc']))}: {first['msg']}") from exc
    return settings.model_copy(update={"feeds": {**settings.feeds, feed: found}})


def moment_s(text: str, now_s: float) -> float:
    """Unix seconds of a time, or of so long ago. Raises ConfigError."""
    from shared.errors import ConfigError
    from shared.settings import parse_seconds

    try:
        return now_s - parse_seconds(text)
    except ValueError:
        pass
    try:
        found = datetime.fromisoformat(text)
    except ValueError as exc:
        raise ConfigError(f"{text}: expected a time such as 2026-05-01T12:00Z or a duration such as 1h") from exc
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()


async def _replay(settings: Settings, feed: str, first_s: float, last_s: float, as_json: bool) -> Summary:
    from oracle.model import Pair
    from oracle.plan import plan
    from oracle.replay import Replay, Summary, stored
    from oracle.store import Store
    from shared.db import Database
    from shared.metrics import Registry

    pair, summary = Pair.parse(feed), Summary()
    rules = plan(settings).feed(pair).feed
    run, warm_up_s = Replay(rules), max(rules.limits.cache_s, rules.limits.jump_window_s)
    async with await Database.open(settings, Registry(), application_name="usdx replay") as db:
        await db.migrate()
        async for row, quotes, derivation in Store(db, {}, {}).history(pair, first_s - warm_up_s, last_s):
            one = run.again(stored(row, quotes, derivation))
            if one.was.observed_at_s < first_s:
                continue  # only remembered, as the oracle remembered it then
            summary.add(one)
            if as_json:
                click.echo(json.dumps(_plain(one)))
            elif one.changed and summary.changed <= SHOWN:
                click.echo(_line(one))
    return summary


def _plain(one: Compared) -> dict[str, Any]:
    was, now = one.was, one.now
    return {
        "observed_at": _iso(was.observed_at_s),
        "changed": one.changed,
        "was": {"result": was.result, "price": _text(was.price), "reason": was.reason},
        "now": {"result": now.result, "price": _text(now.price), "reason": now.reason, "detail": now.detail},
    }


def _line(one: Compared) -> str:
    was = f"{one.was.result} {_text(one.was.price) or ''} {one.was.reason or ''}".strip()
    now = f"{one.now.result} {_text(one.now.price) or ''} {one.now.reason or ''}".strip()
    return f"{_iso(one.was.observed_at_s)}  {was}  →  {now}"


def _text(price: object) -> str | None:
    return None if price is None else str(price)


def _iso(at_s: float) -> str:
    return datetime.fromtimestamp(at_s, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
