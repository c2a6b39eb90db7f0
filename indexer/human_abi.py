"""Cut a human-readable ABI into its declarations."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from indexer.errors import BadAbi
from indexer.events import EventSpec
from indexer.signature import Structs, parse_signature, struct_of

_COMMENT = re.compile(r"/\*.*?(?:\*/|\Z)|//[^\n]*|^[ \t]*#[^\n]*", re.DOTALL | re.MULTILINE)
_EDGE = re.compile(r"[(){};\n]")
_OTHERS = ("function", "error", "constructor", "fallback", "receive")


def read_signatures(texts: Iterable[str]) -> Iterator[EventSpec]:
    """The events of signatures and `struct` declarations, in any order. Raises BadAbi."""
    declared = [one for text in texts for one in _declarations(text)]
    structs = _structs(one for one in declared if _word(one) == "struct")
    for one in declared:
        if _word(one) == "event":
            yield parse_signature(one, structs)
        elif _word(one) not in ("struct", *_OTHERS):
            raise BadAbi(f"neither JSON nor a signature like `event Transfer(address indexed from, …)`: {one[:80]!r}")


def _structs(declared: Iterable[str]) -> Structs:
    found: dict[str, Sequence[str]] = {}
    for name, fields in map(struct_of, declared):
        if found.setdefault(name, fields) != fields:
            raise BadAbi(f"struct {name} is declared in two ways")
    return found


def _declarations(text: str) -> Iterator[str]:
    """What ends with its line, or with `;` or `}`, but for ends within parentheses and braces."""
    text = _COMMENT.sub(_gone, text) + "\n"
    begin = depth = 0
    for found in _EDGE.finditer(text):
        depth += (found[0] in "({") - (found[0] in ")}")
        if depth <= 0 and found[0] in ";}\n":
            if one := text[begin : found.end()].strip(" \t\r\n;"):
                yield one
            begin, depth = found.end(), 0
    if one := text[begin:].strip():
        yield one


def _gone(comment: re.Match[str]) -> str:
    """What is left of a comment."""
    if comment[0].startswith("/*") and (not comment[0].endswith("*/") or comment[0] == "/*/"):
        raise BadAbi(f"a comment that never ends: {comment[0][:80]!r}")
    return " "


def _word(declaration: str) -> str:
    """What kind of declaration it is."""
    return re.split(r"[\s({]", declaration, maxsplit=1)[0]
