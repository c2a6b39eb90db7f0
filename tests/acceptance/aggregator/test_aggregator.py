"""The aggregator in a running demo, seen by a browser, a scraper and Alertmanager."""

import itertools
import json
import os
import re
import signal
import subprocess
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from shared.catalogue import shelves
from shared.metrics import Family
from tests.acceptance.aggregator.chromium import CONTRAST, chromium
from tests.acceptance.demo.driving import DemoRun, until

pytestmark = pytest.mark.timeout(900)
WORKERS = ("indexer", "oracle", "aggregator")
_BACKUPS, _TLS, _SOCKETS = "nobody made a backup", "served without TLS", "its node is polled, without a WebSocket"
_AUDITS, _STREAMS = "nobody asked for an audit", "its venues are asked, none tells by itself"
ABSENT = {
    "usdx_alerts_unacknowledged_since_timestamp_seconds": "nothing fires",
    "usdx_backup_last_success_timestamp_seconds": _BACKUPS,
    "usdx_indexer_audit_last_timestamp_seconds": _AUDITS,
    "usdx_indexer_audit_violations": _AUDITS,
    "usdx_indexer_audited_blocks": _AUDITS,
    "usdx_indexer_audited_ratio": _AUDITS,
    "usdx_indexer_backfill_eta_seconds": "it follows the tip",
    "usdx_indexer_unknown_implementations": "it has no proxies",
    "usdx_oracle_spot_deviation_bps": "it has no time-weighted price with a spot beside it",
    "usdx_oracle_stream_last_message_timestamp_seconds": _STREAMS,
    "usdx_oracle_stream_reconnects_total": _STREAMS,
    "usdx_oracle_stream_up": _STREAMS,
    "usdx_rpc_hints_connected": _SOCKETS,
    "usdx_rpc_hints_lost_total": _SOCKETS,
    "usdx_rpc_hints_total": _SOCKETS,
    "usdx_rpc_provider_range_limit_blocks": "its node refuses no range",
    "usdx_tls_certificate_not_after_timestamp_seconds": _TLS,
}
"""What a healthy demo has no truth for, and why."""
STANDARD = re.compile(r"(process|python)_.*")


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory, anvil: Path) -> Iterator[DemoRun]:
    """One demo for all tests here."""
    run = DemoRun(tmp_path_factory.mktemp("aggregator") / "demo", "--rate", "8")
    run.wait_ready()
    yield run
    run.interrupt()


def url(run: DemoRun, worker: str = "aggregator") -> str:
    """Where a worker serves."""
    return str(run.state()["urls"][worker]).rstrip("/")


def read(address: str) -> bytes:
    with urllib.request.urlopen(address, timeout=30) as response:
        return bytes(response.read())


def status(run: DemoRun) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(read(f"{url(run)}/api/v1/status"))
    return found


FAMILIES: dict[str, Family] = {one.name: one for shelf in shelves() for one in shelf.families}


def exposed(run: DemoRun, worker: str) -> set[str]:
    """The families of which a worker exposes a series; each is in the catalogue, with its type, help and labels."""
    found = set()
    for metric in text_string_to_metric_families(read(f"{url(run, worker)}/metrics").decode()):
        name = f"{metric.name}_total" if metric.type == "counter" else metric.name
        if STANDARD.fullmatch(name):
            continue
        family = FAMILIES.get(name) or FAMILIES[f"{name}_info"]
        kind = "gauge" if family.kind == "info" else family.kind
        assert (metric.type, metric.documentation) == (kind, family.help), name
        for sample in metric.samples:
            assert set(sample.labels) - {"le"} == set(family.labels), sample
            assert not sample.name.endswith("_created")
            found.add(family.name)
    return found


def test_one_scrape_for_everything(running: DemoRun, promtool: Path) -> None:
    """/metrics/all holds every worker under its own labels, and promtool finds nothing but the three names."""
    text = read(f"{url(running)}/metrics/all").decode()
    for worker in ("indexer", "oracle"):
        at = url(running, worker).partition("://")[2]
        assert f'up{{job="usdx-{worker}",instance="{at}",service="{worker}"}} 1\n' in text
    services = set(re.findall(r'service="(\w+)"', text))
    assert services == set(WORKERS)
    checked = subprocess.run([promtool, "check", "metrics"], input=text, capture_output=True, text=True)
    complaints = (checked.stdout + checked.stderr).splitlines()
    assert {line.split()[0] for line in complaints} <= {
        "usdx_active_wexels_count",
        "usdx_collateralized_wexels_count",
        "usdx_total_users_count",
    }


def test_all_is_well(running: DemoRun) -> None:
    """A healthy demo is well, as the page's data say, with a chain that is followed and prices that are fresh."""
    until(lambda: all(one["value"] is not None for one in status(running)["figures"]), "all figures", running)
    until(lambda: status(running)["verdict"] == "well", "all is well", running)
    found = status(running)
    assert found["sentence"] == "All is well."
    assert [chain["phase"] for chain in found["chains"]] == ["following"]
    assert {feed["result"] for feed in found["feeds"]} == {"fresh"}
    assert all(worker["up"] for worker in found["workers"])


