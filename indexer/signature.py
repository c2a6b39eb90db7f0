"""Read a human-readable event signature."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from indexer.errors import BadAbi
from indexer.events import IDENTIFIER, MAX_DEPTH, MAX_PARAMS, AbiType, EventSpec, Param, Tuple, arrays, scalar

_TOKEN = re.compile(r"\s*([A-Za-z_$][A-Za-z0-9_$]*|[(),;]|\[\s*\d*\s*\])")


def signature_lines(text: str) -> Iterator[str]:
    for raw in text.splitlines():
        line = raw.split("//", 1)[0].strip()
        if line.split("(", 1)[0].split()[:1] == ["event"]:
            yield line
        elif line and not line.startswith(("#", "function", "error", "constructor", "struct", "fallback", "receive")):
            raise BadAbi(f"neither JSON nor a signature like `event Transfer(address indexed from, …)`: {line[:80]!r}")


def parse_signature(text: str) -> EventSpec:
    """An event from `[event] Name(type [indexed] [name], …) [anonymous]`. Raises BadAbi."""
    tokens = _tokens(text)
    if tokens[:1] == ["event"] and tokens[1:2] != ["("]:
        tokens = tokens[1:]
    reader = _Reader(tokens, text)
    name = reader.take()
    if not IDENTIFIER.fullmatch(name):
        raise BadAbi(f"no event signature: {text[:200]!r}")
    reader.expect("(")
    inputs = reader.params(0)
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
    """Walks the tokens of one signature."""

    def __init__(self, tokens: Sequence[str], text: str) -> None:
        self._tokens, self._at, self._text = tokens, 0, text

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

    def params(self, depth: int) -> tuple[Param, ...]:
        if depth > MAX_DEPTH:
            raise BadAbi("parameters nested beyond reason")
        if self.accept(")"):
            return ()
        params = [self._param(depth)]
        while not self.accept(")"):
            self.expect(",")
            params.append(self._param(depth))
            if len(params) > MAX_PARAMS:
                raise BadAbi("more parameters than any event has")
        return tuple(params)

    def _param(self, depth: int) -> Param:
        inner = self._type(depth)
        suffix = ""
        while self.rest()[:1] and self.rest()[0].startswith("["):
            suffix += self.take()
        indexed, name = False, ""
        while self.rest()[:1] and self.rest()[0] not in (",", ")"):
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
            return Tuple(self.params(depth + 1))
        if word == "(":
            return Tuple(self.params(depth + 1))
        return scalar(word)
