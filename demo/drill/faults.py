"""What can be broken in a running demo within seconds, and mended again."""

from __future__ import annotations

import os
import signal
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp


@dataclass(frozen=True, slots=True)
class World:
    """A running demo: the folder of its run, the pids and URLs of its programs."""

    folder: Path
    pids: dict[str, int]
    urls: dict[str, str]
    session: aiohttp.ClientSession

    async def put(self, url: str, body: dict[str, Any]) -> None:
        """PUT a JSON body; raises aiohttp.ClientError."""
        async with self.session.put(url, json=body) as answer:
            answer.raise_for_status()

    async def delete(self, url: str) -> None:
        """DELETE; raises aiohttp.ClientError."""
        async with self.session.delete(url) as answer:
            answer.raise_for_status()


Act = Callable[[World], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault, the (alert, service) pairs it must raise, and the alerts that may be heard beside them.

    `patience_s` is how long to wait for them, and again for their end; `slow` ones take more than two minutes.
    """

    name: str
    raises: tuple[tuple[str, str], ...]
    inject: Act
    heal: Act
    beside: frozenset[str] = field(default_factory=frozenset)
    patience_s: float = 240.0
    slow: bool = False


def _signalled(program: str, number: signal.Signals) -> Act:
    async def act(world: World) -> None:
        os.kill(world.pids[program], number)

    return act


def _stopped(worker: str) -> Fault:
    return Fault(
        f"{worker} stopped (SIGSTOP)",
        (("ServiceDown", worker),),
        _signalled(worker, signal.SIGSTOP),
        _signalled(worker, signal.SIGCONT),
        frozenset({"AggregatorTargetDown"}),
    )


def _postgres_pids(world: World) -> list[int]:
    """The server of the run and its children."""
    first = int((world.folder / "postgres/data/postmaster.pid").read_text().split()[0])
    children = Path(f"/proc/{first}/task/{first}/children").read_text().split()
    return [first, *map(int, children)]


def _postgres(number: signal.Signals) -> Act:
    async def act(world: World) -> None:
        for pid in _postgres_pids(world):
            os.kill(pid, number)

    return act


def _venues(*names: str, **fault: Any) -> tuple[Act, Act]:
    async def inject(world: World) -> None:
        for name in names:
            await world.put(f"{world.urls['venues']}/{name}/fault", fault)

    async def heal(world: World) -> None:
        for name in names:
            await world.delete(f"{world.urls['venues']}/{name}/fault")

    return inject, heal


_WORKERS = ("indexer", "oracle", "aggregator")

FAULTS: tuple[Fault, ...] = (
    *(_stopped(worker) for worker in _WORKERS),
    Fault(
        "node stopped (SIGSTOP)",
        (("RpcAllProvidersDown", "indexer"),),
        _signalled("node", signal.SIGSTOP),
        _signalled("node", signal.SIGCONT),
        frozenset({"DependencyDown", "IndexerHighLag", "OraclePriceUpdateFailures", "OracleQuorumLost"}),
    ),
    Fault(
        "Postgres stopped (SIGSTOP)",
        tuple(("DatabaseDown", worker) for worker in _WORKERS),
        _postgres(signal.SIGSTOP),
        _postgres(signal.SIGCONT),
        frozenset({"WorkerHeartbeatStale", "OraclePriceStale", "IndexerStalled", "SlowDatabaseQueries"}),
    ),
    Fault(
        "all venues answer 503",
        (("OraclePriceUpdateFailures", "oracle"),),
        *_venues("coinbase", "kraken", "binance", kind="error", status=503),
        frozenset({"OracleQuorumLost", "OracleSourceFailing", "OraclePriceStale"}),
        patience_s=720.0,
        slow=True,
    ),
    Fault(
        "one venue jumps by 5 %",
        (("OraclePriceDeviation", "oracle"),),
        *_venues("kraken", kind="jump", bps=500),
        frozenset({"OracleSourceFailing"}),
        patience_s=720.0,
        slow=True,
    ),
)
