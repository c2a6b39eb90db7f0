"""Put measurements into a table and keep it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Line:
    """One measurement. `met` is None where there is no target."""

    what: str
    result: str
    target: str = ""
    met: bool | None = None
    detail: str = ""
    at: str = ""

    @property
    def verdict(self) -> str:
        return {None: "", True: "met", False: "**missed**"}[self.met]


def markdown(machine: Mapping[str, str], lines: Sequence[Line], notes: str) -> str:
    """The whole of RESULTS.md."""
    head = "\n".join(f"- {key}: {value}" for key, value in machine.items())
    rows = "\n".join(
        f"| {one.what} | {one.result} | {one.target} | {one.verdict} | {one.detail} | {one.at} |" for one in lines
    )
    return (
        "# Benchmark results\n\nWritten by `make bench` on one machine; a ratio compares what one run measured."
        " A measurement may be repeated alone: the last column tells when, and at which commit."
        f"\n\n{head}\n\n"
        f"| what | result | target | | detail | measured |\n|---|---|---|---|---|---|\n{rows}\n\n{notes.strip()}\n"
    )


def table(lines: Sequence[Line]) -> str:
    """The same for a terminal."""
    widths = [max(len(getattr(one, name)) for one in lines) for name in ("what", "result", "target", "verdict")]
    return "\n".join(
        "  ".join(
            [
                *(f"{getattr(one, name):{width}}" for name, width in zip(_COLUMNS, widths, strict=True)),
                one.detail,
            ]
        ).rstrip()
        for one in lines
    )


_COLUMNS = ("what", "result", "target", "verdict")


def save(path: Path, lines: Mapping[str, Sequence[Line]]) -> None:
    """Keep the lines by measurement, for a later run that repeats only some of them."""
    path.write_text(json.dumps({name: [asdict(line) for line in some] for name, some in lines.items()}))


def load(path: Path) -> dict[str, list[Line]]:
    """What `save` kept."""
    if not path.exists():
        return {}
    return {name: [Line(**line) for line in some] for name, some in json.loads(path.read_text()).items()}


def notes_in(path: Path) -> str:
    """What was written by hand below the table of an earlier run."""
    text = path.read_text() if path.exists() else ""
    at = text.find("\n## ")
    return text[at:] if at >= 0 else ""
