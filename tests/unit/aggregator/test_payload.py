"""What Alertmanager sends, read."""

import json
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from aggregator.alerts import LAST, NEVER, Malformed, parse

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=20,
)
TEXTS = st.dictionaries(st.text(max_size=10), st.text(max_size=20), max_size=4)
ALERTS = st.fixed_dictionaries(
    {
        "status": st.sampled_from(["firing", "resolved"]),
        "labels": TEXTS,
        "annotations": TEXTS,
        "startsAt": st.datetimes(timezones=st.just(UTC)).map(datetime.isoformat),
        "endsAt": st.datetimes(timezones=st.just(UTC)).map(datetime.isoformat) | st.just("0001-01-01T00:00:00Z"),
        "generatorURL": st.text(),
        "fingerprint": st.sampled_from(["a", "b"]),
    },
    optional={"later": JSON},
)


def body(*alerts: object, **more: object) -> bytes:
    return json.dumps({"version": "4", "alerts": list(alerts), "receiver": "r"} | more).encode()


@given(st.lists(ALERTS, max_size=5), JSON)
def test_any_payload_is_read(alerts: list[dict[str, object]], unknown: object) -> None:
    """Whatever a version-4 payload holds, each (fingerprint, start, status) comes out once, in order."""
    delivery = parse(body(*alerts, unknown=unknown))
    keys = [one.key for one in delivery.notifications]
    assert keys == sorted(set(keys))
    assert len(keys) <= len(alerts)
    assert all(one.severity in ("critical", "warning", "info", "none") for one in delivery.notifications)


@given(st.binary(max_size=60) | JSON.map(lambda value: json.dumps(value).encode()))
def test_anything_else_is_malformed(text: bytes) -> None:
    """Random bytes and random JSON are refused with one error and no other."""
    try:
        parse(text)
    except Malformed:
        return
    raise AssertionError(text)


def test_firing_has_no_end() -> None:
    """Alertmanager writes year 1 into the end of an alert that fires; a resolved one without end ended at its start."""
    start = "2026-01-01T00:00:00.123456789Z"
    alert = {"labels": {}, "startsAt": start, "endsAt": "0001-01-01T00:00:00Z", "fingerprint": "x"}
    (firing,) = parse(body({**alert, "status": "firing"})).notifications
    (resolved,) = parse(body({**alert, "status": "resolved"})).notifications
    assert firing.ends_at is None
    assert resolved.ends_at == resolved.starts_at == firing.starts_at


def test_truncated_alerts_are_told() -> None:
    """How many alerts were cut off is kept."""
    assert parse(body(truncatedAlerts=7)).truncated == 7


@given(st.sampled_from(["0001-01-01T00:00:00Z", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59.999999-14:00"]))
def test_an_odd_time_costs_no_alert(odd: str) -> None:
    """A start or an end that Postgres or its driver would call infinite becomes the nearest one that is not."""
    plain = {"labels": {}, "startsAt": "2026-01-01T00:00:00Z", "status": "resolved", "fingerprint": "x"}
    one, *_ = found = parse(body({**plain, "startsAt": odd, "endsAt": odd, "fingerprint": "odd"}, plain)).notifications
    assert [one.fingerprint for one in found] == ["odd", "x"]
    assert one.ends_at is not None
    assert all(NEVER <= when <= LAST and when.tzinfo is UTC for when in (one.starts_at, one.ends_at))
