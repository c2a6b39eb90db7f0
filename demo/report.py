"""Say where everything is: to a person once, to programs in demo.json."""

import asyncio
import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from demo.site import Site


def places(site: Site, postgres_url: str, *, observed: bool) -> str:
    """Where to look, for a person."""
    aggregator = site.url("aggregator")
    lines = [
        ("status page", f"{aggregator}/"),
        ("API", f"{aggregator}/api/v1/wexels  {aggregator}/api/v1/prices"),
        ("metrics", "  ".join(f"{site.url(worker)}/metrics" for worker in ("aggregator", "indexer", "oracle"))),
        *([("Prometheus", site.url("prometheus")), ("Alertmanager", site.url("alertmanager"))] if observed else []),
        ("node", site.url("node")),
        ("venues", f"{site.url('venues')}  (simulated)"),
        ("Postgres", f"psql '{postgres_url}'"),
        ("config, logs", str(site.folder.path)),
    ]
    return "\n".join(f"  {name:<13} {place}" for name, place in lines)


async def keep_state(
    site: Site, postgres_url: str, pids: Callable[[], dict[str, int | None]], names: Sequence[str]
) -> None:
    """Keep demo.json true: the supervisor's pid; of each program its pid, its URL and what it says of itself."""
    urls = {name: site.url(name) for name in site.ports.__slots__} | {"postgres": postgres_url}
    while True:
        state = {
            "supervisor": os.getpid(),
            "pids": pids(),
            "urls": urls,
            "status": {name: site.board.status(name) for name in names},
        }
        _write(site.folder.state, state)
        await asyncio.sleep(0.5)


def _write(path: Path, state: dict[str, Any]) -> None:
    new = path.with_suffix(".new")
    new.write_text(json.dumps(state, indent=1) + "\n")
    new.replace(path)
