"""Laws of a worker's HTTP surface."""

from __future__ import annotations

import asyncio
import gzip
import ssl
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from shared import http
from shared.errors import ConfigError, PortTaken
from shared.exposition import Exposition
from shared.health import Health
from shared.metrics import Family, Registry, Sample
from shared.settings import AuthSettings, TlsSettings
from shared.tls import Tls, not_after
from tests.fakes.clock import Hands

CERTIFICATES = Path(__file__).parent / "certificates"


@dataclass
class Site:
    """A served application and a client for it."""

    port: int
    client: aiohttp.ClientSession
    registry: Registry
    health: Health
    hands: Hands

    def get(self, path: str, **kwargs: Any) -> Any:
        return self.client.get(f"http://127.0.0.1:{self.port}{path}", **kwargs)


@asynccontextmanager
async def _site(registry: Registry, **surfaces: AuthSettings) -> AsyncIterator[Site]:
    hands = Hands()
    health = Health(registry, hands.clock())
    application = http.app(registry, health, hands.clock(), {f"/{name}": auth for name, auth in surfaces.items()})

    async def wexel(request: web.Request) -> web.Response:
        what = request.match_info["id"]
        if what == "bug":
            raise ValueError("bug")
        if what == "gone":
            raise web.HTTPGone
        return web.json_response({"id": what})

    application.router.add_get("/api/v1/wexels/{id}", wexel)
    async with http.serve(application, "127.0.0.1", 0) as port, aiohttp.ClientSession() as client:
        yield Site(port, client, registry, health, hands)


@pytest.fixture
async def site(registry: Registry) -> AsyncIterator[Site]:
    async with _site(registry) as site:
        yield site


async def test_metrics_are_text_that_prometheus_reads(site: Site) -> None:
    """The content type is the one that Prometheus 3 insists on."""
    async with site.get("/metrics") as answer:
        assert answer.status == 200
        assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
        assert "# TYPE usdx_http_requests_total counter" in await answer.text()


@pytest.mark.parametrize("path", ["/metrics", "/healthz", "/nowhere"])
async def test_no_version_is_told(site: Site, path: str) -> None:
    """Who asks learns what answers, not which version of what."""
    async with site.get(path) as answer:
        assert answer.headers["Server"] == "usdx"


async def test_openmetrics_when_asked_for(site: Site) -> None:
    """A scraper that accepts OpenMetrics gets it."""
    accept = {"Accept": "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3"}
    async with site.get("/metrics", headers=accept) as answer:
        assert answer.headers["Content-Type"] == "application/openmetrics-text; version=1.0.0; charset=utf-8"
        assert (await answer.text()).endswith("# EOF\n")


async def test_text_when_openmetrics_is_refused(site: Site) -> None:
    """A weight of zero is a refusal, and a preference for text is honoured."""
    for accept in ("application/openmetrics-text;q=0, text/plain", "text/plain, application/openmetrics-text;q=0.1"):
        async with site.get("/metrics", headers={"Accept": accept}) as answer:
            assert answer.headers["Content-Type"].startswith("text/plain")


async def test_gzip_when_accepted(site: Site) -> None:
    """The body is compressed for who can read it, and plain for who cannot."""
    async with aiohttp.ClientSession(auto_decompress=False) as client:
        url = f"http://127.0.0.1:{site.port}/metrics"
        async with client.get(url, headers={"Accept-Encoding": "gzip"}) as answer:
            assert answer.headers["Content-Encoding"] == "gzip"
            zipped = gzip.decompress(await answer.read())
        async with client.get(url, headers={"Accept-Encoding": "identity"}) as answer:
            assert "Content-Encoding" not in answer.headers
            assert await answer.read() == zipped


async def test_a_scrape_is_answered_once_a_second(registry: Registry) -> None:
    """Scrapes at once share one exposition, made off the event loop; it is served for a second, then made anew."""
    made: list[str] = []
    gauge = Family("usdx_made", "gauge", "Made.")

    def read() -> list[Sample]:
        made.append(threading.current_thread().name)
        return [Sample(gauge, len(made))]

    registry.collector(read, gauge)
    async with _site(registry) as site:

        async def scrape() -> str:
            async with site.get("/metrics") as answer:
                return str(await answer.text())

        bodies = await asyncio.gather(*(scrape() for _ in range(8)))
        assert len(set(bodies)) == 1
        assert len(made) == 1
        site.hands.at += 0.9
        await scrape()
        assert len(made) == 1
        site.hands.at += 0.2
        await scrape()
        assert len(made) == 2
    assert threading.main_thread().name not in made


