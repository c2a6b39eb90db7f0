"""Backfill to the tip once, showing how far it is."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TextIO

from indexer.keeper import Keeper
from indexer.progress import Progress, span
from indexer.wiring import open_keepers, start
from shared.clock import Clock
from shared.runtime import Stop
from shared.runtime import run as run_tasks
from shared.settings import Settings
from shared.worker import open_worker

BAR_WIDTH = 30
REDRAW_S = 0.2
LINE_EVERY_S = 5.0


async def run(settings: Settings) -> None:
    """`usdx backfill`: bring every stream of every chain to the tip, then return."""
    async with open_worker("backfill", settings) as worker, open_keepers(worker) as keepers:
        for late in await start(keepers):
            await late.start()
        done = Stop()

        async def all_chains(stop: Stop) -> None:
            tasks = {keeper.loop: keeper.catch_up for keeper in keepers}
            try:
                await run_tasks(tasks, stop=stop)
            finally:
                done.set()

        async def show(stop: Stop) -> None:
            await _show(sys.stderr, keepers, done, worker.clock)

        await run_tasks({"backfill": all_chains, "progress": show}, health=worker.health)


async def _show(out: TextIO, keepers: Sequence[Keeper], done: Stop, clock: Clock) -> None:
    """Draw the bar again and again on a terminal, else a line now and then; always one at the end."""
    terminal = out.isatty()
    while not done.is_set():
        await done.wait(REDRAW_S if terminal else LINE_EVERY_S)
        text = " | ".join(
            bar(keeper.name, keeper.state.done_ratio(), keeper.state.progress(clock)) for keeper in keepers
        )
        out.write(f"\r\x1b[K{text}" if terminal else f"{text}\n")
        out.flush()
    if terminal:
        out.write("\n")


def bar(name: str, ratio: float | None, progress: Progress | None) -> str:
    """`base [#####.....] 50.0 %  block 1200  3400 ev/s  ETA 7s`."""
    if ratio is None or progress is None:
        return f"{name} [{'.' * BAR_WIDTH}] starting"
    full = int(ratio * BAR_WIDTH)
    eta = (
        "done"
        if progress.behind_blocks == 0
        else f"ETA {'unknown' if progress.eta_s is None else span(progress.eta_s)}"
    )
    drawn = "#" * full + "." * (BAR_WIDTH - full)
    return f"{name} [{drawn}] {ratio * 100:5.1f} %  block {progress.block}  {progress.events_per_s:.0f} ev/s  {eta}"
