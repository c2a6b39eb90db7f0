"""Run the Alertmanager and the Prometheus servers of a drill."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

from demo import leash, parts, ports
from demo.drill.sinks import PASSWORD, USER, Sinks
from demo.ports import HOST
from monitoring.channels import Channels, Email
from monitoring.generate import RULES
from monitoring.render import alertmanager
from monitoring.routes import Pace
from shared.errors import Transient

ROOT = Path(__file__).parent.parent.parent
TEMPLATES = ROOT / "docker/alertmanager/templates/*.tmpl"
QUICK: Mapping[str, Pace] = {
    "critical": Pace("0s", "1s", "1h"),
    "warning": Pace("1s", "1s", "4h"),
    "info": Pace("1s", "1s", "24h"),
    "watchdog": Pace("0s", "1s", "1m"),
}
"""The shipped routes with everything that only waits made short; the rules stay as they are."""


class NoAnswer(Transient):
    """A server of the drill did not come up."""

    reason = "no_answer"
    advice = "Read its log in the drill's folder."


def channels(folder: Path, sinks: Sinks) -> Channels:
    """All channels on, leading to the sinks."""
    secrets = {
        "smtp_password": PASSWORD,
        "pagerduty_routing_key": "first",
        "pagerduty_secondary_routing_key": "second",
        "slack_api_url": f"{sinks.http_url}/slack",
    }
    for name, text in secrets.items():
        (folder / name).write_text(text)
    return Channels(
        folder=folder,
        on=frozenset({"slack", "email", "pagerduty", "pagerduty-secondary"}),
        webhook_url=f"{sinks.http_url}/webhook",
        pagerduty_url=f"{sinks.http_url}/v2/enqueue",
        email=Email(f"{HOST}:{sinks.smtp_port}", USER, USER, ("oncall@drill.invalid",), ("team@drill.invalid",), False),
    )


def _alertmanager_config(folder: Path, sinks: Sinks, paces: Mapping[str, Pace]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    config = folder / "alertmanager.yml"
    config.write_text(alertmanager(channels(folder, sinks), paces=paces, templates=str(TEMPLATES)))
    return config


@asynccontextmanager
async def running_alertmanager(folder: Path, sinks: Sinks, paces: Mapping[str, Pace] = QUICK) -> AsyncIterator[str]:
    """An Alertmanager with every channel on; yields its URL."""
    config = _alertmanager_config(folder, sinks, paces)
    port = ports.free().alertmanager
    argv = (
        str(await asyncio.to_thread(parts.alertmanager)),
        f"--config.file={config}",
        f"--storage.path={folder / 'data'}",
        f"--web.listen-address={HOST}:{port}",
        "--cluster.listen-address=",
    )
    async with _running(argv, folder / "alertmanager.log", f"http://{HOST}:{port}") as url:
        yield url


@asynccontextmanager
async def running_prometheus(
    folder: Path,
    alertmanager_url: str,
    *,
    external_labels: Mapping[str, str] | None = None,
    scrape_configs: Sequence[Mapping[str, Any]] = (),
) -> AsyncIterator[str]:
    """A Prometheus on the past in `folder/data`, if any, with the shipped rules; yields its URL."""
    config = _prometheus_config(folder, alertmanager_url, external_labels or {}, scrape_configs)
    port = ports.free().prometheus
    argv = (
        str(await asyncio.to_thread(parts.prometheus)),
        f"--config.file={config}",
        f"--storage.tsdb.path={folder / 'data'}",
        "--storage.tsdb.retention.time=30d",
        f"--web.listen-address={HOST}:{port}",
        "--rules.alert.resend-delay=1s",
        "--rules.alert.for-grace-period=1s",
    )
    async with _running(argv, folder / "prometheus.log", f"http://{HOST}:{port}") as url:
        yield url


def _prometheus_config(
    folder: Path, alertmanager_url: str, external_labels: Mapping[str, str], scrapes: Sequence[Mapping[str, Any]]
) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    config = folder / "prometheus.json"
    told = {
        "global": {"evaluation_interval": "1s", "scrape_interval": "1s", "scrape_timeout": "1s"}
        | {"external_labels": dict(external_labels)},
        "rule_files": [str(ROOT / RULES / "*.yml")],
        "alerting": {"alertmanagers": [{"static_configs": [{"targets": [alertmanager_url.removeprefix("http://")]}]}]},
        "scrape_configs": list(scrapes),
    }
    config.write_text(json.dumps(told))  # JSON is YAML
    return config


@asynccontextmanager
async def _running(argv: tuple[str, ...], log: Path, url: str) -> AsyncIterator[str]:
    process = await leash.start(argv, log=log)
    try:
        await _answering(process, url, log)
        yield url
    finally:
        await leash.stop(process)


async def _answering(process: asyncio.subprocess.Process, url: str, log: Path) -> None:
    async with aiohttp.ClientSession() as session:
        for _ in range(300):
            if process.returncode is not None:
                break
            try:
                async with session.get(f"{url}/-/ready") as answer:
                    if answer.status == 200:
                        return
            except aiohttp.ClientError:
                pass
            await asyncio.sleep(0.1)
    raise NoAnswer(f"{Path(log).stem} does not answer at {url} (log: {log})")
