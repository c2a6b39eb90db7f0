"""Read which alert channels are switched on, and refuse a half-configured one by its name.

A channel is on when its secret lies in the folder: `slack_api_url`, `smtp_password`, `pagerduty_routing_key`,
`pagerduty_secondary_routing_key`, `watchdog_url`, `webhook_token`. What is no secret stands in `channels.toml` beside
them. Alertmanager reads the secrets itself, and only when it first sends: hence the check here.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

SETTINGS = "channels.toml"
WEBHOOK_URL = "http://aggregator:3001/api/v1/internal/alerts/webhook"
PAGERDUTY_URL = "https://events.pagerduty.com/v2/enqueue"
SECRETS = {
    "webhook_token": "webhook",
    "slack_api_url": "slack",
    "smtp_password": "email",
    "pagerduty_routing_key": "pagerduty",
    "pagerduty_secondary_routing_key": "pagerduty-secondary",
    "watchdog_url": "watchdog",
}
_KNOWN: Mapping[str, tuple[str, ...]] = {
    "webhook": ("url",),
    "slack": ("critical", "warning", "info"),
    "email": ("smarthost", "from", "username", "oncall", "team", "require_tls"),
    "pagerduty": ("url",),
}
_EMAIL_NEEDS = ("smarthost", "from", "oncall", "team")


class ChannelsRefused(Exception):
    """One or more channels are half configured; each problem names the channel and what to do."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


@dataclass(frozen=True, slots=True)
class Email:
    """Where mail goes out and to whom."""

    smarthost: str
    sender: str
    username: str
    oncall: tuple[str, ...]
    team: tuple[str, ...]
    require_tls: bool


@dataclass(frozen=True, slots=True)
class Channels:
    """What is switched on. `folder` is where Alertmanager finds the secrets, by its own view of the disk."""

    folder: Path
    on: frozenset[str] = frozenset()
    webhook_url: str = WEBHOOK_URL
    pagerduty_url: str = PAGERDUTY_URL
    slack: Mapping[str, str] = field(
        default_factory=lambda: {"critical": "#usdx-critical", "warning": "#usdx-warnings", "info": "#usdx-info"}
    )
    email: Email | None = None
    watchdog_url: str = ""

    def secret(self, name: str) -> str:
        """The path of a secret, as Alertmanager sees it."""
        return str(self.folder / name)


def read(folder: Path, seen_as: Path | None = None) -> Channels:
    """The channels of a folder. `seen_as` is the folder's path for Alertmanager, when that differs.

    Raises ChannelsRefused with every problem at once.
    """
    problems: list[str] = []
    settings = _settings(folder / SETTINGS, problems)
    on = frozenset(SECRETS[name] for name in SECRETS if _is_on(folder / name, SECRETS[name], problems))
    problems += _half(on, settings)
    if problems:
        raise ChannelsRefused(problems)
    section = settings.get
    return Channels(
        folder=seen_as or folder.resolve(),
        on=on,
        webhook_url=section("webhook", {}).get("url", WEBHOOK_URL),
        pagerduty_url=section("pagerduty", {}).get("url", PAGERDUTY_URL),
        slack=Channels(folder).slack | section("slack", {}),
        email=_email(section("email", {})) if "email" in on else None,
        watchdog_url=(folder / "watchdog_url").read_text() if "watchdog" in on else "",
    )


def _settings(path: Path, problems: list[str]) -> Mapping[str, Any]:
    if not path.exists():
        return {}
    try:
        found = tomllib.loads(path.read_text())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as exc:
        problems.append(f"{path}: cannot be read as TOML: {exc}")
        return {}
    for section, keys in found.items():
        if section not in _KNOWN or not isinstance(keys, dict):
            problems.append(f"{path}: [{section}] is no channel; known are {', '.join(_KNOWN)}")
            continue
        problems += [
            f"{path}: {section}.{key} is unknown; expected one of {', '.join(_KNOWN[section])}"
            for key in keys
            if key not in _KNOWN[section]
        ]
    return found if not problems else {}


def _is_on(path: Path, channel: str, problems: list[str]) -> bool:
    if not path.exists():
        return False
    try:
        text = path.read_text()
    except (OSError, UnicodeDecodeError) as exc:
        problems.append(f"{channel}: {path} cannot be read: {exc}")
        return False
    if not text.strip():
        problems.append(f"{channel}: {path} is empty; put the secret in it, or remove it to switch {channel} off")
    elif text != text.strip():
        problems.append(f"{channel}: {path} has white space around the secret; write it without (printf, not echo)")
    elif path.name.endswith("_url") and not urlsplit(text).netloc:
        problems.append(f"{channel}: {path} does not hold a URL")
    return True


def _half(on: frozenset[str], settings: Mapping[str, Any]) -> Iterator[str]:
    email = settings.get("email", {})
    if "email" in on:
        yield from (
            f"email: smtp_password is there, but {SETTINGS} lacks email.{key}"
            for key in _EMAIL_NEEDS
            if not email.get(key)
        )
    elif email:
        yield f"email: {SETTINGS} has [email], but there is no smtp_password; put it in place or remove the section"
    if settings.get("slack") and "slack" not in on:
        yield f"slack: {SETTINGS} has [slack], but there is no slack_api_url; put it in place or remove the section"
    if "pagerduty-secondary" in on and "pagerduty" not in on:
        yield "pagerduty-secondary: there is no pagerduty_routing_key; the second line needs a first"


def _email(found: Mapping[str, Any]) -> Email:
    return Email(
        smarthost=found["smarthost"],
        sender=found["from"],
        username=found.get("username", found["from"]),
        oncall=_addresses(found["oncall"]),
        team=_addresses(found["team"]),
        require_tls=found.get("require_tls", True),
    )


def _addresses(found: str | list[str]) -> tuple[str, ...]:
    return (found,) if isinstance(found, str) else tuple(found)
