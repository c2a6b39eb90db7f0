"""Run a command and watch its whole process tree: time, CPU and memory."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

TICK = os.sysconf("SC_CLK_TCK")
SAMPLE_S = 0.1


@dataclass(slots=True)
class Usage:
    """What a tree used. Shape: `rss_mb` samples over time; shared memory counts once for each process that maps it."""

    seconds: float = 0.0
    cpu_s: float = 0.0
    rss_mb: list[float] = field(default_factory=list)
    pss_mb: list[float] = field(default_factory=list)
    code: int = 0
    output: str = ""

    @property
    def peak_mb(self) -> float:
        return max(self.rss_mb, default=0.0)


class Tree:
    """A running command."""

    def __init__(self, command: Sequence[str], cwd: Path, log: Path) -> None:
        self._log = log
        self._file = log.open("wb")
        self.process = subprocess.Popen(
            command, cwd=cwd, stdout=self._file, stderr=subprocess.STDOUT, env=environment(log.parent)
        )
        self.usage = Usage()
        self._cpu: dict[int, float] = {}
        self._began = time.monotonic()
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def wait(self, timeout_s: float) -> Usage:
        """Wait for its end."""
        try:
            self.usage.code = self.process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.usage.code = -1
        return self._finish()

    def stop(self) -> Usage:
        """Ask it to end."""
        self.process.send_signal(signal.SIGTERM)
        return self.wait(15)

    def _finish(self) -> Usage:
        self.usage.seconds = time.monotonic() - self._began
        self._done.set()
        self._thread.join()
        self._file.close()
        self.usage.cpu_s = sum(self._cpu.values())
        self.usage.output = self._log.read_text(errors="replace")
        return self.usage

    def _watch(self) -> None:
        while not self._done.is_set():
            self._sample()
            self._done.wait(SAMPLE_S)

    def _sample(self) -> None:
        pids = family(self.process.pid)
        rss = pss = 0.0
        for pid in pids:
            try:
                rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
                parts = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            rss += _kib(rollup, "Rss:") / 1024
            pss += _kib(rollup, "Pss:") / 1024
            self._cpu[pid] = (int(parts[11]) + int(parts[12])) / TICK
        if rss:
            self.usage.rss_mb.append(rss)
            self.usage.pss_mb.append(pss)


def environment(folder: Path) -> dict[str, str]:
    """As an installed program has it: its modules are compiled already, from the second start on."""
    kept = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    return kept | {"PYTHONPYCACHEPREFIX": str(folder / "pycache")}


def family(root: int) -> list[int]:
    """A process and all its descendants."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except (OSError, IndexError):
                continue
            children.setdefault(parent, []).append(int(entry.name))
    out, queue = [], [root]
    while queue:
        pid = queue.pop()
        out.append(pid)
        queue += children.get(pid, [])
    return out


def cpu_of(pids: Sequence[int]) -> float:
    """CPU seconds of processes so far."""
    total = 0.0
    for pid in pids:
        try:
            parts = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        total += (int(parts[11]) + int(parts[12])) / TICK
    return total


def _kib(text: str, key: str) -> int:
    at = text.find(key)
    return int(text[at + len(key) :].split()[0]) if at >= 0 else 0
