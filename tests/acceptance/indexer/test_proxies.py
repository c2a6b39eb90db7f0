"""A proxy on a real node, upgraded while it is followed."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from eth_hash.auto import keccak

from demo.node import Node, connect
from demo.parts import Anvil
from indexer.proxies import SLOTS
from tests.acceptance.indexer.rig import Rig, closing, eventually, stopped

SLOT = SLOTS["EIP-1967"]
UPGRADED = keccak(b"Upgraded(address)")
PROXY_ABI = ["event Upgraded(address indexed implementation)"]
PROXY = bytes.fromhex(
    f"363d3d373d3d363d7f{SLOT[2:]}545af43d6000803e6038573d6000fd5b3d6000f3"  # Solady's ERC1967 minimal proxy
)


def logic(signature: str) -> bytes:
    """Code that emits the event with a zero, or, called with a word, becomes an upgrade to that address."""
    upgrade = f"5b600035807f{SLOT[2:]}557f{UPGRADED.hex()}60006000a200"
    return bytes.fromhex(f"36602b577f{keccak(signature.encode()).hex()}60206000a100{upgrade}")


@dataclass
class Proxied:
    """A proxy, two implementations, and a protocol folder for it."""

    node: Node
    url: str
    folder: Path
    database_url: str
    port: int
    sender: str
    proxy: str = ""

    async def rpc(self, method: str, *params: Any) -> Any:
        return await self.node.rpc.call(method, list(params))

    async def deploy(self, code: bytes) -> str:
        create = bytes.fromhex(f"61{len(code):04x}80600a3d393df3") + code
        return str((await self.send(data="0x" + create.hex()))["contractAddress"])

    async def send(self, **transaction: str) -> dict[str, Any]:
        hash_ = await self.rpc("eth_sendTransaction", {"from": self.sender, **transaction})
        while (receipt := await self.rpc("eth_getTransactionReceipt", hash_)) is None:
            await asyncio.sleep(0.01)
        return dict(receipt)

    async def emit(self, times: int) -> None:
        for _ in range(times):
            await self.send(to=self.proxy)

    def write(self, *abis: list[str], implementations: str = "") -> Path:
        for number, abi in enumerate(abis):
            (self.folder / f"{number}.json").write_text(json.dumps(abi))
        names = ", ".join(f'"{number}.json"' for number in range(len(abis)))
        extra = f'implementations = ["{implementations}"]' if implementations else ""
        (self.folder / "protocol.toml").write_text(f'name = "mine"\n[contracts.vault]\nabi = [{names}]\n{extra}\n')
        path = self.folder / "usdx.toml"
        path.write_text(
            f"""
data_dir = "{self.folder / ".usdx"}"
[database]
url = "{self.database_url}"
[indexer]
port = {self.port}
[chains.local]
rpc = [{{ name = "anvil", url = "{self.url}" }}]
poll = "50ms"
[protocols.mine]
path = "{self.folder}"
chain = "local"
addresses = {{ vault = "{self.proxy}" }}
"""
        )
        return path

    async def rows(self, table: str) -> int:
        cx = await asyncpg.connect(self.database_url)
        try:
            if await cx.fetchval("select to_regclass($1)", f"mine.{table}") is None:
                return 0
            return int(await cx.fetchval(f"select count(*) from mine.{table}"))
        finally:
            await cx.close()


@pytest.fixture
async def vault(anvil: Path, database_url: str, tmp_path: Path, free_port: int) -> AsyncIterator[Proxied]:
    async with Anvil.start() as running, connect(running.url) as node:
        sender = (await node.rpc.call("eth_accounts", []))[0]
        yield Proxied(node, running.url, tmp_path, database_url, free_port, sender)


@asynccontextmanager
async def runs(one: Proxied) -> AsyncIterator[Rig]:
    """Starts and ends processes."""
    async with closing(Rig(one.node, one.url, None, one.database_url, one.folder, one.port)) as rig:  # type: ignore[arg-type]
        yield rig


async def usdx(rig: Rig, *arguments: str) -> tuple[int, str]:
    process = await rig.start(sys.executable, "-m", "shared", *arguments)
    said, _ = await process.communicate()
    assert process.returncode is not None
    return process.returncode, said.decode()


async def test_a_proxy_is_followed_through_an_upgrade(vault: Proxied) -> None:
    """Start to end: the implementation is named, a missing ABI refused, the upgrade noticed, its new event made up."""
    one, two = await vault.deploy(logic("Ping(uint256)")), await vault.deploy(logic("Pong(uint256)"))
    await vault.rpc("anvil_mine", "0x5")
    vault.proxy = await vault.deploy(PROXY)
    await vault.rpc("anvil_setStorageAt", vault.proxy, SLOT, "0x" + one[2:].rjust(64, "0"))
    await vault.emit(2)
    ping, pong = ["event Ping(uint256 count)"], ["event Pong(uint256 count)"]
    async with runs(vault) as processes:
        config = ("--config", str(vault.write(PROXY_ABI)))
        for command in ("check", "backfill"):
            code, said = await usdx(processes, command, *config)
            assert code == 2, said
            assert f"is a proxy (EIP-1967), and {vault.folder}/0.json holds only events of a proxy" in said
            assert f"implementation {one.lower()}" in said
        vault.write(PROXY_ABI, ping)
        code, said = await usdx(processes, "check", *config)
        assert code == 0, said
        assert f"contract mine/vault: {vault.proxy.lower()} is a proxy (EIP-1967); implementation {one.lower()}" in said

        indexer = await processes.start(sys.executable, "-m", "shared", "indexer", *config)

        async def pinged() -> bool:
            return await vault.rows("vault_ping") == 2

        await eventually(pinged, processes.output)
        await vault.send(to=vault.proxy, data="0x" + two[2:].rjust(64, "0"))
        await vault.emit(3)

        async def noticed() -> bool:
            sample = 'usdx_indexer_unknown_implementations{chain="local",stream="mine/vault"}'
            return (await processes.metrics()).get(sample) == 1 and await vault.rows("vault_upgraded") == 1

        await eventually(noticed, processes.output)
        upgrades = 'usdx_indexer_proxy_upgrades_total{chain="local",stream="mine/vault"}'
        assert (await processes.metrics())[upgrades] == 1
        code, said = await stopped(indexer)
        assert code == 0, said
        assert "a proxy was upgraded, and its new events may be unknown" in said
        assert two.lower() in said

        vault.write(PROXY_ABI, ping, pong)
        code, said = await usdx(processes, "backfill", *config)
        assert code == 0, said
        assert "may be unknown" not in said
    assert [await vault.rows(f"vault_{name}") for name in ("ping", "pong", "upgraded")] == [2, 3, 1]
    cx = await asyncpg.connect(vault.database_url)
    starts = await cx.fetch("select start_block from usdx.cursors")
    seen = await cx.fetch("select implementation, known from usdx.implementations order by noticed_at")
    await cx.close()
    assert {row[0] for row in starts} == {8}, "the block in which the proxy itself was deployed"
    assert [("0x" + row[0].hex(), row[1]) for row in seen] == [(one.lower(), True), (two.lower(), True)]
