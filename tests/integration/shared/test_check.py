"""Laws of `usdx check`."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from shared import http
from shared.check import Finding, look
from shared.clock import system_clock
from shared.errors import ConfigError, Transient
from shared.settings import Settings

WEXEL = Path(__file__).parents[3] / "protocols" / "wexel"
VAULT, MARKET, EMPTY = (f"0x{digit * 40}" for digit in "123")


@asynccontextmanager
async def _node(chain_id: object, contracts: tuple[str, ...] = (VAULT, MARKET)) -> AsyncIterator[str]:
    """A node that knows its chain, its tip and where there is code."""

    async def answer(request: web.Request) -> web.Response:
        asked = await request.json()
        calls = asked if isinstance(asked, list) else [asked]
        answers = [{"jsonrpc": "2.0", "id": call["id"], "result": result(call)} for call in calls]
        return web.json_response(answers if isinstance(asked, list) else answers[0])

    def result(call: dict[str, Any]) -> object:
        if call["method"] == "eth_getCode":
            return "0x60" if call["params"][0] in contracts else "0x"
        return {"eth_chainId": chain_id, "eth_blockNumber": "0x10"}[call["method"]]

    application = web.Application()
    application.router.add_post("/{key:.*}", answer)
    async with http.serve(application, "127.0.0.1", 0) as port:
        yield f"http://127.0.0.1:{port}/v2/key-0123456789abcdef"


def _settings(database_url: str, **endpoints: str) -> Settings:
    return Settings.model_validate(
        {
            "database": {"url": database_url},
            "chains": {"base": {"rpc": [{"name": name, "url": url} for name, url in endpoints.items()]}},
            "protocols": {
                "wexel": {"path": WEXEL, "chain": "base", "addresses": {"vault": VAULT, "marketplace": MARKET}}
            },
        }
    )


async def _errors(settings: Settings) -> list[Finding]:
    return [finding for finding in await look(settings, system_clock()) if finding.error is not None]


async def test_all_is_well(database_url: str) -> None:
    """Every part has a finding, and none an error."""
    async with _node("0x2105") as url:
        findings = await look(_settings(database_url, a=url), system_clock())
    assert [finding for finding in findings if finding.error] == []
    said = {finding.subject: finding.detail for finding in findings}
    assert said["protocol wexel"].startswith("2 contracts, ")
    assert said["database"].startswith("Postgres 18")
    assert said["chain base, endpoint a"] == "chain id 8453, block 16"


async def test_an_unreachable_endpoint_is_the_world_s_fault(database_url: str) -> None:
    """One dead endpoint beside a living one is one finding."""
    async with _node("0x2105") as url:
        (finding,) = await _errors(_settings(database_url, a=url, b="http://127.0.0.1:1/secret"))
    assert finding.subject == "chain base, endpoint b"
    assert isinstance(finding.error, Transient)
    assert "secret" not in str(finding.error)


async def test_endpoints_must_serve_one_chain(database_url: str) -> None:
    """Two chains under one name would mix their events."""
    async with _node("0x1") as one, _node("0x2") as two:
        (finding,) = await _errors(_settings(database_url, a=one, b=two))
    assert "serve different chains: a says 1, b says 2" in str(finding.error)


async def test_what_is_no_node_is_named(database_url: str) -> None:
    """A web server that answers something else is not an Ethereum node."""
    async with _node(None) as url:
        (finding,) = await _errors(_settings(database_url, a=url))
    assert "endpoint a answers, but not as an Ethereum node does" in str(finding.error)


async def test_an_address_without_contract_is_named(database_url: str) -> None:
    """The events of an address with no code would never come."""
    async with _node("0x1", (VAULT,)) as url:
        (finding,) = await _errors(_settings(database_url, a=url))
    assert str(finding.error) == f"protocols.wexel.addresses.marketplace = {MARKET}: there is no contract on base"


@pytest.mark.parametrize(
    ("addresses", "message"),
    [
        ({"vault": VAULT}, "protocols.wexel.addresses.marketplace: expected an address"),
        ({"vault": VAULT, "market": MARKET}, "protocols.wexel.addresses.market: expected a contract of"),
    ],
)
async def test_addresses_must_fit_the_protocol(settings: Settings, addresses: dict[str, str], message: str) -> None:
    """Every contract has an address, and every address a contract."""
    wexel = {"wexel": {"path": WEXEL, "chain": "base", "addresses": addresses}}
    given = {"database": {"url": settings.database.url}, "protocols": wexel}
    (finding,) = await _errors(Settings.model_validate(given))
    assert message in str(finding.error)
    assert isinstance(finding.error, ConfigError)


async def test_what_a_factory_makes_needs_no_address(settings: Settings, tmp_path: Path) -> None:
    """A contract that a factory announces is found by its event."""
    (tmp_path / "maker.abi").write_text("event Made(address child)")
    (tmp_path / "made.abi").write_text("event Used(uint256 amount)")
    (tmp_path / "protocol.toml").write_text(
        f"""name = "shop"
[contracts.maker]
abi = "maker.abi"
addresses = "{VAULT}"
[contracts.made]
abi = "made.abi"
factory = {{ contract = "maker", event = "Made", parameter = "child" }}
"""
    )
    given = {"database": {"url": settings.database.url}, "chains": {}, "protocols": {}}
    shop = Settings.model_validate(given | {"protocols": {"shop": {"path": tmp_path, "chain": "base"}}})
    assert await _errors(shop) == []


def _check(folder: Path, config: str) -> subprocess.CompletedProcess[str]:
    (folder / "usdx.toml").write_text(config)
    command = [sys.executable, "-m", "shared", "check"]
    env = os.environ | {"PYTHONPATH": str(WEXEL.parent.parent)}
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True)


def test_the_command_says_all_is_well(database_url: str, tmp_path: Path) -> None:
    """Exit code 0, one line a part."""
    done = _check(tmp_path, f'[database]\nurl = "{database_url}"\n')
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("ok    database: Postgres 18")


def test_the_command_tells_config_from_world(tmp_path: Path) -> None:
    """A missing protocol is code 2, a refused database code 1; both say what to do."""
    refused = '[database]\nurl = "postgresql://127.0.0.1:1/usdx"\n'
    done = _check(tmp_path, refused)
    assert done.returncode == 1
    assert done.stdout.startswith("FAIL  database: database 127.0.0.1:1/usdx")
    missing = (
        '[chains.base]\nrpc = [{ name = "a", url = "http://127.0.0.1:1" }]\n[protocols.x]\nchain = "base"\npath = "x"\n'
    )
    done = _check(tmp_path, refused + missing)
    assert done.returncode == 2
    assert "x/protocol.toml: there is no such file" in done.stdout


def test_the_command_refuses_a_bad_config(tmp_path: Path) -> None:
    """What does not load is not looked at further."""
    done = _check(tmp_path, "[databse]\n")
    assert (done.returncode, done.stdout) == (2, "")
    assert 'databse: is not a known key, did you mean "database"?' in done.stderr
    assert "Traceback" not in done.stderr
