"""A channel is on when its secret is in place, and half of one is refused by its name."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from monitoring.channels import ChannelsRefused, read
from monitoring.routes import heard

EMAIL = (
    '[email]\nsmarthost = "smtp:587"\nfrom = "usdx@example.org"\noncall = ["on@example.org"]\nteam = "t@example.org"\n'
)
ALL = {
    "channels.toml": EMAIL,
    "slack_api_url": "https://hooks.example.org/services/T/B/x",
    "smtp_password": "hush",
    "pagerduty_routing_key": "key1",
    "pagerduty_secondary_routing_key": "key2",
    "watchdog_url": "https://snitch.example.org/abc",
    "webhook_token": "token",
}


def place(folder: Path, files: Mapping[str, str]) -> Path:
    for name, text in files.items():
        (folder / name).write_text(text)
    return folder


def test_an_empty_folder_leaves_the_webhook(tmp_path: Path) -> None:
    """Without a secret everything goes to the aggregator, and nowhere else."""
    found = read(tmp_path)
    assert found.on == frozenset()
    assert {severity: heard(found, severity) for severity in ("critical", "warning", "info")} == {
        "critical": ("webhook",),
        "warning": ("webhook",),
        "info": ("webhook",),
    }


def test_a_secret_switches_its_channel_on(tmp_path: Path) -> None:
    """Each severity is heard by its own receivers once their secrets are in place."""
    found = read(place(tmp_path, ALL))
    assert heard(found, "critical") == ("webhook", "pagerduty", "slack-critical", "email-oncall")
    assert heard(found, "warning") == ("webhook", "slack-warning", "email-team")
    assert heard(found, "info") == ("webhook", "slack-info")


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"smtp_password": "hush"}, "email: smtp_password is there, but channels.toml lacks email.smarthost"),
        ({"channels.toml": EMAIL}, "email: channels.toml has .email., but there is no smtp_password"),
        ({"channels.toml": EMAIL, "smtp_password": "hush\n"}, "email: .*white space"),
        ({"slack_api_url": ""}, "slack: .*slack_api_url is empty"),
        ({"slack_api_url": "hooks"}, "slack: .*does not hold a URL"),
        ({"channels.toml": '[slack]\ncritical = "#a"\n'}, "slack: .*there is no slack_api_url"),
        ({"pagerduty_secondary_routing_key": "k"}, "pagerduty-secondary: there is no pagerduty_routing_key"),
        ({"channels.toml": "[slakc]\n"}, r"\[slakc\] is no channel"),
        ({"channels.toml": '[slack]\ncolour = "red"\n', "slack_api_url": "https://h/x"}, "slack.colour is unknown"),
        ({"channels.toml": "= 3"}, "cannot be read as TOML"),
    ],
)
def test_half_a_channel_is_refused_by_name(tmp_path: Path, files: Mapping[str, str], said: str) -> None:
    """What is missing, empty or misspelt is named together with its channel."""
    place(tmp_path, files)
    with pytest.raises(ChannelsRefused, match=said):
        read(tmp_path)


def test_every_problem_is_told_at_once(tmp_path: Path) -> None:
    """Nobody mends three mistakes in three tries."""
    place(tmp_path, {"slack_api_url": "", "smtp_password": "x", "pagerduty_secondary_routing_key": "k"})
    with pytest.raises(ChannelsRefused) as caught:
        read(tmp_path)
    assert {problem.partition(":")[0] for problem in caught.value.problems} == {"slack", "email", "pagerduty-secondary"}
