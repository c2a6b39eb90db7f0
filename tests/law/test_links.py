"""Whoever follows a link in our documents arrives."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
TRACKED = subprocess.run(["git", "ls-files", "*.md"], cwd=ROOT, capture_output=True, text=True, check=True).stdout


def anchors(text: str) -> set[str]:
    """What a heading is called in a URL."""
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("name", TRACKED.split())
def test_links_lead_somewhere(name: str) -> None:
    """Every relative link names a file or folder that exists, and a heading that it has."""
    page = ROOT / name
    dead = []
    for link in LINK.findall(page.read_text()):
        path, _, heading = link.partition("#")
        if re.match(r"[a-z]+:", link):
            continue
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (heading and heading not in anchors(target.read_text())):
            dead.append(link)
    assert dead == []
