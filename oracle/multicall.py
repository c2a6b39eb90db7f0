"""Encode many calls into one call of Multicall3, and decode what it answers.

Source: github.com/mds1/multicall3 `aggregate3((address,bool,bytes)[]) → (bool,bytes)[]`, at one address everywhere.
"""

from __future__ import annotations

from collections.abc import Sequence

from oracle.onchain import Answer, EthCall
from oracle.words import WORD, uint

ADDRESS = bytes.fromhex("ca11bde05977b3631167028862be2a173976ca11")
AGGREGATE3 = "82ad56cb"


def encode(calls: Sequence[EthCall]) -> bytes:
    """The data of an aggregate3 call; every call may fail by itself."""
    tuples = [_word(int.from_bytes(one.to, "big")) + _word(1) + _word(96) + _bytes(one.data) for one in calls]
    offsets, at = [], WORD * len(calls)
    for one in tuples:
        offsets.append(_word(at))
        at += len(one)
    return bytes.fromhex(AGGREGATE3) + _word(WORD) + _word(len(calls)) + b"".join(offsets) + b"".join(tuples)


def decode(answer: bytes, count: int) -> list[Answer]:
    """The answer to each of `count` calls, None where it was refused. Raises Unreadable."""
    what = "aggregate3()"
    start = uint(answer, 0, what)
    body = answer[start + WORD :]
    out: list[Answer] = []
    for i in range(count):
        part = body[uint(body, i, what) :]
        data = part[uint(part, 1, what) :]
        length = uint(data, 0, what)
        out.append(data[WORD : WORD + length] if uint(part, 0, what) else None)
    return out


def _word(value: int) -> bytes:
    return value.to_bytes(WORD, "big")


def _bytes(data: bytes) -> bytes:
    return _word(len(data)) + data + bytes(-len(data) % WORD)
