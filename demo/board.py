"""Show one line per program, status first: redrawn in place on a terminal, printed on change elsewhere."""

import shutil
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

import click

_COLOURS = {
    "READY": "green",
    "STARTING": "yellow",
    "BEHIND": "yellow",
    "WAITING": "yellow",
    "HALTED": "red",
    "DOWN": "red",
    "RESTARTING": "red",
}
_REPEAT_S = 15.0  # how long a plain listing stays silent about a number that only moves


@dataclass(slots=True)
class _Line:
    status: str = "STARTING"
    printed: str = ""
    printed_at: float = 0.0


def standard() -> "Board":
    """The board on our own stdout."""

    def write(text: str) -> None:
        sys.stdout.write(text)
        sys.stdout.flush()

    return Board(live=sys.stdout.isatty(), write=write)


class Board:
    """The programs and what each says of itself."""

    def __init__(self, *, live: bool, write: Callable[[str], None]) -> None:
        """`live`: what is written appears on a terminal, whose lines may be drawn over."""
        self._live, self._write = live, write
        self._lines: dict[str, _Line] = {}
        self._drawn = 0

    def set(self, name: str, status: str) -> None:
        """What `name` says now, such as `READY block 1234 lag 1s 56 ev/s`."""
        self._lines.setdefault(name, _Line()).status = status

    def status(self, name: str) -> str:
        """What `name` said last."""
        return self._lines[name].status if name in self._lines else ""

    def say(self, text: str) -> None:
        """Tell the reader something that stays."""
        self._erase()
        self._write(f"{text}\n")
        if self._live:
            self.draw()

    def draw(self) -> None:
        """Bring the display up to date."""
        if self._live:
            self._erase()
            self._redraw()
        else:
            self._print_changes(time.monotonic())

    def _erase(self) -> None:
        if self._drawn:
            self._write(f"\x1b[{self._drawn}A\x1b[J")
        self._drawn = 0

    def _redraw(self) -> None:
        width = shutil.get_terminal_size().columns
        for name, line in self._lines.items():
            self._write(f"{_coloured(name, line.status, width)}\n")
        self._drawn = len(self._lines)

    def _print_changes(self, now_s: float) -> None:
        for name, line in self._lines.items():
            news = _word(line.status) != _word(line.printed)
            if news or (line.status != line.printed and now_s - line.printed_at >= _REPEAT_S):
                self._write(f"{name:<13} {line.status}\n")
                line.printed, line.printed_at = line.status, now_s


def _word(status: str) -> str:
    return status.partition(" ")[0]


def _coloured(name: str, status: str, width: int) -> str:
    word, space, rest = status.partition(" ")
    room = max(0, width - 15 - len(word))
    return f"{name:<13} {click.style(word, fg=_COLOURS.get(word), bold=True)}{space}{rest[:room]}"
