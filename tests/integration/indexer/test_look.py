"""The indexer's part of `usdx check`."""

from __future__ import annotations

from pathlib import Path

import pytest

from indexer.look import look
from indexer.proxies import SLOTS
from shared.check import Finding
from shared.clock import system_clock
from shared.settings import Settings
from tests.fakes.chain import FakeChain
from tests.fakes.node import FakeNode, served

AT, LOGIC = "0x" + "11" * 20, "0x" + "22" * 20
FACTORY = """name = "shop"
[contracts.maker]
abi = "maker.abi"
[contracts.made]
abi = "made.abi"
factory = { contract = "maker", event = "Made", parameter = "what" }
"""


@pytest.fixture
def fake() -> FakeChain:
    chain = FakeChain()
    chain.mine_empty(3)
    return chain


async def findings(folder: Path, fake: FakeChain, protocol: str, **abis: str) -> list[Finding]:
    (folder / "protocol.toml").write_text(protocol)
    for name, text in abis.items():
        (folder / f"{name}.abi").write_text(text)
    async with served(FakeNode(fake)) as url:
        chains = {"fake": {"rpc": [{"name": "node", "url": url}]}}
        addresses = {"maker": AT} if "maker" in protocol else {"vault": AT}
        shop = {"path": folder, "chain": "fake", "addresses": addresses}
        settings = Settings.model_validate({"chains": chains, "protocols": {"shop": shop}})
        return await look(settings, system_clock())


async def test_a_proxy_is_named_with_its_implementation(tmp_path: Path, fake: FakeChain) -> None:
    """A proxy is told of; an ABI with nothing but a proxy's events, or with none, is refused."""
    vault = 'name = "shop"\n[contracts.vault]\nabi = "vault.abi"\n'
    upgraded, ping = "event Upgraded(address indexed implementation)", "event Ping(uint256 count)"
    assert await findings(tmp_path, fake, vault, vault=ping) == [], "no proxy, nothing to say"
    slot = SLOTS["EIP-1967"]
    fake.storage[bytes.fromhex(AT[2:]), slot] = bytes(12) + bytes.fromhex(LOGIC[2:])
    (found,) = await findings(tmp_path, fake, vault, vault=ping)
    assert (found.error, found.detail) == (None, f"{AT} is a proxy (EIP-1967); implementation {LOGIC}")
    for text, words in ((upgraded, "only events of a proxy"), ("# nothing", "no event")):
        (found,) = await findings(tmp_path, fake, vault, vault=text)
        assert f"vault.abi holds {words}; what it emits is in the ABI of its implementation {LOGIC}" in str(found.error)
    chosen = vault + 'events = ["Upgraded"]\n'
    (found,) = await findings(tmp_path, fake, chosen, vault=upgraded)
    assert found.error is None, "who names the proxy's event wants it"


async def test_a_factorys_parameter_must_be_an_address(tmp_path: Path, fake: FakeChain) -> None:
    """What only a compiled ABI can tell is told by the check, too, before the indexer would."""
    made = "event Used(uint256 amount)"
    (found,) = await findings(tmp_path, fake, FACTORY, maker="event Made(uint256 what)", made=made)
    assert "contracts.made.factory: Made.what of the factory is no address" in str(found.error)
    assert await findings(tmp_path, fake, FACTORY, maker="event Made(address what)", made=made) == []
