"""What counts is counted."""

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = ("shared", "indexer", "oracle", "aggregator")
COUNTS = {"inc", "observe"}


def nodes() -> Iterator[tuple[Path, ast.AST]]:
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text())):
                yield path.relative_to(ROOT), node


def counts(function: ast.AST) -> bool:
    """Whether the function moves a counter or a histogram."""
    calls = (node.func for node in ast.walk(function) if isinstance(node, ast.Call))
    return any(isinstance(called, ast.Attribute) and called.attr in COUNTS for called in calls)


def test_whatever_counts_is_called() -> None:
    """A metric that no code moves, tests aside, would have an alert that can never fire."""
    found = list(nodes())
    named = {node.attr for _, node in found if isinstance(node, ast.Attribute)}
    named |= {node.id for _, node in found if isinstance(node, ast.Name)}
    counting = {
        (str(path), node.name)
        for path, node in found
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and counts(node)
    }
    assert len(counting) > 20
    assert {(path, name) for path, name in counting if name not in named and not name.startswith("__")} == set()
