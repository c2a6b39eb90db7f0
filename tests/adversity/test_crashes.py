"""A sample of the long game of crashes: see crash.py, and `make adversity`."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest

from tests.adversity.blows import BLOWS
from tests.adversity.crash import play

KILLS = int(os.environ.get("USDX_CRASH_KILLS", "5"))


@pytest.mark.timeout(600)
@pytest.mark.parametrize("seed", [int(os.environ.get("USDX_ADVERSITY_SEED", "3"))])
async def test_nothing_is_lost_and_nothing_doubled(seed: int) -> None:
    """Whatever is killed, cut or truncated, and whenever: at every look the rows are those of the cursors' chain."""
    print(f"replay: python -m tests.adversity.crash --seed {seed} --kills {KILLS}")
    with tempfile.TemporaryDirectory(prefix="usdx-crash-") as folder:
        tally = await play(Path(folder), seed, KILLS)
    print(tally)
    assert tally.kills >= KILLS
    assert tally.struck.keys() >= BLOWS.keys()
    assert min(tally.struck.values()) > 0, tally
    assert tally.checks >= len(BLOWS)
    assert tally.settled > 1, "at rest in the middle, too"
