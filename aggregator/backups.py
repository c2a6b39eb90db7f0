"""When each target was last backed up and the backup proved good."""

from collections.abc import Mapping
from datetime import datetime

from shared.db import Connection


async def newest(cx: Connection) -> Mapping[str, datetime]:
    """The time of each target's newest verified backup; empty before the first."""
    rows = await cx.fetch("select target, finished_at from usdx.backups", on="backups")
    return {row["target"]: row["finished_at"] for row in rows}
