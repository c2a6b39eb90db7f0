"""Alertmanager's webhook: stored once, and never lost."""

import asyncio
import io
import itertools
import random
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from aggregator import alert_store
from aggregator.alerts import LAST, NEVER
from aggregator.metrics import WEBHOOK_PATH
from monitoring.alerts.meta import GROUP as META
from monitoring.model import Alert
from monitoring.routes import PACES
from shared import migrate
from shared.db import Connection, Database
from shared.errors import DatabaseUnavailable
from shared.settings import Settings
from tests.integration.aggregator.world import Site, World, site

START = datetime(2023, 11, 14, 22, 0, tzinfo=UTC)  # a good thirteen minutes before the test clock's time


def alert(
    status: str = "firing", name: str = "Trouble", severity: str = "critical", minute: int = 0, **labels: str
) -> dict[str, Any]:
    return {
        "status": status,
        "labels": {"alertname": name, "severity": severity, "service": "indexer", **labels},
        "annotations": {"summary": f"{name} in {labels}"},
        "startsAt": (START + timedelta(minutes=minute)).isoformat(),
        "endsAt": "0001-01-01T00:00:00Z" if status == "firing" else (START + timedelta(hours=1)).isoformat(),
        "generatorURL": "http://prometheus/graph",
        "fingerprint": f"{name.lower()}-{'-'.join(labels.values())}",
    }


def payload(*alerts: dict[str, Any]) -> dict[str, Any]:
    return {
        "version": "4",
        "groupKey": "{}",
        "truncatedAlerts": 0,
        "status": "firing",
        "receiver": "webhook",
        "groupLabels": {},
        "commonLabels": {},
        "commonAnnotations": {},
        "externalURL": "http://alertmanager",
        "alerts": list(alerts),
        "added in a later version": {"x": 1},
    }


async def send(served: Site, *alerts: dict[str, Any], status: int = 200) -> Any:
    async with served.client.post(WEBHOOK_PATH, json=payload(*alerts)) as response:
        assert response.status == status, await response.text()
        return await response.json(content_type=None)


async def test_the_same_again_changes_nothing(served: Site) -> None:
    """A notification that comes twice is stored once, counted as duplicate, and its last time is noted."""
    assert await send(served, alert()) == {"stored": 1, "known": 0}
    served.hands.at += 60
    assert await send(served, alert(), alert(status="resolved", name="Other")) == {"stored": 1, "known": 1}
    history = (await served.get("/api/v1/alerts/trouble-/history"))["data"]
    assert [(one["status"], one["received"]) for one in history] == [("firing", 2)]
    assert served.registry.value("usdx_alert_webhook_requests_total", outcome="stored") == 2
    await send(served, alert())
    assert served.registry.value("usdx_alert_webhook_requests_total", outcome="duplicate") == 1


async def test_an_alert_without_a_start_is_an_alert(served: Site) -> None:
    """An alert that says it began in year 1 is stored and shown; it costs neither a scrape nor its neighbours."""
    await send(served, {**alert(name="Odd"), "startsAt": "0001-01-01T00:00:00Z"}, alert())
    await served.rooms.look_at_alerts()
    async with served.client.get("/metrics") as response:
        assert response.status == 200
    assert served.registry.value("usdx_alerts_active", severity="critical") == 2
    assert served.registry.value("usdx_metrics_read_errors_total") == 0
    pages = await served.pages("/api/v1/alerts", limit="1")
    assert [one["starts_at"] for page in pages for one in page][-1] == "0001-01-02T00:00:00Z"
    assert (await send(served, {**alert("resolved", "Odd"), "startsAt": "0001-01-01T00:00:00Z"}))["stored"] == 1
    await served.rooms.look_at_alerts()
    assert served.registry.value("usdx_alerts_active", severity="critical") == 1


