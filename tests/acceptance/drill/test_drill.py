"""Alerts fire, reach every channel of their severity, and resolve: on real Prometheus and Alertmanager."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from demo.drill import probe, sinks
from demo.drill.outcome import Outcome
from demo.drill.replay import Play, Stage, plays
from demo.drill.servers import channels, running_alertmanager

USDX = Path(sys.executable).with_name("usdx")
SAMPLE = (
    "IndexerHighLag",
    "OraclePriceStale",
    "LowActiveWexels",
    "AlertUnacknowledged",
    "ApiLatencyBurnSlow",
    "Watchdog",
)


def usdx(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(USDX), *arguments], capture_output=True, text=True, check=False)


def test_a_sample_of_histories(tmp_path: Path) -> None:
    """One alert of each severity, an escalated one, a budget and the watchdog pass the drill; the report says so."""
    report = tmp_path / "drill.md"
    found = usdx("drill", *SAMPLE, "--how", "history", "--report", str(report), "--data-dir", str(tmp_path / "run"))
    assert found.returncode == 0, found.stdout + found.stderr
    assert f"{len(SAMPLE)} of {len(SAMPLE)} drills passed" in found.stdout
    text = report.read_text()
    assert all(name in text for name in SAMPLE)
    assert "pagerduty-secondary" in text


@pytest.mark.timeout(420)
def test_a_stopped_worker(tmp_path: Path) -> None:
    """A healthy demo is silent; a worker that is stopped for real is reported by the rule's own patience, and again
    when it goes on."""
    found = usdx("drill", "--how", "fault", "--only", "oracle stopped", "--data-dir", str(tmp_path / "run"))
    assert found.returncode == 0, found.stdout + found.stderr
    assert "2 of 2 drills passed" in found.stdout


async def test_an_alert_that_does_not_fire_fails_the_drill(tmp_path: Path) -> None:
    """Played on its quiet history an alert reaches nobody, and the outcome is a failure."""
    quiet = next(play for play in plays() if play.alert.name == "IndexerHalted")
    assert quiet.quiet is not None
    async with sinks.opened() as heard, running_alertmanager(tmp_path / "alertmanager", heard) as url:
        stage = Stage(tmp_path, url, channels(tmp_path / "alertmanager", heard), heard, patience_s=8.0)
        outcome: Outcome = await stage.perform(0, Play(quiet.alert, quiet.quiet, None))
    assert not outcome.ok
    assert outcome.fired_s is None
    assert outcome.missed == outcome.expected


async def test_a_test_alert_through_ones_own_alertmanager(tmp_path: Path) -> None:
    """`usdx drill --alertmanager URL` reaches the channels that exist; a channel that is not there is named."""
    async with sinks.opened() as heard, running_alertmanager(tmp_path / "alertmanager", heard) as url:
        lines = await probe.sent(url, ["webhook", "slack", "email", "pagerduty"])
        assert [line.split() for line in lines] == [
            ["email", "delivered"],
            ["pagerduty", "delivered"],
            ["slack", "delivered"],
            ["webhook", "delivered"],
        ]
        assert heard.receivers("firing", "UsdxDrill") == {"webhook", "slack-critical", "email-oncall", "pagerduty"}
        with pytest.raises(probe.NotDelivered, match="carrier-pigeon"):
            await probe.sent(url, ["carrier-pigeon"])
