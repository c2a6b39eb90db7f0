"""Who hears what, how soon: Alertmanager's configuration for the channels that are on.

One integration per receiver, joined by `continue`: a server that hangs then holds up nobody else's notifications.
A critical alert is never grouped, since a group delays its second member; what it explains is inhibited. Written for
Alertmanager 0.25 and newer.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from monitoring.channels import Channels

TEMPLATES = "/etc/alertmanager/templates/*.tmpl"


@dataclass(frozen=True, slots=True)
class Pace:
    """How long alerts of one kind are collected, and how often a group and an unchanged alert are told again."""

    wait: str
    interval: str
    repeat: str


PACES: Mapping[str, Pace] = {
    "critical": Pace("0s", "1m", "1h"),
    "warning": Pace("1m", "5m", "4h"),
    "info": Pace("1h", "1h", "24h"),
    "watchdog": Pace("0s", "30s", "1m"),
}
RECEIVERS: Mapping[str, tuple[str, ...]] = {
    "critical": ("webhook", "pagerduty", "slack-critical", "email-oncall"),
    "warning": ("webhook", "slack-warning", "email-team"),
    "info": ("webhook", "slack-info"),
}
"""Which receivers hear each severity when their channel is on."""

SAME = ("cluster", "service", "chain", "asset")


def config(channels: Channels, paces: Mapping[str, Pace] = PACES, templates: str = TEMPLATES) -> dict[str, Any]:
    """Alertmanager's configuration, ready to be written as YAML."""
    return {
        "global": {"resolve_timeout": "5m", "pagerduty_url": channels.pagerduty_url},
        "templates": [templates],
        "route": _route(channels, paces),
        "receivers": _receivers(channels),
        "inhibit_rules": list(_INHIBITIONS),
    }


def heard(channels: Channels, severity: str) -> tuple[str, ...]:
    """The receivers of a severity whose channel is on."""
    return tuple(name for name in RECEIVERS[severity] if name == "webhook" or name.partition("-")[0] in channels.on)


def _route(channels: Channels, paces: Mapping[str, Pace]) -> dict[str, Any]:
    warning = paces["warning"]
    watchdog = [{"receiver": name, "continue": True} for name in _watchdogs(channels)]
    first = {"matchers": ['alertname="Watchdog"'], "receiver": "watchdog", **_paced(paces["watchdog"])}
    rest = [
        {
            "matchers": [f'severity="{severity}"'],
            "receiver": "webhook",
            "group_by": ["..."] if severity == "critical" else ["alertname", *SAME],
            **_paced(paces[severity]),
            "routes": _fan(channels, severity),
        }
        for severity in RECEIVERS
    ]
    routes = [first | {"routes": watchdog}, *rest]
    return {"receiver": "webhook", "group_by": ["alertname", *SAME], **_paced(warning), "routes": routes}


def _fan(channels: Channels, severity: str) -> list[dict[str, Any]]:
    fan: list[dict[str, Any]] = [{"receiver": name, "continue": True} for name in heard(channels, severity)]
    if severity == "critical" and "pagerduty-secondary" in channels.on:
        fan.append({"matchers": ['escalation="2"'], "receiver": "pagerduty-secondary", "continue": True})
    return fan


def _watchdogs(channels: Channels) -> tuple[str, ...]:
    return ("watchdog", "watchdog-outside") if "watchdog" in channels.on else ("watchdog",)


def _paced(pace: Pace) -> dict[str, str]:
    return {"group_wait": pace.wait, "group_interval": pace.interval, "repeat_interval": pace.repeat}


def _receivers(channels: Channels) -> list[dict[str, Any]]:
    receivers = [
        {"name": "webhook", "webhook_configs": [_webhook(channels, resolved=True)]},
        {"name": "watchdog", "webhook_configs": [_webhook(channels, resolved=False)]},
    ]
    if "watchdog" in channels.on:
        receivers.append({"name": "watchdog-outside", "webhook_configs": [_outside(channels)]})
    if "slack" in channels.on:
        receivers += [
            {"name": f"slack-{severity}", "slack_configs": [_slack(channels, severity)]} for severity in RECEIVERS
        ]
    if channels.email is not None:
        receivers += [
            {"name": "email-oncall", "email_configs": [_email(channels, channels.email.oncall)]},
            {"name": "email-team", "email_configs": [_email(channels, channels.email.team)]},
        ]
    for name in ("pagerduty", "pagerduty-secondary"):
        if name in channels.on:
            receivers.append({"name": name, "pagerduty_configs": [_pagerduty(channels, name)]})
    return receivers


def _webhook(channels: Channels, *, resolved: bool) -> dict[str, Any]:
    found: dict[str, Any] = {"url": channels.webhook_url, "send_resolved": resolved}
    if "webhook" in channels.on:
        found["http_config"] = {"authorization": {"credentials_file": channels.secret("webhook_token")}}
    return found


def _outside(channels: Channels) -> dict[str, Any]:
    """The dead man's switch at a third party, which cries when the watchdog falls silent.

    Alertmanager 0.25 cannot read a webhook's URL from a file, so here it is written into the configuration.
    """
    return {"url": channels.watchdog_url, "send_resolved": False}


def _slack(channels: Channels, severity: str) -> dict[str, Any]:
    return {
        "api_url_file": channels.secret("slack_api_url"),
        "channel": channels.slack[severity],
        "send_resolved": True,
        "color": '{{ template "usdx.color" . }}',
        "title": '{{ template "usdx.title" . }}',
        "text": '{{ template "usdx.text" . }}',
        "fallback": '{{ template "usdx.title" . }}',
    }


def _email(channels: Channels, to: tuple[str, ...]) -> dict[str, Any]:
    assert channels.email is not None
    return {
        "to": ", ".join(to),
        "from": channels.email.sender,
        "smarthost": channels.email.smarthost,
        "auth_username": channels.email.username,
        "auth_password_file": channels.secret("smtp_password"),
        "require_tls": channels.email.require_tls,
        "send_resolved": True,
        "headers": {"Subject": '{{ template "usdx.title" . }}'},
        "text": '{{ template "usdx.text" . }}',
        "html": "",
    }


def _pagerduty(channels: Channels, name: str) -> dict[str, Any]:
    return {
        "routing_key_file": channels.secret(f"{name.replace('-', '_')}_routing_key"),
        "send_resolved": True,
        "severity": '{{ template "usdx.severity" . }}',
        "description": '{{ template "usdx.title" . }}',
        "details": {"text": '{{ template "usdx.text" . }}'},
    }


_INHIBITIONS = (
    {
        "source_matchers": ['severity="critical"'],
        "target_matchers": ['severity=~"warning|info"'],
        "equal": list(SAME),
    },
    {
        "source_matchers": ['alertname=~"ServiceDown|ServiceMissing|DatabaseDown"'],
        "target_matchers": ['severity=~"warning|info"'],
        "equal": ["cluster", "service"],
    },
    {
        "source_matchers": ['alertname="RpcAllProvidersDown"'],
        "target_matchers": ['alertname=~"Indexer.+|Chain.+|Rpc.+"', 'severity=~"warning|info"'],
        "equal": ["cluster", "chain"],
    },
    {"source_matchers": ['severity="warning"'], "target_matchers": ['severity="info"'], "equal": list(SAME)},
)
