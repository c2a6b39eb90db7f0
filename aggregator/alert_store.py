"""Store what Alertmanager said, once each, and who took notice of it."""

from datetime import datetime, timedelta

import msgspec

from aggregator.alerts import WATCHDOG, Delivery, Stored
from aggregator.model import AlertState
from shared.db import Connection, Database

ON = "alert_notifications"
STORE_TIMEOUT_S = 10.0  # Alertmanager sends again what was not stored in time
KEPT = timedelta(days=90)
"""How long an alert is kept after Alertmanager last spoke of it; one that is active, always."""


async def store(db: Database, delivery: Delivery, at: datetime) -> Stored:
    """Commit a delivery received at `at`; the same notification again only moves the time it was last received."""
    rows = delivery.notifications
    async with db.transaction(timeout_s=STORE_TIMEOUT_S) as cx:
        inserted = await cx.fetch(
            """insert into usdx.alert_notifications as kept (
                fingerprint, starts_at, status, ends_at, alertname, severity, service, labels, annotations,
                generator_url, receiver, first_received_at, last_received_at
            )
            select *, $12, $12 from unnest(
                $1::text[], $2::timestamptz[], $3::text[], $4::timestamptz[], $5::text[], $6::text[], $7::text[],
                $8::jsonb[], $9::jsonb[], $10::text[], $11::text[]
            )
            on conflict (fingerprint, starts_at, status) do update set
                last_received_at = greatest(kept.last_received_at, excluded.last_received_at),
                received = kept.received + 1,
                ends_at = coalesce(excluded.ends_at, kept.ends_at),
                annotations = excluded.annotations
            returning fingerprint, starts_at, status, received = 1 as new""",
            [one.fingerprint for one in rows],
            [one.starts_at for one in rows],
            [one.status for one in rows],
            [one.ends_at for one in rows],
            [one.alertname for one in rows],
            [one.severity for one in rows],
            [one.service for one in rows],
            [msgspec.json.encode(one.labels).decode() for one in rows],
            [msgspec.json.encode(one.annotations).decode() for one in rows],
            [one.generator_url for one in rows],
            [one.receiver for one in rows],
            at,
            on=ON,
        )
    new = {(row["fingerprint"], row["starts_at"], row["status"]) for row in inserted if row["new"]}
    return Stored(
        at,
        tuple(one for one in rows if one.key in new),
        tuple(one for one in rows if one.key not in new),
    )


async def acknowledge(cx: Connection, fingerprint: str, by: str, note: str, at: datetime) -> datetime | None:
    """Note that a person knows of the alert's newest episode; returns its start, None when there is no such alert."""
    starts_at = await cx.fetchval(
        "select max(starts_at) from usdx.alert_notifications where fingerprint = $1", fingerprint, on=ON
    )
    if starts_at is None:
        return None
    await cx.execute(
        "insert into usdx.alert_acknowledgements (fingerprint, starts_at, by, note, at) values ($1, $2, $3, $4, $5)",
        fingerprint,
        starts_at,
        by,
        note,
        at,
        on="alert_acknowledgements",
    )
    return starts_at  # type: ignore[no-any-return]


async def state(cx: Connection) -> AlertState:
    """What is true of all alerts now; the watchdog, which always fires, counts only as itself. An escalation says that
    another alert is not acknowledged: it need not be acknowledged itself, or it would never end."""
    rows = await cx.fetch(
        """select severity, count(*) as active,
            min(starts_at) filter (where acknowledged_at is null and not labels ? 'escalation') as unacknowledged_since
        from usdx.active_alerts where alertname <> $1 group by severity""",
        WATCHDOG,
        on="active_alerts",
    )
    watchdog_at = await cx.fetchval(
        "select max(last_received_at) from usdx.alert_notifications where alertname = $1 and status = 'firing'",
        WATCHDOG,
        on=ON,
    )
    return AlertState(
        True,
        {row["severity"]: row["active"] for row in rows},
        {row["severity"]: row["unacknowledged_since"] for row in rows if row["unacknowledged_since"] is not None},
        watchdog_at,
    )


async def prune(cx: Connection, at: datetime) -> None:
    """Forget what ended and was not spoken of for KEPT. An episode stays while an older one of its fingerprint does:
    that would otherwise seem to be the newest."""
    await cx.execute(
        """delete from usdx.alert_notifications n using usdx.alerts ended
        where ended.fingerprint = n.fingerprint and ended.starts_at = n.starts_at and not ended.active
            and not exists (
                select from usdx.alert_notifications kept
                where kept.fingerprint = n.fingerprint and kept.starts_at <= n.starts_at and kept.last_received_at >= $1
            )""",
        at - KEPT,
        on=ON,
    )
    await cx.execute(
        """delete from usdx.alert_acknowledgements a where a.at < $1 and not exists (
            select from usdx.alert_notifications n where n.fingerprint = a.fingerprint and n.starts_at = a.starts_at
        )""",
        at - KEPT,
        on="alert_acknowledgements",
    )