async def test_an_infinite_start_is_mended(db: Database) -> None:
    """What an earlier version stored as infinite is finite after the migration, for the alert and who knows of it."""
    (mend,) = [one for one in migrate.known() if one.name == "013_finite_times"]
    async with db.transaction() as cx:
        await cx.execute(
            """insert into usdx.alert_notifications (fingerprint, starts_at, status, ends_at, alertname, severity,
                service, labels, annotations, generator_url, receiver, first_received_at, last_received_at)
            values ('x', '-infinity', 'resolved', 'infinity', 'X', 'warning', '', '{}', '{}', '', '', now(), now())"""
        )
        await cx.execute(
            """insert into usdx.alert_acknowledgements (fingerprint, starts_at, by, note, at)
            values ('x', '-infinity', '', '', now())"""
        )
        await cx.execute(mend.sql)
        row = await cx.fetchrow("select starts_at, ends_at from usdx.alert_notifications")
        assert row is not None
        assert (row["starts_at"], row["ends_at"]) == (NEVER, LAST)
        assert await cx.fetchval("select starts_at from usdx.alert_acknowledgements") == NEVER


async def test_any_order_and_crowd_gives_the_same(served: Site, db: Database) -> None:
    """Notifications sent at once, repeated and in any order leave one row for each (fingerprint, start, status)."""
    alerts = [alert(status, chain=chain) for status in ("firing", "resolved") for chain in ("a", "b", "c")]
    requests = [list(order) for order in itertools.islice(itertools.permutations(alerts), 0, 720, 40)]
    await asyncio.gather(*(send(served, *order) for order in requests))
    async with db.connection() as cx:
        rows = await cx.fetch("select received from usdx.alert_notifications")
        assert [row["received"] for row in rows] == [len(requests)] * len(alerts)
        assert await cx.fetchval("select count(*) from usdx.alerts where active") == 0


async def test_resolution_before_firing(served: Site) -> None:
    """A resolution that overtakes its alert still ends it."""
    await send(served, alert("resolved"))
    await send(served, alert("firing"))
    assert (await served.get("/api/v1/alerts?active=true"))["data"] == []


async def test_newer_episode_ends_the_older(served: Site) -> None:
    """When a resolution was lost, the next time the alert fires ends the time before."""
    await send(served, alert(minute=0))
    await send(served, alert(minute=5))
    (active,) = (await served.get("/api/v1/alerts?active=true"))["data"]
    assert active["starts_at"] == "2023-11-14T22:05:00Z"
    assert len((await served.get("/api/v1/alerts"))["data"]) == 2


@pytest.mark.parametrize(("severity", "hours"), [("critical", 3), ("warning", 12), ("info", 72)])
async def test_what_is_not_repeated_is_over(served: Site, severity: str, hours: int) -> None:
    """An alert that Alertmanager has not repeated for three repeat intervals, though the watchdog is heard, is active
    no more: its resolution was lost. It is again when it is heard of again."""
    watchdog = alert(name="Watchdog", severity="none")
    lost, said = alert(severity=severity), alert(severity=severity, name="Repeated")
    await send(served, watchdog, lost, said)
    served.hands.at += hours * 3600 - 60
    await send(served, watchdog, said)
    assert len((await served.get("/api/v1/alerts?active=true"))["data"]) == 3
    served.hands.at += 120
    await send(served, watchdog)
    active = (await served.get("/api/v1/alerts?active=true"))["data"]
    assert {one["alertname"] for one in active} == {"Watchdog", "Repeated"}
    (silent,) = (await served.get("/api/v1/alerts?silent=true"))["data"]
    assert (silent["alertname"], silent["active"], silent["resolved_at"]) == ("Trouble", False, None)
    assert served.registry.value("usdx_alerts_active", severity=severity) == 1
    await send(served, lost)
    assert served.registry.value("usdx_alerts_active", severity=severity) == 2


async def test_silence_of_alertmanager_ends_nothing(served: Site) -> None:
    """While the watchdog is not heard, that an alert is not repeated says nothing."""
    await send(served, alert(name="Watchdog", severity="none"), alert())
    served.hands.at += 30 * 24 * 3600
    await send(served, alert("resolved", name="Other"))
    assert served.registry.value("usdx_alerts_active", severity="critical") == 1