def test_alertmanager_reaches_the_webhook(running: DemoRun, alertmanager: Path) -> None:
    """The watchdog travels from Prometheus through Alertmanager into the database and onto the page."""
    until(lambda: status(running)["watchdog_at"] is not None, "the watchdog is heard", running)
    text = read(f"{url(running)}/metrics").decode()
    assert "usdx_alertmanager_watchdog_last_received_timestamp_seconds" in text
    assert 'usdx_alert_webhook_requests_total{outcome="malformed"} 0.0' in text


def test_live_expositions_are_the_catalogue(running: DemoRun) -> None:
    """Every series that a worker exposes is in the catalogue, and every family of the catalogue has a series in some
    worker, but for those that a healthy demo has no truth for."""
    seen: set[str] = set()

    def complete() -> bool:
        read(f"{url(running)}/metrics/all")  # there are merged samples only where somebody merges
        seen.update(*(exposed(running, worker) for worker in WORKERS))
        return seen >= FAMILIES.keys() - ABSENT.keys()

    until(complete, "a series of every family", running)
    assert ABSENT.keys() <= FAMILIES.keys()


SHOWN = "document.body?.dataset.shown === 'yes' && document.querySelectorAll('canvas').length >= 6"


async def test_the_page_in_a_browser(running: DemoRun, browser: str, tmp_path: Path) -> None:
    """A real browser shows the verdict and everything behind it, asks no other host, and the page complains of
    nothing; on a phone nothing is wider than the screen, and by day and night every text can be read."""
    until(lambda: status(running)["verdict"] == "well", "all is well", running)
    address = url(running)
    async with chromium(browser, tmp_path / "profile") as page:
        for width, scheme in ((1280, "light"), (1280, "dark"), (390, "light"), (320, "dark")):
            await page.open(f"{address}/", width=width, scheme=scheme)
            await page.until(SHOWN)
            text = await page.value("document.body.innerText")
            for words in ("All is well.", "Total value locked", "following", "ETH/USD", "indexer", "Last deposit"):
                assert words in text
            assert await page.value("document.body.dataset.verdict") == "well"
            assert await page.value("document.documentElement.scrollWidth") <= width
            assert await page.value(CONTRAST) == []
        assert page.complaints == []
        assert page.hosts - {"data:image"} <= {address} | {host for host in page.hosts if host.startswith("data:")}


async def test_the_page_without_a_mouse(running: DemoRun, browser: str, tmp_path: Path) -> None:
    """The first key leads past the head; headings are in order; every section and picture has a name; the verdict is
    announced."""
    async with chromium(browser, tmp_path / "profile") as page:
        await page.open(f"{url(running)}/")
        await page.until(SHOWN)
        for kind in ("keyDown", "keyUp"):
            await page.call("Input.dispatchKeyEvent", type=kind, key="Tab", code="Tab", windowsVirtualKeyCode=9)
        assert await page.value("document.activeElement.className") == "skip"
        levels = await page.value("[...document.querySelectorAll('h1,h2,h3')].map((h) => Number(h.tagName[1]))")
        assert levels[0] == 1
        assert all(after - before <= 1 for before, after in itertools.pairwise(levels))
        named = (
            "[...document.querySelectorAll('section')].every((s) => s.ariaLabel || s.hasAttribute('aria-labelledby'))"
        )
        assert await page.value(named)
        assert await page.value("[...document.images].every((i) => i.hasAttribute('alt'))")
        assert await page.value("document.getElementById('sentence').getAttribute('aria-live')") == "polite"
        assert await page.value("document.documentElement.lang") == "en"


async def test_the_page_is_live(running: DemoRun, browser: str, tmp_path: Path) -> None:
    """What is shown moves without a reload; when the aggregator falls silent, the page says so and stops claiming that
    all is well; when it is back, so is the page."""
    victim = running.pid("aggregator")
    async with chromium(browser, tmp_path / "profile") as page:
        await page.open(f"{url(running)}/")
        await page.until(SHOWN)
        before = await page.value("document.querySelector('#chains .big').textContent")
        await page.until(f"document.querySelector('#chains .big').textContent !== {json.dumps(before)}")
        os.kill(victim, signal.SIGSTOP)
        try:
            await page.until("document.body.dataset.verdict === 'unknown'")
            assert "silent" in await page.value("document.getElementById('sentence').textContent")
            assert await page.value("document.title") == "? usdx: The aggregator is silent."
        finally:
            os.kill(victim, signal.SIGCONT)
        await page.until("document.body.dataset.verdict !== 'unknown'")


def test_a_lost_worker_is_seen_at_once(running: DemoRun) -> None:
    """Within seconds of its end a worker is down on the page, gone from the merge, and its chain's readers told."""
    victim = running.pid("oracle")
    os.kill(victim, signal.SIGSTOP)
    try:
        until(lambda: status(running)["verdict"] == "trouble", "the page sees it", running)
        concerns = [one["about"] for one in status(running)["concerns"]]
        assert "worker oracle" in concerns
        text = read(f"{url(running)}/metrics/all").decode()
        assert re.search(r'^up\{job="usdx-oracle".*\} 0$', text, re.M)
        assert "usdx_oracle_price{" not in text
    finally:
        os.kill(victim, signal.SIGCONT)
    until(lambda: status(running)["verdict"] == "well", "all is well again", running)
