"""A real Prometheus scrapes over TLS with a token, and sees the same series on both profiles."""

import asyncio
import re
import socket
import ssl
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import aiohttp
import pytest

from aggregator import wiring
from shared.catalogue import shelves
from shared.clock import system_clock
from shared.db import Database
from shared.health import Health
from shared.http import app, serve
from shared.metrics import Registry
from shared.settings import AuthSettings, Settings, TlsSettings
from shared.tls import Tls
from shared.worker import Worker
from tests.integration.aggregator.world import World, settings_of

ROOT = Path(__file__).parents[3]
SHIPPED = ROOT / "docker" / "prometheus"
CERTIFICATES = ROOT / "tests" / "integration" / "shared" / "certificates"
SERVED = {
    "indexer": (
        "Every process",
        "The indexer",
        "The protocol wexel: gauges by the aggregator, counters by the indexer",
    ),
    "oracle": ("Every process", "The oracle"),
}
OWN_TO_THE_SCRAPE = re.compile(
    r"ALERTS.*|scrape_.*|usdx_http_.*|usdx_aggregator_.*|usdx_event_loop.*|python_.*|usdx_db_.*"
)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def outspoken(titles: Collection[str]) -> Registry:
    """A worker that has something to say in every family it can."""
    registry = Registry()
    for number, family in enumerate(one for shelf in shelves() if shelf.title in titles for one in shelf.families):
        if OWN_TO_THE_SCRAPE.fullmatch(family.name):
            continue
        labels = [{"chain": "demo", "asset": "ETH"}.get(label, f"{label} {number}") for label in family.labels]
        match family.kind:
            case "gauge":
                registry.gauge(family).set(number, *labels)
            case "counter":
                registry.counter(family).inc(*labels, by=number)
            case "histogram":
                registry.histogram(family).observe(number, *labels)
            case "info":
                registry.info(family).set(dict(zip(family.labels, labels, strict=True)))
    return registry


@asynccontextmanager
async def everything(settings: Settings, db: Database, folder: Path) -> AsyncIterator[dict[str, str]]:
    """Three workers over TLS behind a token, each with a thing to say; gives where each serves."""
    token = folder / "token"
    token.write_text("letmein")
    auth: dict[str, Any] = {"kind": "bearer", "token_file": str(token)}
    tls = TlsSettings.model_validate(
        {"cert_file": CERTIFICATES / "server.pem", "key_file": CERTIFICATES / "server.key"}
    )
    registries = {service: outspoken(titles) for service, titles in SERVED.items()}
    surfaces = {"/metrics": AuthSettings.model_validate(auth)}
    async with AsyncExitStack() as stack:
        found = {}
        for service, registry in registries.items():
            application = app(registry, Health(registry, system_clock()), None, surfaces)
            at = await stack.enter_async_context(serve(application, "127.0.0.1", 0, Tls.load(tls, service, registry)))
            found[service] = f"127.0.0.1:{at}"
        port = free_port()
        configured = settings_of(
            settings,
            port=port,
            instance=f"127.0.0.1:{port}",
            workers={name: f"https://{at}" for name, at in found.items()},
            workers_auth=auth,
            workers_ca_file=str(CERTIFICATES / "ca.pem"),
            metrics_auth=auth,
        )
        own = Registry()
        worker = Worker("aggregator", configured, own, Health(own, system_clock()), system_clock(), db)
        loaded = wiring.loaded_of(configured)
        gauges = wiring.gauges_of(loaded, configured.aggregator)
        async with wiring.client() as session:
            rooms = wiring.Rooms.build(worker, session, loaded, gauges)
            rooms.meters.refreshed(await rooms.business.refresh())
            await rooms.workers.now()
            application = wiring.application_of(worker, rooms, wiring.protocol_operations(loaded))
            async with serve(application, "127.0.0.1", port, Tls.load(tls, "aggregator", own)):
                yield {**found, "aggregator": f"127.0.0.1:{port}", "token": str(token)}


