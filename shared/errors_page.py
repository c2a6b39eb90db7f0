"""Collect the error tree of every room, and write its page (`python -m shared.errors_page`)."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import sys
from collections.abc import Iterable, Iterator, Mapping

from shared.errors import Inconsistent, Permanent, TooLarge, Transient, UsdxError
from shared.rpc_errors import CHECKS, RpcError

PACKAGES = ("shared", "indexer", "oracle", "aggregator")
HEAD = """\
# Errors

<!-- Made by `make docs` out of the error tree. Do not edit. -->

Every failure that we foresaw has a reason, one word, which is the same in the log (`reason=`), in the labels of metrics
and here. Log lines also carry the advice. What becomes of the work is the error's kind:

| kind | what happens |
|--|--|
| transient | tried again by itself, with growing pauses |
| too large | asked again in smaller parts, by itself |
| inconsistent | another endpoint is asked, by itself |
| permanent | the work stops: a chain halts and says so, a command ends. Nothing is deleted; somebody must act |

Why a price was refused is a set of its own: [reasons](../oracle/reasons.md).
"""
NODES = "Nodes"
CHECKED = """
## Checks

What an endpoint's answer was caught at: the label `check` of `usdx_rpc_contradictions_total`, in errors of the reason
`contradiction`. The answer is not used.

| check | what was wrong |
|--|--|
"""
LOGS = """
## Logs that are not decoded

Where it says *stored*, the log waits in `usdx.undecoded_logs` with this reason and is counted in
`usdx_indexer_decode_errors_total`. With a better ABI `usdx backfill --redecode` makes rows of what was kept.

| reason | where | what happened | what to do |
|--|--|--|--|
"""
_TITLES = {"shared": "Every worker", "indexer": "Indexer", "oracle": "Oracle", "aggregator": "Aggregator"}
_KINDS: Mapping[type, str] = {
    Transient: "transient",
    TooLarge: "too large",
    Inconsistent: "inconsistent",
    Permanent: "permanent",
}


def errors() -> list[type[UsdxError]]:
    """Every error of the workers, the general ones first, then in the order of their files."""
    for package in PACKAGES:
        for room in pkgutil.walk_packages(importlib.import_module(package).__path__, f"{package}."):
            if not room.name.endswith("__main__"):
                importlib.import_module(room.name)
    found = {one for one in _below(UsdxError) if one.__module__.partition(".")[0] in PACKAGES}
    return sorted(found, key=lambda one: (PACKAGES.index(one.__module__.partition(".")[0]), one.__module__, _line(one)))


def page() -> str:
    """The page as Markdown."""
    shelves: dict[str, list[type[UsdxError]]] = {}
    for one in errors():
        room = one.__module__.partition(".")[0]
        shelves.setdefault(NODES if issubclass(one, RpcError) else _TITLES[room], []).append(one)
    parts = [_shelf(title, shelves[title]) for title in (*_TITLES.values(), NODES) if title in shelves]
    checks = "".join(f"| `{name}` | {meaning} |\n" for name, meaning in CHECKS.items())
    undecoded = importlib.import_module("indexer.undecoded").UNDECODED
    logs = "".join(f"| `{name}` | {one.where} | {one.meaning} | {one.advice} |\n" for name, one in undecoded.items())
    return HEAD + "".join(parts) + CHECKED + checks + LOGS + logs


def _shelf(title: str, found: Iterable[type[UsdxError]]) -> str:
    rows = (f"| `{one.reason}` | {_kind(one)} | {_sentence(one)} | {one.advice} |\n" for one in found)
    return f"\n## {title}\n\n| reason | kind | what happened | what to do |\n|--|--|--|--|\n" + "".join(rows)


def _kind(one: type[UsdxError]) -> str:
    return next((kind for parent, kind in _KINDS.items() if issubclass(one, parent)), "any")


def _sentence(one: type[UsdxError]) -> str:
    """The first sentence of its docstring."""
    words = " ".join((one.__doc__ or "").split())
    return words.partition(". ")[0].removesuffix(".") + "."


def _below(parent: type[UsdxError]) -> Iterator[type[UsdxError]]:
    for one in parent.__subclasses__():
        yield one
        yield from _below(one)


def _line(one: type[UsdxError]) -> int:
    return inspect.getsourcelines(one)[1]


if __name__ == "__main__":
    sys.stdout.write(page())
