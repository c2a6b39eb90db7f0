"""The README keeps its promises."""

import re
from pathlib import Path

from shared.cli import main

ROOT = Path(__file__).parents[2]


def code() -> str:
    """Everything in the README that can be typed, comments left out."""
    found = re.findall(r"```[a-z]*\n(.*?)```|`([^`\n]+)`", (ROOT / "README.md").read_text(), re.DOTALL)
    return re.sub(r"(^|\s)#.*", "", "\n".join(block or inline for block, inline in found))


def named_commands() -> set[str]:
    return set(re.findall(r"\busdx ([a-z]+)\b", code()))


def test_named_commands_exist() -> None:
    """Every command the README names can be typed."""
    assert named_commands()
    assert named_commands() - set(main.list_commands(None)) == set()


def test_named_targets_exist() -> None:
    """Every make target the README names exists."""
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"\bmake ([a-z]+)\b", code())) - targets == set()
