"""Drive the real `usdx demo` as a subprocess."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

PATIENCE_S = 240.0
USDX = Path(sys.executable).with_name("usdx")


class DemoRun:
    """One run of the demo, from outside."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.folder = folder
        self._output = folder.with_suffix(".out")
        with self._output.open("wb") as out:
            argv = [str(USDX), "demo", "--free-ports", "--data-dir", str(folder), *options]
            self.process = subprocess.Popen(argv, stdout=out, stderr=out, stdin=subprocess.DEVNULL)

    @property
    def output(self) -> str:
        return self._output.read_text()

    def state(self) -> dict[str, Any]:
        """What demo.json says: pids, urls, status."""
        found: dict[str, Any] = json.loads((self.folder / "demo.json").read_text())
        return found

    def pid(self, program: str) -> int:
        """The pid of a program, as soon as it has one."""
        until(lambda: self.state()["pids"][program], f"{program} runs", self)
        return int(self.state()["pids"][program])

    def wait_ready(self) -> dict[str, Any]:
        until(lambda: "ready after" in self.output, "the demo is ready", self)
        return self.state()

    def wait(self) -> int:
        return self.process.wait(PATIENCE_S)

    def interrupt(self) -> int:
        self.process.send_signal(signal.SIGINT)
        return self.wait()


def until(condition: Callable[[], object], what: str, run: DemoRun | None = None) -> None:
    """Wait for a condition; a demo that has ended cannot fulfil it any more."""
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        if run is not None and run.process.poll() is not None:
            pytest.fail(f"the demo ended before {what}:\n{run.output}")
        if time.monotonic() > deadline:
            pytest.fail(f"not within {PATIENCE_S:.0f} s: {what}\n{run.output if run else ''}")
        time.sleep(0.1)


def lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def working_in(folder: Path) -> list[str]:
    """Every process whose command line names the folder."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if entry.name.isdecimal() and int(entry.name) != os.getpid() and str(folder) in line and lives(int(entry.name)):
            found.append(f"{entry.name} {line}")
    return found


def listened(state: dict[str, Any]) -> list[str]:
    """Ports of the run on which somebody still listens."""
    ports = {name: urlsplit(url).port for name, url in state["urls"].items() if url.startswith("http")}
    return [f"{port} ({name})" for name, port in ports.items() if port and _listens(port)]


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def assert_nothing_is_left(run: DemoRun, state: dict[str, Any]) -> None:
    """No process and no port; keepers of a killed run may take a moment."""
    until(lambda: not working_in(run.folder), f"no process is left, but: {working_in(run.folder)}")
    assert listened(state) == []
