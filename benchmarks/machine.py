"""Say on what a measurement was made."""

from __future__ import annotations

import os
import platform
import subprocess
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

from benchmarks.stage import ROOT


def describe() -> dict[str, str]:
    """Machine, date, commit and versions."""
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "commit": _git("rev-parse", "--short=12", "HEAD") + (" with changes" if _changed() else ""),
        "machine": f"{len(os.sched_getaffinity(0))} cores, {_cpu()}, {_memory_gib():.0f} GiB, {platform.system()}",
        "load": f"{os.getloadavg()[0]:.1f} before the first measurement",
        "software": f"Python {platform.python_version()}, "
        + ", ".join(f"{name} {metadata.version(name)}" for name in ("asyncpg", "msgspec", "numpy", "uvloop", "web3")),
    }


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout.strip() or "unknown"


def _changed() -> bool:
    listed = _git("status", "--porcelain", "--", "indexer", "shared", "benchmarks")
    return any(not line.endswith(("RESULTS.md", "AGGREGATOR.md")) for line in listed.splitlines() if line != "unknown")


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return next((line.partition(": ")[2] for line in lines if line.startswith("model name")), platform.machine())


def _memory_gib() -> float:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / (1 << 30)
