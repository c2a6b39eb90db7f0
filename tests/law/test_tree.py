"""What may be in the tree."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TEXT = {".py", ".toml", ".md", ".sql", ".json", ".yml", ".yaml", ".txt", ".vy", ".html", ".css", ".js", ".svg", ""}

# Written in pieces so that this file does not contain them.
FOREIGN = {
    "a path of one machine": "/" + "root/|/" + "home/[a-z]|/" + "work/|/" + "Users/|/opt/" + "pypi|/tmp/" + "team",
    "a package registry": "registry" + r"\.npmjs|files\.python" + r"hosted|pypi\.org/" + r"simple|deb\." + "debian",
}


def tracked() -> list[Path]:
    """The files of the tree, as git knows them (or as they lie there, in an unpacked archive)."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True)
    if listed.returncode == 0 and listed.stdout:
        return [path for name in listed.stdout.split("\0") if name and (path := ROOT / name).is_file()]
    return [path for path in ROOT.rglob("*") if path.is_file() and not path.relative_to(ROOT).parts[0].startswith(".")]


@pytest.mark.parametrize("what", FOREIGN)
def test_tree_belongs_to_no_machine(what: str) -> None:
    """Nothing in the tree names the machine it was made on, or where packages came from."""
    pattern = re.compile(FOREIGN[what])
    found = [
        f"{path.relative_to(ROOT)}: {match[0]}"
        for path in tracked()
        if path.suffix in TEXT and (match := pattern.search(path.read_text(errors="replace")))
    ]
    assert found == []


def test_every_room_has_a_sign_on_the_door() -> None:
    """Every module says in one sentence what it gives."""
    packages = ("indexer", "oracle", "aggregator", "shared", "demo")
    silent = [
        str(path.relative_to(ROOT))
        for path in tracked()
        if path.suffix == ".py" and path.relative_to(ROOT).parts[0] in packages and path.stat().st_size
        if not path.read_text().lstrip().startswith(('"""', 'r"""'))
    ]
    assert silent == []
