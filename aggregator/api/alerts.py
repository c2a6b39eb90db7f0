"""Show the alerts that Alertmanager reported, their history, and let a person acknowledge one."""

from datetime import datetime
from typing import Annotated, Literal

import msgspec

from aggregator.alert_store import acknowledge
from aggregator.alerts import FINGERPRINT
from aggregator.api.answers import After, Instant, Item, Limit, Page, as_of
from aggregator.api.keyset import Key, Order
from aggregator.api.operation import Operation, operation
from aggregator.api.problems import Refused
from aggregator.api.resources import Resource, operations
from shared.db import Connection

TAG = "alerts"
ALERTS = Resource(
    path="alerts",
    view="usdx.alerts",
    one="Alert",
    summary="Alerts, one for each time they fired",
    columns={
        "fingerprint": "text",
        "starts_at": "time",
        "alertname": "text",
        "severity": "critical|warning|info|none",
        "service": "text",
        "active": "boolean",
        "silent": "boolean",
        "resolved_at": "time?",
        "labels": "labels",
        "annotations": "labels",
        "generator_url": "text",
        "first_received_at": "time",
        "last_received_at": "time",
        "acknowledged_at": "time?",
        "acknowledged_by": "text?",
        "acknowledged_note": "text?",
    },
    sort="-started",
    sorts={"started": ["starts_at", "fingerprint"], "received": ["last_received_at", "starts_at", "fingerprint"]},
    filters=["active", "silent", "severity", "service", "alertname"],
    ranges=["starts_at"],
)
NEWEST = Order(
    "-received", (Key("last_received_at", "timestamptz"), Key("starts_at", "timestamptz"), Key("status", "text")), True
)

Fingerprint = Annotated[str, msgspec.Meta(pattern=FINGERPRINT)]


class HistoryQuery(msgspec.Struct, forbid_unknown_fields=True):
    """Which alert's history."""

    fingerprint: Fingerprint
    limit: Limit = 50
    after: After | None = None


class Notice(msgspec.Struct):
    """One thing that Alertmanager said about an alert."""

    status: Literal["firing", "resolved"]
    starts_at: Instant
    ends_at: Instant | None
    first_received_at: Instant
    last_received_at: Instant
    received: Annotated[int, msgspec.Meta(ge=1, description="How often Alertmanager said so.")]
    receiver: str
    annotations: dict[str, str]


class AlertKey(msgspec.Struct, forbid_unknown_fields=True):
    """Which alert."""

    fingerprint: Fingerprint


class Acknowledgement(msgspec.Struct, forbid_unknown_fields=True):
    """Who takes notice of an alert."""

    by: Annotated[str, msgspec.Meta(min_length=1, max_length=128, pattern=r"^[^\x00]+$")]
    note: Annotated[str, msgspec.Meta(max_length=1024, pattern=r"^[^\x00]*$")] = ""


class Acknowledged(msgspec.Struct):
    """An alert that a person knows of."""

    fingerprint: str
    starts_at: Instant
    by: str
    note: str
    at: Instant


async def history(cx: Connection, asked: HistoryQuery) -> Page[Notice]:
    """What Alertmanager said about one alert, newest first."""
    behind: tuple[object, ...] = () if asked.after is None else NEWEST.values(asked.after)
    rows = await cx.fetch(
        f"""select status, starts_at, ends_at, first_received_at, last_received_at, received, receiver, annotations
        from usdx.alert_notifications where fingerprint = $1 {f"and {NEWEST.behind(2)}" if behind else ""}
        order by {NEWEST.sql} limit {asked.limit + 1}""",  # noqa: S608 (only our own names)
        asked.fingerprint,
        *behind,
        on="alert_notifications",
    )
    if not rows and asked.after is None:
        raise Refused("not-found", "no alert has this fingerprint", "fingerprint")
    shown = rows[: asked.limit]
    following = [shown[-1][key.column] for key in NEWEST.keys] if len(rows) > asked.limit else None
    return Page(
        [Notice(**{**row, "annotations": msgspec.json.decode(row["annotations"])}) for row in shown],
        None if following is None else NEWEST.token(following),
        await as_of(cx),
    )


async def acknowledged(cx: Connection, asked: AlertKey, body: Acknowledgement) -> Item[Acknowledged]:
    """Say that a person knows of the newest time this alert fired.

    It stays active, but no longer counts as unacknowledged.
    """
    at: datetime = await cx.fetchval("select now()", on="alert_acknowledgements")
    starts_at = await acknowledge(cx, asked.fingerprint, body.by, body.note, at)
    if starts_at is None:
        raise Refused("not-found", "no alert has this fingerprint", "fingerprint")
    return Item(Acknowledged(asked.fingerprint, starts_at, body.by, body.note, at), await as_of(cx))


def alert_operations() -> tuple[Operation, ...]:
    """Everything about alerts."""
    return (
        *operations(ALERTS, None, TAG),
        operation("GET", "/alerts/{fingerprint}/history", history, tag=TAG, problems=("not-found",)),
        operation("POST", "/alerts/{fingerprint}/ack", acknowledged, tag=TAG, problems=("not-found",)),
    )
