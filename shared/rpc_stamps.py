"""Read the answers to many `eth_getBlockByNumber` in one pass, as far as they say which blocks, and when."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import msgspec

from shared.rpc_answer import UNREADABLE, Answer, Question, Reply, read


class Stamp(msgspec.Struct, gc=False, rename="camel"):
    """As much of a block as says which one it is, and when it was; still the node's own 0x-hex."""

    number: str
    hash: str
    parent_hash: str
    timestamp: str


class _Stamped(msgspec.Struct, gc=False):
    id: int
    result: Stamp
    error: None = None


_plain = msgspec.json.Decoder(list[_Stamped])
_one = msgspec.json.Decoder(Stamp)


def read_stamps(reply: Reply, question: Question) -> list[Stamp | Answer]:
    """As `rpc_answer.read`, but a batch in which nothing is odd comes as stamps.

    Odd is an error or a null among the answers, another order, another count, and whatever is no such batch.
    """
    try:
        found = _plain.decode(reply.body)
    except UNREADABLE:
        return [*read(reply, question)]
    first = question.first_id
    if [one.id for one in found] != list(range(first, first + len(question.methods))):
        return [*read(reply, question)]
    return [one.result for one in found]


def stamps_of(answers: Sequence[Stamp | Answer]) -> Sequence[Stamp]:
    """What `read_stamps` gave, as stamps all of it. Raises the first error, or one of `UNREADABLE` for no block."""
    if {*map(type, answers)} == {Stamp}:
        return cast(Sequence[Stamp], answers)
    return [_stamp(answer) for answer in answers]


def _stamp(answer: Stamp | Answer) -> Stamp:
    if isinstance(answer, Exception):
        raise answer
    return answer if isinstance(answer, Stamp) else _one.decode(answer)
