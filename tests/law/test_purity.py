"""Where the world may be touched."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
WORLDLY = {"asyncio", "asyncpg", "aiohttp", "prometheus_client", "structlog", "uvloop", "socket", "subprocess", "time"}

# Rooms that take values and return values. All others stand at a border to the world, or wait, run and wire.
PURE = {
    "shared": """
        config endpoint_budget endpoint_health endpoint_window errors mask problems protocol rpc_answer rpc_body
        rpc_errors rpc_texts rpc_types settings
    """,
    "indexer": """
        abi chain_bloom columns copy_format decoder errors event_rows events json_form layout log_shape model naming
        numerals planner reorg rows schema signature text
    """,
    "oracle": """
        aggregate backoff body budget convert derivation errors limits model multicall onchain params plan publish
        reasons replay ticks venue words rules/* sources/*
    """,
    "aggregator": """
        everything merge model api/keyset api/openapi api/operation status/gather status/judge status/model status/room
    """,
}
PACKAGES = (*PURE, "demo")


def pure_rooms() -> Iterator[Path]:
    for package, patterns in PURE.items():
        for pattern in patterns.split():
            found = sorted((ROOT / package).glob(f"{pattern}.py"))
            assert found, f"{package}/{pattern}.py is listed as pure and does not exist"
            yield from found


def imported(path: Path) -> set[str]:
    """The top-level names of everything a file imports, except for its type checker."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module.partition(".")[0])
    return names


@pytest.mark.parametrize("path", list(pure_rooms()), ids=lambda path: str(path.relative_to(ROOT)))
def test_pure_rooms_do_not_touch_the_world(path: Path) -> None:
    """A pure room knows no clock, socket, database, log or metric."""
    assert imported(path) & WORLDLY == set()


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
    everywhere = [path for package in PACKAGES for path in (ROOT / package).rglob("*.py")]
    found = [place for path in everywhere for place in catch_alls(path)]
    assert [place for place in found if not place.startswith("shared/runtime.py:")] == []
