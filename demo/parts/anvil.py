"""Run anvil, a local Ethereum node."""

import asyncio
import re
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from demo import leash
from demo.parts import catalogue
from demo.parts.errors import PartFailed

CHAIN_ID = 31337
_LISTENING = re.compile(r"^Listening on ([0-9.]+:[0-9]+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Anvil:
    """A running node. Stopped when the block of `start` ends."""

    url: str
    pid: int
    log: Path

    @staticmethod
    @asynccontextmanager
    async def start(
        *,
        block_time_s: float | None = None,
        port: int = 0,
        chain_id: int = CHAIN_ID,
        options: tuple[str, ...] = (),
        log: Path | None = None,
    ) -> AsyncIterator["Anvil"]:
        """A fresh chain for as long as the block lasts; port 0 picks a free one.

        `block_time_s=None` mines one block per transaction (and `evm_mine` at will). Raises PartMissing when there is
        no anvil to be had and PartFailed when it ends before it listens, for instance because the port is taken.
        """
        program = await asyncio.to_thread(catalogue.anvil)
        with tempfile.TemporaryDirectory(prefix="usdx-anvil-") as scratch:
            log = log or Path(scratch) / "anvil.log"
            argv = command(program, port=port, chain_id=chain_id, block_time_s=block_time_s, options=options)
            seen = log.stat().st_size if log.exists() else 0
            process = await leash.start(argv, log=log)
            try:
                yield Anvil(f"http://{await _address(process, log, seen)}", process.pid, log)
            finally:
                await leash.stop(process, grace_s=3)


def command(
    program: Path,
    *,
    port: int,
    chain_id: int = CHAIN_ID,
    block_time_s: float | None = None,
    options: tuple[str, ...] = (),
) -> tuple[str, ...]:
    """The command line of a node."""
    pace = () if block_time_s is None else ("--block-time", f"{block_time_s:g}")
    return (str(program), "--port", str(port), "--chain-id", str(chain_id), *pace, *options)


async def _address(process: asyncio.subprocess.Process, log: Path, seen: int) -> str:
    """Wait for the line in which anvil says where it listens."""
    while True:
        ended = process.returncode is not None
        text = _written(log, seen)
        if found := _LISTENING.search(text):
            return found[1]
        if ended:
            raise PartFailed("anvil", " / ".join(text.strip().splitlines()[-3:]))
        await asyncio.sleep(0.02)


def _written(log: Path, seen: int) -> str:
    return log.read_bytes()[seen:].decode(errors="replace")
