"""How nodes write logs."""

from __future__ import annotations

import json

import pytest

from indexer.log_shape import learn

GETH = {
    "address": "0x" + "a1" * 20,
    "topics": ["0x" + "b2" * 32, "0x" + "c3" * 32],
    "data": "0x" + "00" * 32,
    "blockNumber": "0x12",
    "transactionHash": "0x" + "d4" * 32,
    "transactionIndex": "0x0",
    "blockHash": "0x" + "e5" * 32,
    "blockTimestamp": "0x65f1a2b3",
    "logIndex": "0xff",
    "removed": False,
}
BESU = (
    "logIndex",
    "removed",
    "blockNumber",
    "blockHash",
    "transactionHash",
    "transactionIndex",
    "address",
    "data",
    "topics",
)
NETHERMIND = (
    "address",
    "blockHash",
    "blockNumber",
    "data",
    "logIndex",
    "removed",
    "topics",
    "transactionHash",
    "transactionIndex",
)


def text(log: dict[str, object], spaces: bool = False) -> bytes:
    return json.dumps(log, separators=None if spaces else (",", ":")).encode()


@pytest.mark.parametrize("keys", [tuple(GETH), BESU, NETHERMIND], ids=["geth", "besu", "nethermind"])
@pytest.mark.parametrize("spaces", [False, True])
def test_every_order_of_keys_has_a_shape(keys: tuple[str, ...], spaces: bool) -> None:
    """Segments and gaps together are the whole log, in any order and with or without spaces."""
    whole = text({key: GETH[key] for key in keys} | {"topics": GETH["topics"][:1]}, spaces)
    shape = learn(whole)
    assert shape is not None
    assert shape.colons == len(keys)
    varying = {"topics": 68, "data": 64, "blockNumber": 2, "transactionIndex": 1, "blockTimestamp": 8, "logIndex": 2}
    assert sum(len(one.text) for one in shape.segments) + sum(varying[name] for name in shape.gaps) == len(whole)


@pytest.mark.parametrize(
    "change",
    [
        {"removed": True},
        {"blockTimestamp": None},
        {"blockNumber": 18},
        {"address": "0x12"},
        {"topics": []},
        {"topics": ["0x12"]},
        {"logIndex": "255"},
        {"extra": {"a": "0x1"}},
        {"extra": "a:b"},
        {"data": None},
    ],
)
def test_what_is_written_in_another_way_has_none(change: dict[str, object]) -> None:
    """A log we would have to interpret is left to those who read logs one by one."""
    assert learn(text(GETH | change)) is None


@pytest.mark.parametrize("key", [key for key in GETH if key not in ("transactionIndex", "removed", "blockTimestamp")])
def test_a_log_without_a_field_has_none(key: str) -> None:
    """What a row needs must be there."""
    assert learn(text({name: value for name, value in GETH.items() if name != key})) is None


@pytest.mark.parametrize("cut", [b"", b"{", b"[1]", b'{"a":1', b"null", b'{"address":"0x'])
def test_broken_text_has_none(cut: bytes) -> None:
    """Nothing is made of what is no log."""
    assert learn(cut) is None


def test_a_repeated_key_has_none() -> None:
    """Which of two values counts is not ours to say."""
    whole = text(GETH)
    assert learn(whole[:-1] + b',"data":"0x"}') is None


def test_further_quantities_of_other_chains_do_no_harm() -> None:
    """As zkSync's `l1BatchNumber` and `logType`."""
    shape = learn(text(GETH | {"l1BatchNumber": "0x1a", "logType": None}))
    assert shape is not None
    assert "l1BatchNumber" in shape.gaps
