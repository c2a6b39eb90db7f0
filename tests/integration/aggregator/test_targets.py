"""Where the workers are, and who they are, whatever is written or resolved."""

import asyncio
import json
import shutil
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from aggregator.metrics import Meters
from aggregator.model import FetchFailure, Target
from aggregator.names import Names
from aggregator.scrape import Scraper
from aggregator.targets import Targets, read_file
from aggregator.trust import Trust
from aggregator.wiring import client, headers_of
from aggregator.workers import Workers
from shared.clock import system_clock
from shared.errors import ConfigError
from shared.http import serve
from shared.metrics import Registry
from shared.settings import AggregatorSettings, AuthSettings, TlsSettings
from shared.tls import Tls
from tests.fakes.clock import Hands

CERTIFICATES = Path(__file__).parents[1] / "shared" / "certificates"
CA, CERT, KEY = (CERTIFICATES / name for name in ("ca.pem", "client.pem", "client.key"))
SERVING = TlsSettings(cert_file=CERTIFICATES / "server.pem", key_file=CERTIFICATES / "server.key", client_ca_file=CA)


@pytest.mark.parametrize(
    "at", ["host:abc", "host:99999", "[::1:9101", "a..b:1", f"{'x' * 64}.de:1", "", "host:0", "a b:1", "host:1x"]
)
async def test_a_mistyped_target_costs_nobody(tmp_path: Path, at: str) -> None:
    """A file with one address that cannot be is refused by name, and the workers of the last good one count."""
    with pytest.raises(ConfigError, match="file_sd"):
        read_file("x", json.dumps([{"targets": ["good:1", at]}]).encode(), "workers.json")
    (tmp_path / "workers.json").write_text('[{"targets": ["good:1"]}]')
    targets = Targets({"indexer": ["file:workers.json"]}, tmp_path)
    before = await targets.current()
    (tmp_path / "workers.json").write_text(json.dumps([{"targets": ["other:1", at]}]))
    assert await targets.current() == before != ()


async def test_two_services_may_share_a_file(tmp_path: Path) -> None:
    """Each service finds what the file lists as its own."""
    (tmp_path / "workers.json").write_text('[{"targets": ["10.0.0.1:1"]}]')
    targets = Targets({one: ["file:workers.json"] for one in ("indexer", "oracle")}, tmp_path)
    assert [one.service for one in await targets.current()] == ["indexer", "oracle"]