async def test_a_client_that_leaves_does_not_spoil_the_exposition(registry: Registry) -> None:
    """A cancelled scrape leaves the shared one to the others."""
    exposition = Exposition(registry, Hands().clock())
    first = asyncio.create_task(exposition.body(False))
    second = asyncio.create_task(exposition.body(False))
    await asyncio.sleep(0)
    first.cancel()
    assert (await second).plain


async def test_readiness_is_said_with_reasons(site: Site) -> None:
    """/readyz is 200 when ready and 503 when not, and lists what was looked at."""
    site.health.set_dependency("postgres", True, "db:5432/usdx")
    site.health.status_line = "READY block 1234 lag 1s 56 ev/s"
    async with site.get("/readyz") as answer:
        assert answer.status == 200
        assert await answer.json() == {
            "ready": True,
            "status": "READY block 1234 lag 1s 56 ev/s",
            "checks": {"postgres": {"ok": True, "detail": "db:5432/usdx"}},
        }
    site.health.set_dependency("postgres", False, "refused")
    async with site.get("/readyz") as answer:
        assert answer.status == 503
        assert (await answer.json())["checks"]["postgres"] == {"ok": False, "detail": "refused"}


async def test_pulse(site: Site) -> None:
    """/healthz is about the process's own loops only."""
    site.health.set_dependency("postgres", False)
    site.health.max_age("follow", 10)
    async with site.get("/healthz") as answer:
        assert answer.status == 200
    site.hands.at += 11
    async with site.get("/healthz") as answer:
        assert answer.status == 503
        assert (await answer.json())["loops"]["follow"]["ok"] is False


async def test_requests_are_counted_by_route_template(site: Site) -> None:
    """A path's parameters make no series; the status is that of the answer, 500 for a bug."""
    for name in ("1", "2", "gone", "bug"):
        async with site.get(f"/api/v1/wexels/{name}"):
            pass
    route = {"method": "GET", "route": "/api/v1/wexels/{id}"}
    assert site.registry.value("usdx_http_requests_total", status="200", **route) == 2
    assert site.registry.value("usdx_http_requests_total", status="410", **route) == 1
    assert site.registry.value("usdx_http_requests_total", status="500", **route) == 1
    assert site.registry.value("usdx_http_request_duration_seconds_count", **route) == 4
    assert site.registry.value("usdx_http_requests_in_progress") == 0


async def test_unknown_paths_share_one_label(site: Site) -> None:
    """However many paths and methods are tried, they make no more than a few series; the first is seen from 0 on."""
    assert site.registry.value("usdx_http_requests_total", method="GET", route="unmatched", status="404") == 0
    before = len(list(site.registry.samples()))
    for number in range(50):
        async with site.get(f"/nowhere/{number}") as answer:
            assert answer.status == 404
    for method in ("BREW", "PROPFIND", "DELETE", "POST"):
        async with site.client.request(method, f"http://127.0.0.1:{site.port}/metrics") as answer:
            assert answer.status in (400, 405)
    assert site.registry.value("usdx_http_requests_total", method="GET", route="unmatched", status="404") == 50
    assert len(list(site.registry.samples())) - before < 80


async def test_known_routes_start_at_zero(site: Site) -> None:
    """The first error of a route is visible to `rate()`."""
    route = {"method": "GET", "route": "/api/v1/wexels/{id}"}
    for status in ("200", "500"):
        assert site.registry.value("usdx_http_requests_total", status=status, **route) == 0
    assert site.registry.value("usdx_http_request_duration_seconds_count", **route) == 0


async def test_a_taken_port_is_one_clear_error(site: Site, registry: Registry) -> None:
    """The message names host and port."""
    serving = http.serve(web.Application(), "127.0.0.1", site.port)
    with pytest.raises(PortTaken, match=f"port {site.port} on 127.0.0.1 is taken"):
        await serving.__aenter__()


async def test_an_address_that_is_not_ours_is_a_config_error() -> None:
    """Only addresses of this machine can be listened on."""
    serving = http.serve(web.Application(), "192.0.2.1", 0)
    with pytest.raises(ConfigError, match=r"cannot listen on 192\.0\.2\.1:0"):
        await serving.__aenter__()


async def test_a_guarded_surface(registry: Registry, tmp_path: Path) -> None:
    """/metrics asks for the token, the probes do not; refusals are counted as such."""
    (tmp_path / "token").write_text("s3cret\n")
    auth = AuthSettings(kind="bearer", token_file=tmp_path / "token")
    async with _site(registry, metrics=auth) as site:
        async with site.get("/metrics") as answer:
            assert answer.status == 401
            assert answer.headers["WWW-Authenticate"] == 'Bearer realm="usdx"'
        async with site.get("/metrics", headers={"Authorization": "Bearer s3cret"}) as answer:
            assert answer.status == 200
        async with site.get("/healthz") as answer:
            assert answer.status == 200
        assert registry.value("usdx_http_requests_total", method="GET", route="/metrics", status="401") == 1


