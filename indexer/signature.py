"""Read a human-readable event signature."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from indexer.errors import BadAbi
from indexer.events import IDENTIFIER, MAX_DEPTH, MAX_PARAMS, AbiType, EventSpec, Param, Tuple, arrays, scalar

MOST_FIELDS = 4096
"""Of how many parameters and fields an event may be in all: structs of structs could multiply without end."""

Structs = Mapping[str, Sequence[str]]
"""The tokens of every struct's fields, by its name."""

_TOKEN = re.compile(r"\s*([A-Za-z_$][A-Za-z0-9_$]*|[(),;{}]|\[\s*\d*\s*\])")


def struct_of(text: str) -> tuple[str, Sequence[str]]:
    """The name and the fields of `struct Name { type name; … }`. Raises BadAbi."""
    tokens = _tokens(text)
    if len(tokens) < 4 or tokens[2] != "{" or tokens[-1] != "}" or not IDENTIFIER.fullmatch(tokens[1]):
        raise BadAbi(f"no struct: {text[:200]!r}")
    return tokens[1], tokens[3:]


def parse_signature(text: str, structs: Structs | None = None) -> EventSpec:
    """An event from `[event] Name(type [indexed] [name], …) [anonymous]`. Raises BadAbi."""
    tokens = _tokens(text)
    if tokens[:1] == ["event"] and tokens[1:2] != ["("]:
        tokens = tokens[1:]
    reader = _Reader(tokens, text, structs or {}, [0])
    name = reader.take()
    if not IDENTIFIER.fullmatch(name):
        raise BadAbi(f"no event signature: {text[:200]!r}")
    reader.expect("(")
    inputs = reader.params(0, ",", ")")
    anonymous = reader.accept("anonymous")
    reader.accept(";")
    if reader.rest():
        raise BadAbi(f"unexpected text after the signature: {text[:200]!r}")
    return EventSpec(name, inputs, anonymous)


def _tokens(text: str) -> list[str]:
    tokens, at = [], 0
    text = text.rstrip()
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise BadAbi(f"cannot read the signature at {text[at : at + 20]!r}")
        tokens.append(match[1])
        at = match.end()
    return tokens


class _Reader:
    """Walks the tokens of one signature, or of a struct in it. Shape: `count` holds how many parameters there were."""

    def __init__(self, tokens: Sequence[str], text: str, structs: Structs, count: list[int]) -> None:
        self._tokens, self._at, self._text = tokens, 0, text
        self._structs, self._count = structs, count

    def rest(self) -> Sequence[str]:
        return self._tokens[self._at :]

    def take(self) -> str:
        if self._at >= len(self._tokens):
            raise BadAbi(f"the signature ends too early: {self._text[:200]!r}")
        self._at += 1
        return self._tokens[self._at - 1]

    def accept(self, token: str) -> bool:
        if self._at < len(self._tokens) and self._tokens[self._at] == token:
            self._at += 1
            return True
        return False

    def expect(self, token: str) -> None:
        got = self.take()
        if got != token:
            raise BadAbi(f"expected {token!r} but got {got!r} in the signature {self._text[:200]!r}")

    def params(self, depth: int, between: str, end: str) -> tuple[Param, ...]:
        """Parameters up to the `end`; `between` two of them stands a comma, or after each field of a struct a `;`."""
        if depth > MAX_DEPTH:
            raise BadAbi("parameters nested beyond reason")
        params: list[Param] = []
        while not self.accept(end):
            if params and between == ",":
                self.expect(between)
            params.append(self._param(depth))
            if between == ";":
                self.expect(between)
            self._count[0] += 1
            if len(params) > MAX_PARAMS or self._count[0] > MOST_FIELDS:
                raise BadAbi("more parameters than any event has")
        return tuple(params)

    def _param(self, depth: int) -> Param:
        inner = self._type(depth)
        suffix = ""
        while self.rest()[:1] and self.rest()[0].startswith("["):
            suffix += self.take()
        indexed, name = False, ""
        while self.rest()[:1] and self.rest()[0] not in (",", ")", ";"):
            word = self.take()
            if word == "indexed" and not indexed and not name:
                indexed = True
            elif word in ("memory", "calldata", "storage", "payable"):
                continue
            elif IDENTIFIER.fullmatch(word) and not name:
                name = word
            else:
                raise BadAbi(f"unexpected {word!r} in the signature {self._text[:200]!r}")
        return Param(name, arrays(inner, suffix), indexed)

    def _type(self, depth: int) -> AbiType:
        word = self.take()
        if word == "tuple":
            self.expect("(")
            word = "("
        if word == "(":
            return Tuple(self.params(depth + 1, ",", ")"))
        if word in self._structs:
            inner = _Reader(self._structs[word], self._text, self._structs, self._count)
            return Tuple(inner.params(depth + 1, ";", "}"))
        return scalar(word)