class Resolver:
    """Stands in for the system's resolver: names with no answer are away, names in `slow` never answer."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, **answers: str) -> None:
        self.answers = answers
        self.slow: set[str] = set()
        self.asked: list[str] = []
        monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", self._ask)

    async def _ask(self, host: str, port: int, **_: Any) -> list[tuple[Any, ...]]:
        self.asked.append(host)
        if host in self.slow:
            await asyncio.Event().wait()
        if host not in self.answers:
            raise OSError("no such name")
        return [(0, 0, 0, "", (self.answers[host], port))]


async def test_a_slow_resolver_costs_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """Names are resolved side by side, each asked for once; one that is not answered keeps its last addresses, and one
    that never was stays a target, so that it is seen as down."""
    resolver = Resolver(monkeypatch, idx="10.0.0.1", orc="10.0.0.2")
    places = {"indexer": ["dns+http://idx:1"], "oracle": ["dns+http://orc:2"], "other": ["dns+http://new:3"]}
    targets = Targets(places, Path(), Names(patience_s=0.01))
    first = ["10.0.0.1:1", "10.0.0.2:2", "new:3"]
    assert [one.instance for one in await targets.current()] == first
    resolver.slow = {"idx", "orc", "new"}
    for _ in range(3):
        assert [one.instance for one in await targets.current()] == first
    assert resolver.asked == ["idx", "orc", "new"] * 2


async def test_a_resolver_that_is_away_moves_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """While a name cannot be resolved its last addresses count; then the new ones do."""
    resolver = Resolver(monkeypatch, idx="10.0.0.1")
    targets = Targets({"indexer": ["dns+http://idx:1"]}, Path())
    for answers, instance in (({"idx": "10.0.0.1"}, "10.0.0.1:1"), ({}, "10.0.0.1:1"), ({"idx": "::1"}, "[::1]:1")):
        resolver.answers = answers
        assert [one.instance for one in await targets.current()] == [instance]


@asynccontextmanager
async def strict_worker(names: list[str | None] | None = None) -> AsyncIterator[int]:
    """A worker that answers only whom the authority knows, and notes by which name it was called."""

    async def metrics(request: web.Request) -> web.Response:
        return web.Response(text="usdx_a 1\n")

    def called(socket: ssl.SSLObject, name: str | None, context: ssl.SSLContext) -> None:
        if names is not None:
            names.append(name)

    application = web.Application()
    application.router.add_get("/metrics", metrics)
    tls = Tls.load(SERVING, "test", Registry())
    tls.context.sni_callback = called
    async with serve(application, "127.0.0.1", 0, tls) as port:
        yield port


async def failure(trust: Trust, place: str) -> FetchFailure | None:
    """What becomes of asking the worker at `place`."""
    async with client() as session:
        scraper = Scraper(session, system_clock(), trust=trust.context)
        workers = Workers(Targets({"indexer": [place]}, Path()), scraper, Meters(Registry(), {}), Hands().clock())
        return (await workers.now()).fetched[0].failure


async def test_workers_that_want_a_certificate_get_ours() -> None:
    """A worker behind mTLS is read with our certificate, and not without; found by a DNS name, it is asked for under
    that name, to which its certificate is made out."""
    known = AggregatorSettings(workers_ca_file=CA, workers_cert_file=CERT, workers_key_file=KEY)
    names: list[str | None] = []
    async with strict_worker(names) as port:
        assert await failure(Trust.load(known), f"https://127.0.0.1:{port}") is None
        assert (
            await failure(Trust.load(AggregatorSettings(workers_ca_file=CA)), f"https://localhost:{port}") == "connect"
        )
        names.clear()
        assert await failure(Trust.load(known), f"dns+https://localhost:{port}") is None
    assert set(names) == {"localhost"}


@pytest.mark.parametrize("user", [None, "a:b"])
async def test_credentials_that_no_header_can_hold(tmp_path: Path, user: str | None) -> None:
    """A token that is no text, or a user with a colon, makes workers unreadable, and nothing else."""
    (tmp_path / "secret").write_bytes(b"\xff\xfe" if user is None else b"secret")
    files: dict[str, Any] = {"password_file" if user else "token_file": tmp_path / "secret", "user": user}
    auth = AuthSettings(kind="basic" if user else "bearer", **files)
    async with client() as session:
        scraper = Scraper(session, system_clock(), headers=headers_of(AggregatorSettings(workers_auth=auth)))
        fetched = await scraper.fetch(Target("indexer", "a:1", "http://127.0.0.1:1/metrics"))
    assert fetched.failure == "connect"
    assert "cannot be asked" in fetched.detail


def test_renewed_certificates_are_taken_over(tmp_path: Path) -> None:
    """New connections use what the files hold now; while they do not fit together, what they held before."""
    ours = {name: Path(shutil.copy(path, tmp_path / name)) for name, path in (("ca", CA), ("cert", CERT), ("key", KEY))}
    trust = Trust(ours["ca"], ours["cert"], ours["key"])
    first = trust.context()
    assert trust.context() is first
    ours["key"].write_bytes((CERTIFICATES / "server.key").read_bytes())
    assert trust.context() is first
    ours["cert"].write_bytes((CERTIFICATES / "server.pem").read_bytes())
    assert trust.context() is not first
    ours["ca"].unlink()
    assert isinstance(trust.context(), ssl.SSLContext)
    assert Trust(None, None, None).context() is True
    with pytest.raises(ConfigError, match="TLS with the workers"):
        Trust.load(with_certificate(cert=CERT, key=CERTIFICATES / "server.key"))


def with_certificate(cert: Path, key: Path) -> AggregatorSettings:
    return AggregatorSettings(workers_ca_file=CA, workers_cert_file=cert, workers_key_file=key)