async def test_patience_is_three_repeats(db: Database) -> None:
    """The database waits for three times what the shipped routes repeat after."""
    hours = {name: int(pace.repeat.removesuffix("h")) for name, pace in PACES.items() if name != "watchdog"}
    assert set(hours) == {"critical", "warning", "info"}
    async with db.connection() as cx:
        for severity, repeat in hours.items():
            assert await cx.fetchval("select usdx.alert_patience($1)", severity) == timedelta(hours=3 * repeat)


async def test_gauges(served: Site) -> None:
    """Active and unacknowledged alerts are gauges at once; acknowledging takes only the second away."""
    value = served.registry.value
    await send(served, alert(), alert(name="Watchdog", severity="none"), alert(severity="warning", name="Mild"))
    assert value("usdx_alerts_active", severity="critical") == 1
    assert value("usdx_alerts_active", severity="none") == 0
    assert value("usdx_alerts_unacknowledged_since_timestamp_seconds", severity="critical") == START.timestamp()
    assert value("usdx_alertmanager_watchdog_last_received_timestamp_seconds") == served.hands.at
    assert value("usdx_alert_notification_delay_seconds_count") == 3
    async with served.client.post("/api/v1/alerts/trouble-/ack", json={"by": "Ada", "note": "on it"}) as response:
        assert response.status == 200
    assert value("usdx_alerts_active", severity="critical") == 1
    assert value("usdx_alerts_unacknowledged_since_timestamp_seconds", severity="critical") is None
    (active,) = (await served.get("/api/v1/alerts?active=true&severity=critical"))["data"]
    assert (active["acknowledged_by"], active["acknowledged_note"]) == ("Ada", "on it")
    await send(served, alert("resolved"))
    assert value("usdx_alerts_active", severity="critical") == 0
    assert value("usdx_alert_notifications_total", severity="critical", status="resolved") == 1


async def test_what_was_stored_is_told_at_once(served: Site) -> None:
    """Who asks after a delivery or an acknowledgement was confirmed is told of it, however lately he asked before."""
    path = "/api/v1/alerts?active=true"
    assert (await served.get(path))["data"] == []
    await send(served, alert())
    (found,) = (await served.get(path))["data"]
    assert found["acknowledged_by"] is None
    async with served.client.post("/api/v1/alerts/trouble-/ack", json={"by": "Ada"}) as response:
        assert response.status == 200
    (found,) = (await served.get(path))["data"]
    assert found["acknowledged_by"] == "Ada"
    await send(served, alert("resolved"))
    assert (await served.get(path))["data"] == []


@pytest.mark.parametrize("end", ["acknowledged", "resolved"])
async def test_an_escalation_ends_with_its_cause(served: Site, end: str) -> None:
    """The alert that says that another was not acknowledged waits for nobody itself: it is over as soon as the other is
    acknowledged or resolved, however long both had fired by then."""
    await send(served, alert())
    await send(served, alert(name="AlertUnacknowledged", minute=16, escalation="2"))
    served.hands.at += 40 * 60
    since = "usdx_alerts_unacknowledged_since_timestamp_seconds"
    assert served.registry.value(since, severity="critical") == START.timestamp()
    if end == "resolved":
        await send(served, alert("resolved"))
    else:
        async with served.client.post("/api/v1/alerts/trouble-/ack", json={"by": "Ada"}) as response:
            assert response.status == 200
    assert served.registry.value(since, severity="critical") is None
    assert served.registry.value("usdx_alerts_active", severity="critical") == (1 if end == "resolved" else 2)


def test_every_escalation_says_so() -> None:
    """The rules mark each alert that is about acknowledgement as an escalation, which is how the store knows it."""
    about = [one for one in META.rules if isinstance(one, Alert) and "unacknowledged" in one.expr]
    assert about
    assert all("escalation" in one.labels for one in about)


