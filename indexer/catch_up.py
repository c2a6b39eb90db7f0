"""Backfill to the tip once, showing how far it is."""

from __future__ import annotations

import sys
from collections.abc import Collection, Sequence
from functools import partial
from typing import TextIO

import click

from indexer.decode_start import Spare
from indexer.keeper import Keeper
from indexer.progress import Progress, span
from indexer.redecode import Redecoded
from indexer.wiring import open_keepers, start
from shared import protocol
from shared.clock import Clock
from shared.errors import ConfigError
from shared.runtime import Stop, Task
from shared.runtime import run as run_tasks
from shared.settings import Settings
from shared.worker import open_worker

BAR_WIDTH = 30
REDRAW_S = 0.2
LINE_EVERY_S = 5.0


def refuse_unknown(settings: Settings, streams: Collection[str]) -> None:
    """Raise ConfigError for streams that the config does not name."""
    known = {f"{key}/{one.name}" for key, at in settings.protocols.items() for one in protocol.load(at.path).contracts}
    if unknown := set(streams) - known:
        raise ConfigError(f"--reindex {', '.join(sorted(unknown))}: expected one of {', '.join(sorted(known))}")


async def run(settings: Settings, *, again: bool = False, spare: Spare | None = None) -> None:
    """`usdx backfill`: bring every stream of every chain to the tip, then return.

    With `again` what was kept undecoded is decoded first; `spare` is a decoder process that is running already. Raises
    ConfigError, and in the end what one of the chains failed with at the start, when the others are done.
    """
    async with open_worker("backfill", settings) as worker, open_keepers(worker) as known:
        late = await start(known)
        keepers = [keeper for keeper in known if keeper not in late]
        for keeper in keepers if again else ():
            _tell(await keeper.redecode())
        done, left = Stop(), set(keepers)

        async def bring(keeper: Keeper, stop: Stop) -> None:
            try:
                await keeper.catch_up(stop, spare)
            finally:
                left.discard(keeper)
                if not left:
                    done.set()

        async def show(stop: Stop) -> None:
            await _show(sys.stderr, keepers, done, worker.clock)

        tasks: dict[str, Task] = {keeper.loop: partial(bring, keeper) for keeper in keepers}
        await run_tasks({**tasks, "progress": show}, health=worker.health)
    for error in late.values():
        raise error


def _tell(found: dict[str, Redecoded]) -> None:
    for stream, one in found.items():
        if one.rows or one.left:
            why = ", ".join(f"{reason} {count}" for reason, count in sorted(one.reasons.items()))
            click.echo(f"{stream}: {one.rows} logs decoded, {one.left} left{f' ({why})' if why else ''}")


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
    """`base [#####.....] 50.0 %  block 1200  3400 ev/s  ETA 7s, waits for node`."""
    if ratio is None or progress is None:
        return f"{name} [{'.' * BAR_WIDTH}] starting"
    full = int(ratio * BAR_WIDTH)
    eta = (
        "done"
        if progress.behind_blocks == 0
        else f"ETA {'unknown' if progress.eta_s is None else span(progress.eta_s)}"
    )
    if progress.behind_blocks and progress.waits_for:
        eta += f", waits for {progress.waits_for}"
    drawn = "#" * full + "." * (BAR_WIDTH - full)
    return f"{name} [{drawn}] {ratio * 100:5.1f} %  {progress.place}  {progress.events_per_s:.0f} ev/s  {eta}"
