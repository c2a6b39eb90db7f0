"""Where the world may be touched."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
WORLDLY = {"asyncio", "asyncpg", "aiohttp", "prometheus_client", "structlog", "uvloop", "socket", "subprocess", "time"}

# Rooms at the border to the world, and shells that wait, run and wire. All others take values and return values.
SHELL = {
    "shared": """
        check_cli cli clock config db db_errors embedded embedded_keeper exposition health http lease log metrics
        migrate pool retry rpc rpc_http rpc_wiring runtime
    """,
    "indexer": "backfill chain cli decode_cli follow metrics store wiring",
    "oracle": """
        ask chain_desk check cli crew desk diary fetch journal manual_desk metrics replay_cli round schedule store stream
        tasks web wiring
    """,
    "aggregator": "business cache cli document hub page scrape server targets webhook wiring workers",
}


def rooms() -> Iterator[tuple[str, Path]]:
    for package in SHELL:
        for path in sorted((ROOT / package).rglob("*.py")):
            yield package, path


def imported(path: Path) -> set[str]:
    """The top-level names of everything a file imports, except for its type checker."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module.partition(".")[0])
    return names


PURE = [(path) for package, path in rooms() if path.stem not in SHELL[package].split()]


@pytest.mark.parametrize("path", PURE, ids=lambda path: str(path.relative_to(ROOT)))
def test_pure_rooms_do_not_touch_the_world(path: Path) -> None:
    """A room that is not at a border knows no clock, socket, database, log or metric."""
    assert imported(path) & WORLDLY == set()


def test_every_shell_exists() -> None:
    """The list of shells names rooms that exist, so that it cannot rot."""
    there = {(package, path.stem) for package, path in rooms()}
    listed = {(package, name) for package, names in SHELL.items() for name in names.split()}
    assert listed - there == set()


def catch_alls(path: Path) -> list[str]:
    """Places that swallow any exception. Cleaning up and raising again is no swallowing."""
    swallowing = [
        node
        for node in ast.walk(ast.parse(path.read_text()))
        if (isinstance(node, ast.ExceptHandler) and swallows(node)) or (isinstance(node, ast.Call) and suppresses(node))
    ]
    return [f"{path.relative_to(ROOT)}:{node.lineno}" for node in swallowing]


def swallows(handler: ast.ExceptHandler) -> bool:
    last = handler.body[-1]
    raises_again = isinstance(last, ast.Raise) and last.exc is None
    caught = {"BaseException"} if handler.type is None else names(handler.type)
    return "Exception" in caught or ("BaseException" in caught and not raises_again)


def suppresses(call: ast.Call) -> bool:
    broad = {name for argument in call.args for name in names(argument)} & {"Exception", "BaseException"}
    return isinstance(call.func, ast.Name) and call.func.id == "suppress" and bool(broad)


def names(node: ast.AST) -> set[str]:
    return {name.id for name in ast.walk(node) if isinstance(name, ast.Name)}


def test_only_the_runtime_catches_everything() -> None:
    """`except Exception` is legal in one file."""
    everywhere = [path for package in (*SHELL, "demo") for path in (ROOT / package).rglob("*.py")]
    found = [place for path in everywhere for place in catch_alls(path)]
    assert [place for place in found if not place.startswith("shared/runtime.py:")] == []
