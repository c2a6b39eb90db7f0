"""Logs as large as blocks allow."""

from __future__ import annotations

import json
import tracemalloc
from collections.abc import Callable

import msgspec
import pytest

from indexer.abi import parse
from indexer.chain_checks import Expected
from indexer.decode_cli import answerer
from indexer.model import Filter, Range
from shared.rpc_types import RawLog

(SAID,) = parse("event Said(bytes what)")
DATA = bytes([0] * 31 + [32]) + (200_000).to_bytes(32) + b"\xab" * 200_000


def _check(data: str) -> object:
    fields = {
        "blockNumber": "0x1",
        "logIndex": "0x0",
        "blockHash": "0x" + "44" * 32,
        "transactionHash": "0x" + "33" * 32,
    }
    log = msgspec.convert({"address": "0x" + "11" * 20, "topics": ["0x" + "22" * 32], "data": data, **fields}, RawLog)
    return Expected(Range(1, 1), Filter()).lie_in([log], {})


def _decode(data: str) -> object:
    assert SAID.topic0 is not None
    answer = answerer([SAID])(json.dumps({"topics": ["0x" + SAID.topic0.hex()], "data": data}).encode())
    return answer.get("error")


@pytest.mark.parametrize("look", [_check, _decode])
def test_memory_follows_the_size_of_a_log(look: Callable[[str], object]) -> None:
    """A log costs a few times its own text, and half a byte at its end is still seen."""
    text = "0x" + DATA.hex()
    tracemalloc.start()
    try:
        assert look(text) is None
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 8 * len(text)
    assert look(text + "a") is not None
    assert look(text[:-1] + "g") is not None