async def test_active_alerts_are_the_active_of_all(served: Site, db: Database) -> None:
    """What the status page looks at every second is what the view of all alerts calls active, whatever was said in
    whatever order."""
    rng, seen, silent = random.Random(1), set(), 0
    await send(served, alert(name="Watchdog", severity="none"))
    for _ in range(6):
        said = [
            alert(rng.choice(["firing", "firing", "resolved"]), rng.choice("abcdef"), minute=rng.randrange(3))
            for _ in range(rng.randrange(1, 6))
        ]
        await send(served, alert(name="Watchdog", severity="none"), *said)
        served.hands.at += 2 * 3600
        async with db.connection() as cx:
            slow = await cx.fetch("select * from usdx.alerts where active order by fingerprint")
            assert await cx.fetch("select * from usdx.active_alerts order by fingerprint") == slow
            silent += await cx.fetchval("select count(*) from usdx.alerts where silent")
        seen.add(len(slow))
    assert len(seen) > 1
    assert max(seen) > 2
    assert silent


async def test_old_alerts_are_forgotten(served: Site, db: Database) -> None:
    """What ended long ago goes, with who acknowledged it; what still fires stays, however old, and so does what ended
    lately; an end that was lost does not come back as an alert."""
    await send(served, alert(), alert(name="Lost"), alert(name="Fires"), alert(name="Watchdog", severity="none"))
    async with served.client.post("/api/v1/alerts/trouble-/ack", json={"by": "Ada"}) as response:
        assert response.status == 200
    await send(served, alert("resolved"), alert(name="Lost", minute=1), alert("resolved", name="Lost", minute=1))
    served.hands.at += (alert_store.KEPT + timedelta(days=1)).total_seconds()
    await send(served, alert(name="Lost"))
    at = datetime.fromtimestamp(served.hands.at, UTC)
    async with db.transaction() as cx:
        before = await alert_store.state(cx)
        await cx.execute("update usdx.alert_acknowledgements set at = $1", at - alert_store.KEPT - timedelta(hours=1))
        await alert_store.prune(cx, at)
        kept = await cx.fetch("select alertname, count(*) from usdx.alerts group by 1 order by 1")
        assert await alert_store.state(cx) == before
        assert await cx.fetchval("select count(*) from usdx.alert_acknowledgements") == 0
    assert [tuple(row) for row in kept] == [("Fires", 1), ("Lost", 2), ("Watchdog", 1)]
    async with db.transaction() as cx:
        await alert_store.prune(cx, at + alert_store.KEPT + timedelta(days=1))
        kept = await cx.fetch("select alertname from usdx.alerts order by 1")
    assert [row["alertname"] for row in kept] == ["Fires", "Watchdog"]


async def test_any_alert_can_be_acknowledged(served: Site) -> None:
    """Whatever fingerprint an alert came with, there is one by which it can be asked for and acknowledged."""
    await send(served, {**alert(), "fingerprint": "a b/é"}, {**alert(), "fingerprint": "x" * 65})
    shown = [one["fingerprint"] for one in (await served.get("/api/v1/alerts"))["data"]]
    assert len(set(shown)) == 2
    for fingerprint in shown:
        await served.get(f"/api/v1/alerts/{fingerprint}/history")
        async with served.client.post(f"/api/v1/alerts/{fingerprint}/ack", json={"by": "Ada"}) as response:
            assert response.status == 200


@pytest.mark.parametrize("path", [WEBHOOK_PATH, "/api/v1/alerts/x/ack"])
async def test_a_body_that_is_not_what_it_says(served: Site, path: str) -> None:
    """A body that its headers call compressed, and is not, is the client's fault."""
    said = {"Content-Encoding": "gzip", "Content-Type": "application/json"}
    async with served.client.post(path, data=b"no gzip", headers=said) as response:
        assert response.status == 400
        assert response.content_type == "application/problem+json"


async def test_ack_refusals(served: Site) -> None:
    """An acknowledgement needs an alert, a name, and JSON that no foreign page can send."""
    await send(served, alert())
    for path, body, status in (
        ("nobody", {"by": "Ada"}, 404),
        ("trouble-", {}, 400),
        ("trouble-", {"by": ""}, 400),
        ("trouble-", {"by": "Ada", "x": 1}, 400),
    ):
        async with served.client.post(f"/api/v1/alerts/{path}/ack", json=body) as response:
            assert response.status == status
    async with served.client.post("/api/v1/alerts/trouble-/ack", data='{"by": "Ada"}') as response:
        assert response.status == 400


