"""Send a harmless test alert through somebody's own Alertmanager, and see which channels delivered it."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import aiohttp

from shared.errors import Permanent, Transient

_PATIENCE_S = 90.0
_COUNTER = re.compile(
    r"^alertmanager_notifications(?P<failed>_failed)?_total\{integration=\"(?P<name>\w+)\".*\} (?P<count>\S+)$"
)


class AlertmanagerSilent(Transient):
    """The Alertmanager at the given URL does not answer."""

    reason = "alertmanager_silent"
    advice = "Check the URL, and that this machine may reach it."


class NotDelivered(Permanent):
    """A channel did not deliver the test alert."""

    reason = "not_delivered"
    advice = "Alertmanager's log says what the channel answered."


Counts = dict[str, tuple[float, float]]
"""By integration: notifications tried, and failed."""


async def sent(url: str, channels: Sequence[str]) -> list[str]:
    """Fire one critical alert called UsdxDrill, wait for the channels, resolve it; one line per channel.

    Raises NotDelivered when a wanted channel failed or stayed silent.
    """
    url = url.rstrip("/")
    try:
        async with aiohttp.ClientSession() as session:
            before = await _counts(session, url)
            wanted = set(channels) or {name for name, (tried, _) in before.items() if tried}
            unknown = wanted - set(before)
            if unknown:
                raise NotDelivered(f"this Alertmanager knows no channel {', '.join(sorted(unknown))}")
            await _post(session, url, ends_in_s=300)
            after = await _until(session, url, before, wanted or {"webhook"})
            await _post(session, url, ends_in_s=0)
    except aiohttp.ClientError as exc:
        raise AlertmanagerSilent(f"{url} does not answer: {exc}") from exc
    return _judged(before, after, wanted or {"webhook"})


def _judged(before: Counts, after: Counts, wanted: set[str]) -> list[str]:
    lines, bad = [], []
    for name in sorted(set(after) & (wanted | {name for name in after if after[name][0] > before[name][0]})):
        tried, failed = (now - then for now, then in zip(after[name], before[name], strict=True))
        verdict = "failed" if failed else "delivered" if tried else "silent"
        lines.append(f"{name:<12} {verdict}")
        if verdict != "delivered" and name in wanted:
            bad.append(f"{name} {verdict}")
    if bad:
        raise NotDelivered(", ".join(bad))
    return lines


async def _until(session: aiohttp.ClientSession, url: str, before: Counts, wanted: set[str]) -> Counts:
    for _ in range(int(_PATIENCE_S)):
        after = await _counts(session, url)
        if all(after[name][0] > before[name][0] for name in wanted):
            await asyncio.sleep(1)  # a failure is counted after the attempt
            return await _counts(session, url)
        await asyncio.sleep(1)
    return await _counts(session, url)


async def _counts(session: aiohttp.ClientSession, url: str) -> Counts:
    async with session.get(f"{url}/metrics") as answer:
        answer.raise_for_status()
        text = await answer.text()
    tried: dict[str, float] = {}
    failed: dict[str, float] = {}
    for line in text.splitlines():
        found = _COUNTER.match(line)
        if found:
            side = failed if found["failed"] else tried
            side[found["name"]] = side.get(found["name"], 0.0) + float(found["count"])
    return {name: (count, failed.get(name, 0.0)) for name, count in tried.items()}


async def _post(session: aiohttp.ClientSession, url: str, ends_in_s: float) -> None:
    now = datetime.now(UTC)
    alert = {
        "labels": {"alertname": "UsdxDrill", "severity": "critical", "service": "drill"},
        "annotations": {"summary": "This is a drill; nothing is wrong.", "description": "Sent by usdx drill."},
        "startsAt": (now - timedelta(seconds=1)).isoformat(),
        "endsAt": (now + timedelta(seconds=ends_in_s)).isoformat(),
    }
    async with session.post(f"{url}/api/v2/alerts", json=[alert]) as answer:
        answer.raise_for_status()
