"""The real indexer as a process, a real node with the wexel contracts, a real database."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import asyncpg

from demo.deploy import USD, Deployment, users
from demo.node import Node
from indexer.abi import merge, parse
from indexer.schema import tables
from shared import protocol

ROOT = Path(__file__).parents[3]
WEXEL = ROOT / "protocols" / "wexel"
PATIENCE_S = 45.0
ANN, BEN, *_ = users(4)


@dataclass
class Rig:
    """What a test works with."""

    node: Node
    url: str
    deployed: Deployment
    database_url: str
    folder: Path
    port: int
    extra: str = ""
    processes: list[asyncio.subprocess.Process] = field(default_factory=list)

    def write_config(self, name: str = "demo", url: str | None = None) -> Path:
        """The config file, with this chain under `name`."""
        where = self.deployed.addresses()
        path = self.folder / "usdx.toml"
        path.write_text(
            f"""
data_dir = "{self.folder / ".usdx"}"
[database]
url = "{self.database_url}"
[indexer]
port = {self.port}
[log]
format = "json"
[chains.{name}]
rpc = [{{ name = "anvil", url = "{url or self.url}" }}]
poll = "50ms"
[protocols.wexel]
path = "{WEXEL}"
chain = "{name}"
[protocols.wexel.addresses]
vault = "{where["vault"]}"
marketplace = "{where["marketplace"]}"
{self.extra}
"""
        )
        return path

    async def start(self, *command: str) -> asyncio.subprocess.Process:
        """Start `python -m indexer`, or another command of ours."""
        argv = command or (sys.executable, "-m", "indexer", "--config", str(self.write_config()))
        process = await asyncio.create_subprocess_exec(
            *argv, cwd=ROOT, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT, env=_environment()
        )
        self.processes.append(process)
        return process

    async def deposits(self, count: int, owner: str = ANN) -> None:
        """That many deposits, each in a block of its own."""
        for number in range(count):
            hash_ = await self.node.tell(owner, self.deployed["vault"], "deposit", 1, (1_000 + number) * USD)
            await self.node.settle([hash_])

    async def rpc(self, method: str, *params: Any) -> Any:
        return await self.node.rpc.call(method, list(params))

    async def stored(self) -> dict[str, int]:
        """How many rows each event table has."""
        cx = await asyncpg.connect(self.database_url)
        try:
            out = {}
            for table in wexel_tables():
                if await cx.fetchval("select to_regclass($1)", table.qualified) is not None:
                    out[table.name] = await cx.fetchval(f"select count(*) from {table.qualified}")
            return out
        finally:
            await cx.close()

    async def on_chain(self) -> dict[str, int]:
        """How many logs of each event the node has."""
        where = {name: self.deployed[name].address for name in ("vault", "marketplace")}
        logs = await self.rpc("eth_getLogs", {"fromBlock": "0x0", "toBlock": "latest", "address": list(where.values())})
        out = dict.fromkeys((table.name for table in wexel_tables()), 0)
        topics = {
            (where[table.name.split("_")[0]].lower(), "0x" + (table.event.topic0 or b"").hex()): table.name
            for table in wexel_tables()
        }
        for log in logs:
            name = topics.get((log["address"], log["topics"][0]))
            if name is not None:
                out[name] += 1
        return out

    async def digest(self) -> Sequence[tuple[int, int, bytes]]:
        """(block, log index, block hash) of every row, in order."""
        cx = await asyncpg.connect(self.database_url)
        try:
            union = " union all ".join(
                f"select block_number, log_index, block_hash from {table.qualified}" for table in wexel_tables()
            )
            return [tuple(row) for row in await cx.fetch(f"{union} order by 1, 2")]
        finally:
            await cx.close()

    async def truth(self) -> Sequence[tuple[int, int, bytes]]:
        """As `digest`, from the node."""
        where = [self.deployed[name].address for name in ("vault", "marketplace")]
        logs = await self.rpc("eth_getLogs", {"fromBlock": "0x0", "toBlock": "latest", "address": where})
        known = {"0x" + (table.event.topic0 or b"").hex() for table in wexel_tables()}
        return [
            (int(log["blockNumber"], 16), int(log["logIndex"], 16), bytes.fromhex(log["blockHash"][2:]))
            for log in logs
            if log["topics"][0] in known
        ]

    async def settled(self) -> None:
        """Wait until the tables hold exactly what the chain does."""

        async def same() -> bool:
            if any(one.returncode not in (None, 0, -9) for one in self.processes):
                raise AssertionError(await self.explain())
            stored = await self.stored()
            return len(stored) == len(wexel_tables()) and list(await self.digest()) == list(await self.truth())

        await eventually(same, self.explain)

    async def explain(self) -> str:
        return f"stored {await self.stored()}, on chain {await self.on_chain()}, {await self.output()}"

    async def output(self) -> str:
        """The last words of the processes that ended."""
        ended = [one for one in self.processes if one.returncode is not None and one.stdout is not None]
        return " ".join([(await one.stdout.read()).decode()[-3000:] for one in ended if one.stdout is not None])

    async def get(self, path: str) -> tuple[int, str]:
        async with aiohttp.ClientSession() as session, session.get(f"http://127.0.0.1:{self.port}{path}") as answer:
            return answer.status, await answer.text()

    async def metrics(self) -> Mapping[str, float]:
        """Every sample by its name with labels."""
        _, text = await self.get("/metrics")
        lines = [line.rpartition(" ") for line in text.splitlines() if line and not line.startswith("#")]
        return {name: float(value) for name, _, value in lines}

    async def listening(self) -> None:
        async def up() -> bool:
            try:
                return (await self.get("/healthz"))[0] == 200
            except aiohttp.ClientConnectionError:
                return False

        await eventually(up, self.output)

    async def close(self) -> None:
        for process in self.processes:
            if process.returncode is None:
                process.kill()
                await process.communicate()


def wexel_tables() -> Sequence[Any]:
    loaded = protocol.load(WEXEL)
    return [
        table
        for contract in loaded.contracts
        for table in tables("wexel", contract.name, merge(*(parse(abi.read_text()) for abi in contract.abis)))
        if contract.events is None or table.event.name in contract.events
    ]


async def eventually(holds: Callable[[], Awaitable[bool]], explain: Callable[[], Awaitable[str]]) -> None:
    """Wait until it holds; fail with an explanation when it never does."""
    deadline = asyncio.get_running_loop().time() + PATIENCE_S
    while not await holds():
        if asyncio.get_running_loop().time() > deadline:
            raise AssertionError(await explain())
        await asyncio.sleep(0.05)


async def stopped(process: asyncio.subprocess.Process, number: int = signal.SIGTERM) -> tuple[int, str]:
    """Send a signal; the exit code and everything the process had said. It must end within ten seconds."""
    process.send_signal(number)
    said, _ = await asyncio.wait_for(process.communicate(), 10)
    assert process.returncode is not None
    return process.returncode, said.decode()


def _environment() -> dict[str, str]:
    return {key: value for key, value in os.environ.items() if not key.startswith("USDX_")}


@asynccontextmanager
async def closing(rig: Rig) -> AsyncIterator[Rig]:
    try:
        yield rig
    finally:
        await rig.close()
