"""Run a package tool for its effect and report its last words when it fails."""

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from shared.errors import Transient


class FetchFailed(Transient):
    """A package tool was missing, failed or took too long; the message says which and how. Becomes a PartMissing."""

    reason = "fetch_failed"
    advice = "Look at the tool's own words; often the network or the package registry is away."


def run(argv: Sequence[str], *, cwd: Path, env: Mapping[str, str] | None = None, timeout_s: float = 300) -> None:
    """Run to its end in `cwd`; raises FetchFailed."""
    tool = Path(argv[0]).name
    try:
        done = subprocess.run(
            argv,
            cwd=cwd,
            env=env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )
    except FileNotFoundError as exc:
        raise FetchFailed(f"{tool} is not installed") from exc
    except (OSError, subprocess.TimeoutExpired) as exc:
        raise FetchFailed(f"{tool}: {exc}") from exc
    if done.returncode != 0:
        raise FetchFailed(f"{tool} failed: {_last_words(done.stderr or done.stdout)}")


def _last_words(output: str) -> str:
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    return " / ".join(lines[-3:]) or "no output"