UNSTORABLE = (  # not UTF-8, and a number beyond any count
    b'{"version": "4", "alerts": [{"status": "firing", "labels": {"a": "\xe9"}, "startsAt": "2026-01-01T00:00:00Z"}]}',
    b'{"version": "4", "alerts": [], "truncatedAlerts": 1' + b"0" * 400 + b"}",
    b'{"version": "4", "alerts": [], "truncatedAlerts": 2147483648}',
)


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{}", b'{"version": "3", "alerts": []}', b"\xff\xfe", b"[" * 100_000, *UNSTORABLE]
)
async def test_malformed(served: Site, body: bytes) -> None:
    """What can never be stored is refused with 400, so that Alertmanager does not send it for ever."""
    async with served.client.post(WEBHOOK_PATH, data=body) as response:
        assert response.status == 400
        assert response.content_type == "application/problem+json"
    assert served.registry.value("usdx_alert_webhook_requests_total", outcome="malformed") == 1


async def test_too_large(served: Site) -> None:
    """A body over a mebibyte is cut off."""
    async with served.client.post(WEBHOOK_PATH, data=io.BytesIO(b"x" * (1024 * 1024 + 1))) as response:
        assert response.status == 413


async def test_unusable_text_is_stored_all_the_same(served: Site) -> None:
    """NUL characters, which Postgres cannot hold, do not lose an alert."""
    await send(served, alert(name="Odd\0name", where="x\0y"))
    assert len((await served.get("/api/v1/alerts"))["data"]) == 1


async def test_database_away(served: Site, db: Database) -> None:
    """While the database cannot commit, the answer is 503, which Alertmanager sends again; never 200, never 429."""
    async with db.connection() as cx:
        await cx.execute("alter table usdx.alert_notifications rename to away")
    await send(served, alert(), status=503)
    async with db.connection() as cx:
        await cx.execute("alter table usdx.away rename to alert_notifications")
    await send(served, alert())
    assert served.registry.value("usdx_alert_webhook_requests_total", outcome="unavailable") == 1


async def test_what_is_committed_is_not_refused(served: Site, db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the database goes away just after a commit, the answer still says that it is committed: sent again, an alert
    would count twice and an acknowledgement be written twice."""

    async def away(cx: Connection) -> None:
        raise DatabaseUnavailable("gone")

    monkeypatch.setattr(alert_store, "state", away)
    assert await send(served, alert()) == {"stored": 1, "known": 0}
    async with served.client.post("/api/v1/alerts/trouble-/ack", json={"by": "Ada"}) as response:
        assert response.status == 200
    async with db.connection() as cx:
        assert await cx.fetchval("select count(*) from usdx.alert_acknowledgements") == 1


async def test_many_requests_are_never_429(settings: Settings, db: Database) -> None:
    """The limit on the public API does not count for Alertmanager."""
    async with site(settings, db, rate=0.001) as served:
        for minute in range(20):
            await send(served, alert(minute=minute))


async def test_credentials(settings: Settings, db: Database, tmp_path: Path) -> None:
    """With a token, who has none is turned away and counted, and its body is not even read."""
    token = tmp_path / "token"
    token.write_text("s3cret\n")
    async with site(settings, db, webhook_auth={"kind": "bearer", "token_file": str(token)}) as served:
        async with served.client.post(WEBHOOK_PATH, json=payload(alert())) as response:
            assert (response.status, response.headers["WWW-Authenticate"]) == (401, 'Bearer realm="usdx"')
            assert response.content_type == "application/problem+json"
        headers = {"Authorization": "Bearer s3cret"}
        async with served.client.post(WEBHOOK_PATH, json=payload(alert()), headers=headers) as response:
            assert response.status == 200
        assert served.registry.value("usdx_alert_webhook_requests_total", outcome="unauthorized") == 1
        await served.get("/api/v1/alerts")


async def test_watchdog_age_survives_a_restart(served: Site, db: Database, world: World) -> None:
    """When the watchdog was last heard is in the database."""
    await send(served, alert(name="Watchdog", severity="none"))
    async with db.connection() as cx:
        state = await alert_store.state(cx)
    assert state.watchdog_at is not None
    assert state.watchdog_at.timestamp() == served.hands.at
