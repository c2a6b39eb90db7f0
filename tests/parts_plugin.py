"""Give tests the real programs, and say loudly at the end which tests had to go without."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from demo import parts

BROWSERS = (
    "chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "chrome-headless-shell",
    "microsoft-edge", "brave-browser", "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
)  # fmt: skip


@pytest.fixture(scope="session")
def anvil() -> Path:
    """The node's program; the test is skipped, and listed, where it cannot be had."""
    return _had(parts.anvil)


@pytest.fixture(scope="session")
def prometheus() -> Path:
    """Prometheus; likewise."""
    return _had(parts.prometheus)


@pytest.fixture(scope="session")
def promtool() -> Path:
    """Prometheus's checker; likewise."""
    return _had(parts.promtool)


@pytest.fixture(scope="session")
def alertmanager() -> Path:
    """Alertmanager; likewise."""
    return _had(parts.alertmanager)


@pytest.fixture(scope="session")
def amtool() -> Path:
    """Alertmanager's checker and client; likewise."""
    return _had(parts.amtool)


@pytest.fixture(scope="session")
def browser() -> str:
    """A Chromium of whatever name, or the one that USDX_BROWSER names; likewise."""
    named = os.environ.get("USDX_BROWSER")
    found = named or next((path for name in BROWSERS if (path := shutil.which(name))), None)
    if found is None:
        pytest.skip("no Chromium on PATH, and no USDX_BROWSER (apt-get install chromium)")
    return found


def _had(find: Callable[[], Path]) -> Path:
    try:
        return find()
    except parts.PartMissing as exc:
        pytest.skip(str(exc))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """List every skipped test by name and reason, so that green never hides a hole."""
    skipped = terminalreporter.getreports("skipped")
    if not skipped:
        return
    terminalreporter.section(f"{len(skipped)} TESTS DID NOT RUN HERE", sep="!", red=True, bold=True)
    for report in skipped:
        terminalreporter.line(f"{report.nodeid}: {_reason(report)}", red=True)


def _reason(report: pytest.TestReport) -> str:
    match report.longrepr:
        case (_, _, reason):
            return str(reason)
        case other:
            return str(other)
