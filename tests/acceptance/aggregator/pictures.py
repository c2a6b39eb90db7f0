"""Picture the status page for the docs: `python -m tests.acceptance.aggregator.pictures URL NAME…`.

Each NAME ends in `-dark` for the page by night or `-phone` for a narrow screen, and is written to docs/images/NAME.png.
"""

from __future__ import annotations

import asyncio
import shutil
import sys
import tempfile
from pathlib import Path

from tests.acceptance.aggregator.chromium import chromium
from tests.parts_plugin import BROWSERS

IMAGES = Path(__file__).parents[3] / "docs" / "images"
DRAWN = "document.body?.dataset.shown === 'yes' && document.querySelectorAll('canvas').length >= 6"


async def take(url: str, names: list[str], folder: Path = IMAGES) -> None:
    """Take them one after the other, each of the whole page."""
    program = next(path for name in BROWSERS if (path := shutil.which(name)))
    with tempfile.TemporaryDirectory() as profile:
        async with chromium(program, Path(profile)) as page:
            for name in names:
                width = 390 if "-phone" in name else 1280
                await page.open(url, width=width, scheme="dark" if "-dark" in name else "light")
                await page.until(DRAWN)
                height = await page.value("document.documentElement.scrollHeight")
                await page.open(url, width=width, height=height, scheme="dark" if "-dark" in name else "light")
                await page.until(DRAWN)
                await page.picture(folder / f"{name}.png")


if __name__ == "__main__":
    asyncio.run(take(sys.argv[1], sys.argv[2:]))
