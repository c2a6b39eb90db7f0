"""Run one of the demo's own processes: its log, its signals, its exit code."""

from collections.abc import Awaitable, Callable

from shared import log
from shared.cli import border
from shared.runtime import Stop, run, run_process
from shared.settings import LogSettings

_GRACE_S = 1.0


def run_until_told(service: str, main: Callable[[Stop], Awaitable[None]]) -> None:
    """Run `main` until SIGTERM or Ctrl-C, then give it a second; leaves by SystemExit 1 on any foreseen error."""
    log.configure(LogSettings(), service)
    with border():
        run_process(lambda: run({service: main}, grace_s=_GRACE_S))
