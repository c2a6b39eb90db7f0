"""The indexer's part of `usdx check`."""

from __future__ import annotations

from pathlib import Path

import pytest

from indexer.abi import parse
from indexer.look import look
from indexer.proxies import SLOTS
from indexer.schema import create_table, tables
from shared.check import Finding
from shared.clock import system_clock
from shared.db import Database
from shared.metrics import Registry
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


async def findings(folder: Path, fake: FakeChain, protocol: str, db: str | None = None, **abis: str) -> list[Finding]:
    (folder / "protocol.toml").write_text(protocol)
    for name, text in abis.items():
        (folder / f"{name}.abi").write_text(text)
    async with served(FakeNode(fake)) as url:
        chains = {"fake": {"rpc": [{"name": "node", "url": url}]}}
        addresses = {"maker": AT} if "maker" in protocol else {"vault": AT}
        shop = {"path": folder, "chain": "fake", "addresses": addresses}
        database = {"url": db or "postgresql://127.0.0.1:1/none"}
        settings = Settings.model_validate({"database": database, "chains": chains, "protocols": {"shop": shop}})
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


async def test_two_contracts_do_not_share_a_table(tmp_path: Path, fake: FakeChain) -> None:
    """Names that come to the same table are refused with both contracts and both events."""
    both = 'name = "shop"\n[contracts.maker]\nabi = "maker.abi"\n[contracts.maker_two]\nabi = "two.abi"\n'
    both += f'addresses = ["{LOGIC}"]\n'
    made, two = "event TwoMade(address what)", "event Made(uint256 amount)"
    (found,) = await findings(tmp_path, fake, both, maker=made, two=two)
    assert str(found.error).startswith(
        "[protocols.shop] contracts.maker and contracts.maker_two: event TwoMade(address) of maker and event "
        "Made(uint256) of maker_two would share the table shop.maker_two_made; give one"
    )
    assert await findings(tmp_path, fake, both, maker=made, two="event Sold(uint256 amount)") == []


async def test_a_table_that_drifted_is_named_with_its_remedy(
    tmp_path: Path, fake: FakeChain, database_url: str
) -> None:
    """The check says what the indexer's start would say: which column, and the statement that mends it."""
    vault = 'name = "shop"\n[contracts.vault]\nabi = "vault.abi"\nstart_block = 1\n'
    ping = "event Ping(uint256 count)"
    assert await findings(tmp_path, fake, vault, database_url, vault=ping) == [], "no table yet"
    settings = Settings.model_validate({"database": {"url": database_url}})
    async with await Database.open(settings, Registry(), application_name="test") as db, db.connection() as cx:
        await cx.execute("create schema shop")
        (event,) = parse(ping)
        (table,) = tables("shop", "vault", [event])
        await cx.execute(create_table(table))
        assert await findings(tmp_path, fake, vault, database_url, vault=ping) == []
        await cx.execute("alter table shop.vault_ping rename column count to total")
    (found,) = await findings(tmp_path, fake, vault, database_url, vault=ping)
    assert found.subject == "tables of shop/vault"
    assert 'ALTER TABLE "shop"."vault_ping" RENAME COLUMN "total" TO "count";' in str(found.error)
