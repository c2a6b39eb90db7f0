"""Build eth_call data and read its answers, word by word.

An answer is bytes, or None where the contract refused. Everything that reads raises `Unreadable` and nothing else.
"""

from __future__ import annotations

from oracle.errors import Unreadable
from oracle.reasons import Reason

WORD = 32


def call_data(selector: str, *words: int) -> bytes:
    """A selector of 8 hex digits and its arguments, negative ones in two's complement."""
    return bytes.fromhex(selector) + b"".join((word % 2**256).to_bytes(WORD, "big") for word in words)


def uint(answer: bytes | None, position: int, what: str) -> int:
    """The unsigned word at a position."""
    if answer is None:
        raise Unreadable(Reason.REVERTED, f"{what} was refused by the contract")
    word = answer[position * WORD : (position + 1) * WORD]
    if len(word) != WORD:
        found = f"{len(answer)} bytes" if answer else "nothing: no contract at this address?"
        raise Unreadable(Reason.REVERTED if not answer else Reason.MALFORMED, f"{what} answered {found}")
    return int.from_bytes(word, "big")


def sint(answer: bytes | None, position: int, what: str) -> int:
    """The signed word at a position."""
    value = uint(answer, position, what)
    return value - 2**256 if value >> 255 else value


def array(answer: bytes | None, position: int, what: str, signed: bool = False) -> list[int]:
    """The dynamic array whose offset is the word at a position."""
    offset = uint(answer, position, what)
    if offset % WORD or offset > 2**32:
        raise Unreadable(Reason.MALFORMED, f"{what}: offset {offset}")
    start = offset // WORD
    length = uint(answer, start, what)
    if length > 1024:
        raise Unreadable(Reason.MALFORMED, f"{what}: {length} entries")
    read = sint if signed else uint
    return [read(answer, start + 1 + i, what) for i in range(length)]


def string(answer: bytes | None, what: str) -> str:
    """The only text of an answer."""
    offset = uint(answer, 0, what)
    if answer is None or offset % WORD or offset + WORD > len(answer):
        raise Unreadable(Reason.MALFORMED, f"{what}: offset {offset}")
    length = uint(answer, offset // WORD, what)
    raw = answer[offset + WORD : offset + WORD + length]
    if len(raw) != length:
        raise Unreadable(Reason.MALFORMED, f"{what}: cut short")
    return raw.decode("utf-8", "replace")


def small(value: int, limit: int, what: str) -> int:
    """A value that must be within ±`limit`; a contract that answers beyond is not what it is taken for."""
    if abs(value) > limit:
        raise Unreadable(Reason.MALFORMED, f"{what} is {value}")
    return value
