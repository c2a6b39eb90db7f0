"""Read what Alertmanager's webhook sends, version 4.

Source: https://prometheus.io/docs/alerting/latest/configuration/#webhook_config
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Annotated, Any, Literal

import msgspec

WATCHDOG = "Watchdog"
NEVER = datetime(1, 1, 2, tzinfo=UTC)  # Alertmanager writes year 1 into endsAt while an alert fires
FINGERPRINT = "^[0-9a-zA-Z_-]{1,64}$"  # what may stand in a path; Alertmanager's are 16 hex digits
LAST = datetime(9999, 12, 30, tzinfo=UTC)  # what is later, or before NEVER, may be infinite to Postgres or its driver
SEVERITIES = ("critical", "warning", "info", "none")

Instant = Annotated[datetime, msgspec.Meta(tz=True)]


class Malformed(ValueError):
    """The body is no version-4 webhook payload."""


class _Alert(msgspec.Struct, rename="camel"):
    status: Literal["firing", "resolved"]
    starts_at: Instant
    fingerprint: Annotated[str, msgspec.Meta(min_length=1)]
    labels: dict[str, str]
    annotations: dict[str, str] = {}
    ends_at: Instant | None = None
    generator_url: str = msgspec.field(default="", name="generatorURL")


class _Payload(msgspec.Struct, rename="camel"):
    version: Literal["4"]
    alerts: list[_Alert]
    receiver: str = ""
    truncated_alerts: Annotated[int, msgspec.Meta(ge=0, le=2**31 - 1)] = 0


@dataclass(frozen=True, slots=True)
class Notification:
    """One alert of one webhook request. (fingerprint, starts_at, status) is what makes two of them the same."""

    fingerprint: str
    starts_at: datetime
    status: Literal["firing", "resolved"]
    ends_at: datetime | None
    labels: dict[str, str]
    annotations: dict[str, str]
    generator_url: str
    receiver: str

    @property
    def key(self) -> tuple[str, datetime, str]:
        """What makes two notifications the same."""
        return self.fingerprint, self.starts_at, self.status

    @property
    def alertname(self) -> str:
        """The rule that fired."""
        return self.labels.get("alertname", "")

    @property
    def severity(self) -> str:
        """One of SEVERITIES; anything else counts as `none`."""
        severity = self.labels.get("severity", "none")
        return severity if severity in SEVERITIES else "none"

    @property
    def service(self) -> str:
        """The service the alert is about, empty when it says none."""
        return self.labels.get("service", "")


@dataclass(frozen=True, slots=True)
class Delivery:
    """One webhook request: each notification once, ordered by key; `truncated` counts alerts that were cut off."""

    notifications: tuple[Notification, ...]
    truncated: int


@dataclass(frozen=True, slots=True)
class Stored:
    """What storing a delivery did: which notifications were new, and when it was received."""

    at: datetime
    new: tuple[Notification, ...]
    again: tuple[Notification, ...]


def parse(body: bytes) -> Delivery:
    """Read a request body; unknown fields are ignored. Raises Malformed and nothing else."""
    try:
        payload = msgspec.json.decode(body, type=_Payload)
        notifications = _once(_notification(alert, payload.receiver) for alert in payload.alerts)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as exc:
        raise Malformed(str(exc)) from exc
    return Delivery(notifications, payload.truncated_alerts)


def _once(notifications: Iterable[Notification]) -> tuple[Notification, ...]:
    by_key = {notification.key: notification for notification in notifications}
    return tuple(by_key[key] for key in sorted(by_key))


def _notification(alert: _Alert, receiver: str) -> Notification:
    starts_at = _kept(alert.starts_at)
    ends_at = _kept(alert.ends_at) if alert.ends_at is not None and alert.ends_at > NEVER else None
    return Notification(
        fingerprint=_plain(alert.fingerprint),
        starts_at=starts_at,
        status=alert.status,
        ends_at=(ends_at or starts_at) if alert.status == "resolved" else None,
        labels=_storable(alert.labels),
        annotations=_storable(alert.annotations),
        generator_url=_storable(alert.generator_url),
        receiver=_storable(receiver),
    )


def _plain(fingerprint: str) -> str:
    """The fingerprint, or a digest of one by which an alert could not be asked for."""
    if re.fullmatch(FINGERPRINT, fingerprint):
        return fingerprint
    return sha256(_storable(fingerprint).encode()).hexdigest()[:16]


def _kept(when: datetime) -> datetime:
    """The instant, or the nearest one that can be stored: one alert's odd time costs neither it nor the others."""
    return min(max(when, NEVER), LAST).astimezone(UTC)


def _storable(value: Any) -> Any:
    """Without the NUL characters and lone surrogates that Postgres text cannot hold."""
    if isinstance(value, dict):
        return {_storable(name): _storable(one) for name, one in value.items()}
    return value.replace("\0", "\ufffd").encode("utf-8", "replace").decode()
