"""Set the stage: a replay node, a real Postgres, a fresh database and a configuration for each measurement."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg

from benchmarks.chain import ABI, FIRST_BLOCK, TOKEN
from shared import embedded

ROOT = Path(__file__).parents[1]
WORK = ROOT / ".usdx" / "bench"
SCHEMA = "bench"


@dataclass(frozen=True, slots=True)
class NodePlan:
    """Which chain to serve, and how."""

    profile: str
    blocks: int
    bare: bool = False
    latency_ms: float = 0
    mine_ms: float = 0
    head: int | None = None
    keep: int | None = None

    @property
    def arguments(self) -> list[str]:
        out = ["--profile", self.profile, "--blocks", str(self.blocks), "--latency-ms", str(self.latency_ms)]
        out += ["--mine-ms", str(self.mine_ms), "--keep", str(self.keep or self.blocks // 1000 + 1)]
        out += ["--head", str(self.head)] if self.head is not None else []
        return [*out, "--bare"] if self.bare else out


@dataclass(frozen=True, slots=True)
class Node:
    """A running replay node."""

    port: int
    pid: int
    plan: NodePlan

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def stats(self) -> dict[str, Any]:
        with urllib.request.urlopen(f"{self.url}/stats", timeout=10) as answer:
            return dict(json.load(answer))


@contextmanager
def replay(plan: NodePlan) -> Iterator[Node]:
    """A replay node that has its chain in memory."""
    command = [sys.executable, "-m", "benchmarks.replay_node", *plan.arguments]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            yield Node(int(line.removeprefix("PORT ")), process.pid, plan)
        finally:
            process.kill()


class Databases:
    """Fresh databases on one server."""

    def __init__(self, server: embedded.Handle) -> None:
        self._server = server
        self._made = 0

    @contextmanager
    def fresh(self) -> Iterator[str]:
        """The URL of an empty database, dropped afterwards."""
        self._made += 1
        name = f"bench_{self._made}"
        asyncio.run(self._run(f"drop database if exists {name} with (force)", f"create database {name}", "checkpoint"))
        try:
            yield self._server.url_of(name)
        finally:
            asyncio.run(self._run(f"drop database {name} with (force)"))

    async def _run(self, *statements: str) -> None:
        cx = await asyncpg.connect(self._server.url)
        try:
            for statement in statements:
                await cx.execute(statement)
        finally:
            await cx.close()


@contextmanager
def databases() -> Iterator[Databases]:
    """A durable Postgres of our own, kept for the next run."""
    with embedded.start(WORK / "postgres") as server:
        yield Databases(server)


def configure(folder: Path, database: str, nodes: Sequence[Node], *, poll_s: float = 1.0) -> Path:
    """Write a protocol and a usdx.toml for it; returns the latter. Several nodes are held against each other."""
    protocol = folder / "token"
    protocol.mkdir(parents=True, exist_ok=True)
    (protocol / "token.json").write_text(json.dumps(ABI))
    (protocol / "protocol.toml").write_text(f'name = "{SCHEMA}"\n\n[contracts.token]\nabi = "token.json"\n')
    endpoints = ", ".join(f'{{ name = "replay{i}", url = "{node.url}" }}' for i, node in enumerate(nodes))
    config = folder / "usdx.toml"
    config.write_text(
        f"""data_dir = "{folder}"
[database]
url = "{database}"
[chains.replay]
rpc = [{endpoints}]
poll = {poll_s}
cross_check = {str(len(nodes) > 1).lower()}
[protocols.bench]
path = "{protocol}"
chain = "replay"
start_block = {FIRST_BLOCK}
addresses = {{ token = "0x{TOKEN.hex()}" }}
[indexer]
port = 0
[log]
level = "warning"
"""
    )
    return config