@asynccontextmanager
async def scraping(program: Path, profile: str, where: dict[str, str], folder: Path) -> AsyncIterator[str]:
    """Prometheus on a shipped file whose addresses are ours; gives its own address."""
    folder.mkdir()
    port = free_port()
    text = (SHIPPED / profile).read_text()
    assert sum(name in text for name in ("prometheus.yml", "usdx-aggregator")) >= 1
    for name in ("indexer", "oracle", "aggregator"):
        text = re.sub(rf'"{name}:\d+"', f'"{where[name]}"', text)
    secure = f"""    scheme: https
    tls_config: {{ ca_file: "{CERTIFICATES / "ca.pem"}" }}
    authorization: {{ credentials_file: "{where["token"]}" }}
"""
    text = re.sub(r"(  - job_name: usdx-\w+\n)", lambda match: match[1] + secure, text)
    text = text.replace("rules/*.yml", str(SHIPPED / "rules" / "*.yml")).replace("localhost:9090", f"127.0.0.1:{port}")
    text = text.replace(": 15s", ": 1s").replace("scrape_timeout: 10s", "scrape_timeout: 1s")
    text = re.sub(r"alerting:.*?\n\n", "", text, flags=re.S)
    (folder / "prometheus.yml").write_text(text)
    process = await asyncio.create_subprocess_exec(
        str(program),
        f"--config.file={folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        await process.wait()


async def until_up(session: aiohttp.ClientSession, url: str, count: int) -> None:
    """Wait until Prometheus sees so many workers up."""
    for _ in range(120):
        try:
            async with session.get(f"{url}/api/v1/query", params={"query": 'count(up{job=~"usdx-.+"} == 1)'}) as answer:
                result = (await answer.json())["data"]["result"]
            if result and float(result[0]["value"][1]) == count:
                return
        except aiohttp.ClientError:
            pass
        await asyncio.sleep(0.25)
    raise AssertionError(f"{url} never saw {count} workers up")


Labels = tuple[tuple[str, str], ...]
T = TypeVar("T", dict[Labels, str], set[Labels])


async def selected(session: aiohttp.ClientSession, url: str, selector: str) -> list[dict[str, Any]]:
    """Every series that is there now, with its value."""
    async with session.get(f"{url}/api/v1/query", params={"query": selector}) as answer:
        found: list[dict[str, Any]] = (await answer.json())["data"]["result"]
    return found


async def said(session: aiohttp.ClientSession, url: str) -> dict[Labels, str]:
    """The value of every series of our workers."""
    return {
        tuple(sorted(one["metric"].items())): one["value"][1]
        for one in await selected(session, url, '{job=~"usdx-.+"}')
        if not OWN_TO_THE_SCRAPE.fullmatch(one["metric"]["__name__"])
    }


async def derived(session: aiohttp.ClientSession, url: str) -> set[Labels]:
    """The label sets of all that the rules record and raise, whether it is raised already or about to be."""
    found = [one["metric"] for one in await selected(session, url, '{__name__=~".+:.+|ALERTS",job!="prometheus"}')]
    return {tuple(sorted((name, value) for name, value in one.items() if name != "alertstate")) for one in found}


def names(found: Collection[Labels]) -> set[str]:
    return {dict(labels)["__name__"] for labels in found}


async def agreed(ask: Callable[[str], Awaitable[T]], one: str, other: str, least: int) -> T:
    """What both say, of so many names at least, once each has scraped and evaluated the same."""
    ours, theirs = await ask(one), await ask(other)
    for _ in range(60):
        if ours == theirs and len(names(ours)) >= least:
            break
        await asyncio.sleep(0.5)
        ours, theirs = await ask(one), await ask(other)
    assert ours == theirs
    assert len(names(ours)) >= least
    return ours


async def test_both_profiles_say_the_same(
    settings: Settings, db: Database, world: World, prometheus: Path, tmp_path: Path
) -> None:
    """Every family of every worker comes with the same labels and values by either file, every rule can be evaluated
    on both, and what the rules record and raise is the same."""
    await world.pool(1)
    await world.deposit(1)
    async with (
        everything(settings, db, tmp_path) as where,
        scraping(prometheus, "prometheus.yml", where, tmp_path / "direct") as direct,
        scraping(prometheus, "prometheus.aggregated.yml", where, tmp_path / "aggregated") as aggregated,
        aiohttp.ClientSession() as session,
    ):
        await until_up(session, direct, 3)
        await until_up(session, aggregated, 3)
        values = await agreed(partial(said, session), direct, aggregated, 120)
        assert {"up", "usdx_indexer_last_block", "usdx_oracle_price", "usdx_total_value_locked"} <= names(values)
        await agreed(partial(derived, session), direct, aggregated, 15)
        for url in (direct, aggregated):
            async with session.get(f"{url}/api/v1/rules") as answer:
                groups = (await answer.json())["data"]["groups"]
            errors = [rule["lastError"] for group in groups for rule in group["rules"] if rule.get("lastError")]
            assert groups
            assert errors == []


async def test_without_token_there_is_nothing(settings: Settings, db: Database, tmp_path: Path) -> None:
    """Who has no token gets 401 from both expositions, and no secret is in what is served."""
    trust = ssl.create_default_context(cafile=CERTIFICATES / "ca.pem")
    async with everything(settings, db, tmp_path) as where, aiohttp.ClientSession() as session:
        for path in ("/metrics", "/metrics/all"):
            url = f"https://{where['aggregator']}{path}"
            async with session.get(url, ssl=trust) as answer:
                assert answer.status == 401
            async with session.get(url, ssl=trust, headers={"Authorization": "Bearer letmein"}) as answer:
                assert answer.status == 200
                text = await answer.text()
            assert "://" not in text
            assert "letmein" not in text
            assert re.search(r'"0x[0-9a-f]{40}"', text) is None


@pytest.mark.parametrize("profile", ["prometheus.yml", "prometheus.aggregated.yml"])
def test_promtool_accepts_the_shipped_files(promtool: Path, profile: str) -> None:
    """What is shipped is what Prometheus understands, and no worker is named twice."""
    checked = subprocess.run([promtool, "check", "config", SHIPPED / profile], capture_output=True, text=True)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    targets = re.findall(r"targets: \[(.*?)\]", (SHIPPED / profile).read_text())
    assert len(targets) == len(set(targets)) + 1  # Alertmanager is told of alerts, and scraped
