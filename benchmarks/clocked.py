"""Run `usdx` with a clock around everything that counts, and tell at the end how much CPU that took.

    python -m benchmarks.clocked FILE backfill --config usdx.toml

What is clocked are the outermost calls of the rooms that only count: what borders and loops hand over, with all that
happens within. The clock's own readings are part of the sum, so it errs upwards.
"""

from __future__ import annotations

import functools
import json
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any


class Clocked:
    """CPU seconds of this process within chosen methods, and how often they were called from outside of them."""

    def __init__(self) -> None:
        self.calls = 0
        self.cpu_ns = 0
        self._inside = False

    def watch(self, owner: type, names: Iterable[str]) -> None:
        """Clock these methods of a class from now on."""
        for name in names:
            setattr(owner, name, self._around(getattr(owner, name)))

    def _around(self, method: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(method)
        def clocked(*args: Any, **kwargs: Any) -> Any:
            if self._inside:
                return method(*args, **kwargs)
            self._inside = True
            began = time.thread_time_ns()
            try:
                return method(*args, **kwargs)
            finally:
                self.cpu_ns += time.thread_time_ns() - began
                self.calls += 1
                self._inside = False

        return clocked


def everything_that_counts(clocked: Clocked) -> None:
    """All that wiring hands a registry to, and the families themselves for what is called past it."""
    from indexer.counters import EventCounters
    from indexer.metrics import Meter
    from shared.db_connection import Meter as StatementMeter
    from shared.health import Health
    from shared.rpc_log import UnknownTexts
    from shared.rpc_metrics import RpcMeter
    from shared.series import Counters, Gauges, Histograms

    clocked.watch(RpcMeter, ["observe"])
    clocked.watch(UnknownTexts, ["observe"])
    clocked.watch(StatementMeter, ["start", "done", "failed"])
    clocked.watch(Meter, ["start", "observe", "failed"])
    clocked.watch(EventCounters, ["observe"])
    clocked.watch(Health, ["beat"])
    clocked.watch(Counters, ["start", "inc"])
    clocked.watch(Gauges, ["set"])
    clocked.watch(Histograms, ["start", "observe"])


def main() -> None:
    found, clocked = Path(sys.argv[1]), Clocked()
    sys.argv = ["usdx", *sys.argv[2:]]
    everything_that_counts(clocked)
    from shared.cli import main as usdx

    try:
        usdx()
    finally:
        found.write_text(json.dumps({"calls": clocked.calls, "cpu_s": clocked.cpu_ns / 1e9}))


if __name__ == "__main__":
    main()
