"""The README keeps its promises."""

import re
from pathlib import Path

from shared.cli import main

ROOT = Path(__file__).parents[2]


def named_commands() -> set[str]:
    """Every `usdx something` in the README's code."""
    text = (ROOT / "README.md").read_text()
    code = re.findall(r"```[a-z]*\n(.*?)```|`([^`\n]+)`", text, re.DOTALL)
    return set(re.findall(r"\busdx ([a-z]+)\b", "\n".join(block or inline for block, inline in code)))


def test_named_commands_exist() -> None:
    """Every command the README names can be typed."""
    assert named_commands()
    assert named_commands() - set(main.list_commands(None)) == set()


def test_named_targets_exist() -> None:
    """Every make target the README names exists."""
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"\bmake ([a-z]+)\b", (ROOT / "README.md").read_text())) - targets == set()
