"""Every alert reaches the receivers of its severity, judged by amtool on the configuration as it is written."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner

from demo import parts
from monitoring import alerts, slo
from monitoring.channels import read
from monitoring.cli import channels
from monitoring.model import Alert
from monitoring.render import alertmanager
from tests.unit.monitoring.test_channels import ALL, place

ALL_ON = {
    "critical": ["webhook", "pagerduty", "slack-critical", "email-oncall"],
    "warning": ["webhook", "slack-warning", "email-team"],
    "info": ["webhook", "slack-info"],
}


@pytest.fixture
def everything(tmp_path: Path) -> Path:
    """A configuration with every channel on."""
    path = tmp_path / "alertmanager.yml"
    path.write_text(alertmanager(read(place(tmp_path, ALL))))
    return path


def amtool(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(parts.amtool()), *arguments], capture_output=True, text=True, check=False)


def route(config: Path, receivers: list[str], **labels: str) -> subprocess.CompletedProcess[str]:
    pairs = [f"{name}={value}" for name, value in labels.items()]
    return amtool(
        "config", "routes", "test", f"--config.file={config}", f"--verify.receivers={','.join(receivers)}", *pairs
    )


@pytest.mark.parametrize(
    ("labels", "receivers"),
    [
        *((({"alertname": "X", "severity": severity}), heard) for severity, heard in ALL_ON.items()),
        ({"alertname": "X", "severity": "critical", "escalation": "2"}, [*ALL_ON["critical"], "pagerduty-secondary"]),
        ({"alertname": "X", "severity": "warning", "escalation": "2"}, ALL_ON["warning"]),
        ({"alertname": "Watchdog", "severity": "none"}, ["watchdog", "watchdog-outside"]),
        ({"alertname": "Stranger"}, ["webhook"]),
    ],
)
def test_the_matrix_of_routes(everything: Path, labels: dict[str, str], receivers: list[str]) -> None:
    """Each severity, the escalation, the watchdog and a stranger reach who they should."""
    found = route(everything, receivers, **labels)
    assert found.returncode == 0, found.stdout + found.stderr


@pytest.mark.parametrize("alert", [*alerts.ALERTS, *slo.ALERTS], ids=lambda alert: alert.name)
def test_every_alert_is_heard(everything: Path, alert: Alert) -> None:
    """No shipped alert falls through to the default route unheard."""
    expected = ["watchdog", "watchdog-outside"] if alert.name == "Watchdog" else list(ALL_ON.get(alert.severity, []))
    expected += ["pagerduty-secondary"] if alert.labels.get("escalation") == "2" else []
    labels = {"alertname": alert.name, "severity": alert.severity, **alert.labels}
    assert route(everything, expected, **labels).returncode == 0


def test_a_wrong_receiver_is_noticed(everything: Path) -> None:
    """The check of the routes can fail."""
    assert route(everything, ["webhook"], alertname="X", severity="critical").returncode != 0


def test_alertmanager_accepts_every_written_configuration(everything: Path, tmp_path: Path) -> None:
    """With no channel and with all of them the configuration and its templates are valid."""
    shipped = Path(__file__).parents[3] / "docker/alertmanager"
    templates = f"--templates={shipped / 'templates/*.tmpl'}"
    found = CliRunner().invoke(
        channels, [f"--secrets={everything.parent}", templates, f"--write={tmp_path / 'written.yml'}"]
    )
    assert found.exit_code == 0, found.output
    for path in (tmp_path / "written.yml", shipped / "alertmanager.yml"):
        checked = amtool("check-config", str(path))
        assert checked.returncode == 0, checked.stdout + checked.stderr


def test_the_command_refuses_half_a_channel(tmp_path: Path) -> None:
    """`usdx channels` names the channel, exits 2 and writes nothing."""
    (tmp_path / "slack_api_url").write_text("")
    found = CliRunner().invoke(channels, [f"--secrets={tmp_path}", f"--write={tmp_path / 'written.yml'}"])
    assert found.exit_code == 2
    assert "slack: " in found.output
    assert not (tmp_path / "written.yml").exists()