async def test_guessing_takes_its_time(registry: Registry, tmp_path: Path) -> None:
    """After a few wrong credentials nothing that the client gives is looked at for a while, right or wrong; who gives
    none is only told what is wanted, and surfaces without a gate stay open."""
    (tmp_path / "token").write_text("s3cret\n")
    wrong, right = ({"Authorization": f"Bearer {token}"} for token in ("guess", "s3cret"))
    async with _site(registry, metrics=AuthSettings(kind="bearer", token_file=tmp_path / "token")) as site:

        async def status(headers: dict[str, str] | None = None, path: str = "/metrics") -> int:
            async with site.get(path, headers=headers) as answer:
                return int(answer.status)

        assert {await status() for _ in range(30)} == {401}
        assert await status(right) == 200
        assert [await status(wrong) for _ in range(22)] == [401] * 20 + [429] * 2
        async with site.get("/metrics", headers=right) as answer:
            assert (answer.status, answer.headers["Retry-After"]) == (429, "1")
        assert (await status(), await status(wrong, "/healthz")) == (401, 200)
        site.hands.at += 1.0
        assert [await status(right), await status(wrong), await status(right)] == [200, 401, 429]


def _tls(registry: Registry, folder: Path = CERTIFICATES, mutual: bool = False) -> Tls:
    settings = TlsSettings(
        cert_file=folder / "server.pem",
        key_file=folder / "server.key",
        client_ca_file=folder / "ca.pem" if mutual else None,
    )
    return Tls.load(settings, "indexer", registry)


def _trusting(client: str | None = None) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(CERTIFICATES / "ca.pem"))
    if client:
        context.load_cert_chain(CERTIFICATES / f"{client}.pem", CERTIFICATES / f"{client}.key")
    return context


async def _status(port: int, context: ssl.SSLContext) -> int:
    async with (
        aiohttp.ClientSession() as client,
        client.get(f"https://127.0.0.1:{port}/", ssl=context) as answer,
    ):
        return answer.status


async def test_tls(registry: Registry) -> None:
    """With a certificate the surface speaks TLS only, and tells when it ends."""
    async with http.serve(web.Application(), "127.0.0.1", 0, _tls(registry)) as port:
        assert await _status(port, _trusting()) == 404
        async with aiohttp.ClientSession() as client:
            with pytest.raises(aiohttp.ClientError):
                await client.get(f"http://127.0.0.1:{port}/")
    name = "usdx_tls_certificate_not_after_timestamp_seconds"
    assert registry.value(name, endpoint="indexer") == not_after((CERTIFICATES / "server.pem").read_text())


async def test_mutual_tls(registry: Registry) -> None:
    """With a client authority only clients it signed are served."""
    async with http.serve(web.Application(), "127.0.0.1", 0, _tls(registry, mutual=True)) as port:
        assert await _status(port, _trusting("client")) == 404
        with pytest.raises(aiohttp.ClientError):
            await _status(port, _trusting())


async def test_a_renewed_certificate_is_taken_over(registry: Registry, tmp_path: Path) -> None:
    """New connections see the new certificate without a restart."""
    for name in ("server.pem", "server.key"):
        (tmp_path / name).write_bytes((CERTIFICATES / name).read_bytes())
    tls = _tls(registry, tmp_path)
    assert not tls.refresh()
    for name in ("pem", "key"):
        (tmp_path / f"server.{name}").write_bytes((CERTIFICATES / f"client.{name}").read_bytes())
    assert tls.refresh()
    value = registry.value("usdx_tls_certificate_not_after_timestamp_seconds", endpoint="indexer")
    assert value == not_after((CERTIFICATES / "client.pem").read_text())


def test_a_bad_certificate_is_a_config_error(registry: Registry, tmp_path: Path) -> None:
    """A file that is no certificate, or a key of another one, is named."""
    (tmp_path / "server.pem").write_text("nothing")
    (tmp_path / "server.key").write_bytes((CERTIFICATES / "server.key").read_bytes())
    with pytest.raises(ConfigError, match=r"server\.pem"):
        _tls(registry, tmp_path)
    (tmp_path / "server.pem").write_bytes((CERTIFICATES / "client.pem").read_bytes())
    with pytest.raises(ConfigError, match=r"server\.pem"):
        _tls(registry, tmp_path)
