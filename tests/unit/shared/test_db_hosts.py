"""One url with several hosts: each is tried in its turn, however it is out of order."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import asyncpg
import pytest

from shared.db import Database
from shared.db_errors import translate
from shared.db_hosts import Hosts, each_host
from shared.errors import ConfigError, DatabaseUnavailable
from shared.metrics import Registry
from shared.settings import Settings


@pytest.mark.parametrize(
    ("url", "each"),
    [
        ("postgresql://u:p@a/d", ["postgresql://u:p@a/d"]),
        ("postgresql://u:p@a,b/d", ["postgresql://u:p@a/d", "postgresql://u:p@b/d"]),
        ("postgresql://a:1,b:2/d?sslmode=disable", [f"postgresql://{at}/d?sslmode=disable" for at in ("a:1", "b:2")]),
        ("postgres://u@/d?host=a,b&port=1,2", ["postgres://u@a/d?port=1", "postgres://u@b/d?port=2"]),
        ("postgresql://u@a,b/d?port=7", ["postgresql://u@a/d?port=7", "postgresql://u@b/d?port=7"]),
        ("postgresql://[::1]:1,[::2]:2/d", ["postgresql://[::1]:1/d", "postgresql://[::2]:2/d"]),
        ("postgresql:///d?host=/x,/y", ["postgresql:///d?host=%2Fx", "postgresql:///d?host=%2Fy"]),
        ("postgresql://u@/d?host=%2Fx&port=5432", ["postgresql://u@/d?host=%2Fx&port=5432"]),
        ("postgresql:///d", ["postgresql:///d"]),
    ],
)
def test_every_host_has_a_url(url: str, each: list[str]) -> None:
    """What the url says of all hosts is said of each."""
    assert each_host(url) == each


def test_ports_without_hosts_are_refused() -> None:
    """Two ports for three hosts fit none."""
    with pytest.raises(ConfigError, match="one port or one for each of 3 hosts, not 2"):
        each_host("postgresql:///d?host=a,b,c&port=1,2")


DIALS = 3  # how often the dead host is asked below


@asynccontextmanager
async def host(*, silent: bool) -> AsyncIterator[int]:
    """The port of a host that accepts, and then says nothing or hangs up."""

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if silent:
            await reader.read()
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()
        ended.release()

    ended = asyncio.Semaphore(0)
    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]
        for _ in range(DIALS):
            await ended.acquire()


@pytest.mark.parametrize("silent", [True, False], ids=["silent", "hangs up"])
async def test_a_dead_host_does_not_hide_the_next(silent: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each host has its own patience; the one that answered is asked first the next time."""
    asked: list[str] = []
    driver = asyncpg.connect

    async def connect(url: str, **options: object) -> object:
        asked.append(url)
        return "here" if "good" in url else await driver(url, **options)

    monkeypatch.setattr(asyncpg, "connect", connect)
    async with host(silent=silent) as port:
        hosts = Hosts(f"postgresql://u@127.0.0.1:{port},good/d?sslmode=disable")
        assert await hosts.connect(timeout=0.2) == "here"
        assert len(asked) == 2
        assert await hosts.connect() == "here"
        assert "good" in asked[2]
        dead = Hosts(f"postgresql://u@127.0.0.1:{port},127.0.0.1:{port}/d?sslmode=disable")
        with pytest.raises((asyncpg.PostgresError, TimeoutError)):
            await dead.connect(timeout=0.1)


async def test_a_refused_login_is_not_tried_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is wrong with our url is wrong everywhere."""
    asked: list[str] = []

    async def connect(url: str, **options: object) -> None:
        asked.append(url)
        raise asyncpg.InvalidPasswordError("password authentication failed")

    monkeypatch.setattr(asyncpg, "connect", connect)
    with pytest.raises(asyncpg.InvalidPasswordError):
        await Hosts("postgresql://u@a,b/d").connect()
    assert len(asked) == 1


def test_no_primary_at_this_moment_passes() -> None:
    """Between the fall of a primary and the promotion of its standby we wait; nothing is halted."""
    error = asyncpg.TargetServerAttributeNotMatched("None of the hosts match the target attribute requirement")
    assert isinstance(translate(error, "a,b/d"), DatabaseUnavailable)


async def test_sessions_of_a_vanished_machine_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every session of the pool asks the server to give it up, locks and all, when its machine answers no more."""
    asked: dict[str, str] = {}

    async def create_pool(url: str, *, server_settings: dict[str, str], **options: object) -> None:
        asked.update(server_settings)
        raise OSError("no server here")

    monkeypatch.setattr(asyncpg, "create_pool", create_pool)
    with pytest.raises(DatabaseUnavailable):
        await Database.open(Settings.model_validate({"database": {"url": "postgresql://u@a/d"}}), Registry())
    idle, interval, count = (int(asked[f"tcp_keepalives_{name}"]) for name in ("idle", "interval", "count"))
    assert idle + interval * count == int(asked["tcp_user_timeout"]) / 1000 == 30
