"""Let a real indexer live through days of blocks in minutes, and watch its memory."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.adversity.scene import Scene, scene
from tests.adversity.shop import Life
from tests.fakes.node import FakeNode

HOUR_BLOCKS = 300
WARM_UP = HOUR_BLOCKS


@dataclass(frozen=True, slots=True)
class Grown:
    """Resident memory after the warm-up, at the most and at the end."""

    blocks: int
    forks: int
    warm_bytes: int
    most_bytes: int
    last_bytes: int


@dataclass
class Pace:
    """A block, or a fork, for every time the head is asked for: as fast as the worker goes."""

    life: Life
    left: int
    asked: int = 0
    answers: dict[str, Any] = field(default_factory=dict)

    def pace(self, node: FakeNode) -> None:
        """Move the chain on in this node's answers."""
        honest = node._eth_getBlockByNumber

        def answer(params: list[Any]) -> Any:
            if params[0] == "latest" and self.left > 0:
                before = self.life.chain.head.number
                self.life.live()
                self.left -= max(0, self.life.chain.head.number - before)
            return honest(params)

        node.answers["eth_getBlockByNumber"] = answer


async def soak(folder: Path, database_url: str, *, hours: int, seed: int = 5) -> Grown:
    """So many hours of a chain with a block every twelve seconds, after one hour of warming up."""
    async with scene(folder, database_url, seed=seed, blocks=20) as one:
        one.life.chain.block_time = 12
        one.config.write_text(one.config.read_text().replace('poll = "50ms"', 'poll = "2ms"'))
        await one.start()
        await one.settle()
        await through(one, WARM_UP, [])
        warm, seen = resident_bytes(one), list[int]()
        await through(one, hours * HOUR_BLOCKS, seen)
        await one.settle()
        grown = Grown(len(one.life.chain.blocks), one.life.forks, warm, max(seen, default=warm), resident_bytes(one))
        assert await one.end() == 0
        return grown


async def through(one: Scene, blocks: int, seen: list[int]) -> None:
    """Play that many blocks, and note the memory meanwhile."""
    pace = Pace(one.life, blocks)
    pace.pace(one.node)
    while pace.left > 0:
        await asyncio.sleep(0.5)
        seen.append(resident_bytes(one))
        assert one.process is not None
        assert one.process.returncode is None, one.said()[-2000:]
    one.node.answers.clear()
    await one.settle()


def resident_bytes(one: Scene) -> int:
    """What the worker holds in memory now."""
    assert one.process is not None
    line = next(
        text for text in Path(f"/proc/{one.process.pid}/status").read_text().splitlines() if text.startswith("VmRSS")
    )
    return int(line.split()[1]) * 1024
