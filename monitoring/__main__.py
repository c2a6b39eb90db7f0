"""Write every generated file, or with --check say which ones differ."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from monitoring.generate import files

ROOT = Path(__file__).parent.parent


@click.command()
@click.option("--check", is_flag=True, help="Change nothing; exit 1 when a file is not what it should be.")
def main(check: bool) -> None:
    """Write the rules, routes and dashboards."""
    stale = [path for path, text in files().items() if _read(ROOT / path) != text]
    for path in stale:
        if check:
            click.echo(f"{path} is not what monitoring/ says; run python -m monitoring", err=True)
        else:
            (ROOT / path).parent.mkdir(parents=True, exist_ok=True)
            (ROOT / path).write_text(files()[path])
            click.echo(f"wrote {path}")
    sys.exit(1 if check and stale else 0)


def _read(path: Path) -> str | None:
    return path.read_text() if path.exists() else None


if __name__ == "__main__":
    main()
