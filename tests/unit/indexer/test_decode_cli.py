"""`usdx decode`."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from eth_abi.abi import encode

from indexer.abi import parse
from indexer.decode_cli import answerer
from indexer.signature import parse_signature

ABI = """
event Transfer(address indexed from, address indexed to, uint256 value)
event Transfer(address indexed from, address indexed to, uint256 indexed tokenId)
event Order((uint8 kind, bytes memo)[] items, (uint8, bool) pair, string, uint8 a, uint8 a)
event Quiet(uint256 indexed x, string y) anonymous
"""


def line(signature: str, indexed: list[bytes], data: bytes, anonymous: bool = False) -> bytes:
    topic0 = parse_signature(signature).topic0
    assert topic0 is not None
    topics = ([] if anonymous else [topic0]) + indexed
    return json.dumps({"topics": ["0x" + one.hex() for one in topics], "data": "0x" + data.hex()}).encode()


def word(number: int) -> bytes:
    return number.to_bytes(32, "big")


def ask(one: bytes, *, strict: bool = False) -> Any:
    return answerer(parse(ABI), strict=strict)(one)


def test_layouts_of_one_topic() -> None:
    """ERC-20 and ERC-721 transfers are told apart by their topics."""
    signature = "Transfer(address,address,uint256)"
    fungible = ask(line(signature, [word(1), word(2)], word(5)))
    unique = ask(line(signature, [word(1), word(2), word(5)], b""))
    assert fungible["args"] == {"from": "0x" + "00" * 19 + "01", "to": "0x" + "00" * 19 + "02", "value": "5"}
    assert list(unique["args"]) == ["from", "to", "tokenId"]
    assert fungible["signature"] == unique["signature"] == signature


def test_shapes() -> None:
    """Structs are objects, or lists when unnamed; bytes are hex; unnamed and repeated inputs get names of their own."""
    data = encode(
        ["(uint8,bytes)[]", "(uint8,bool)", "string", "uint8", "uint8"], [[(1, b"\xab")], (2, True), "a\0b", 3, 4]
    )
    answer = ask(line("Order((uint8,bytes)[],(uint8,bool),string,uint8,uint8)", [], data))
    assert answer["args"] == {
        "items": [{"kind": "1", "memo": "0xab"}], "pair": ["2", True], "_2": "a\0b", "a": "3", "a_4": "4",
    }  # fmt: skip


def test_anonymous() -> None:
    """An anonymous event is found by its topics and data."""
    answer = ask(line("Quiet(uint256,string)", [word(7)], encode(["string"], ["x"]), anonymous=True))
    assert answer["event"] == "Quiet"
    assert answer["args"] == {"x": "7", "y": "x"}


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        (b"", "bad_json"),
        (b"\xff\n", "bad_json"),
        (b"[]", "bad_log"),
        (b'{"topics": []}', "bad_log"),
        (b'{"topics": [null], "data": "0x"}', "bad_log"),
        (b'{"topics": ["0x1"], "data": "0x"}', "bad_log"),
        (b'{"topics": [], "data": "12"}', "bad_log"),
        (b'{"topics": [], "data": "0x", "address": "0x12"}', "bad_log"),
        (b'{"topics": [], "data": "0x"}', "unknown_event"),
        (line("Nope()", [word(1), word(2)], b""), "unknown_event"),
        (line("Nope()", [], b""), "out_of_bounds"),  # it might have been the anonymous one
        (line("Transfer(address,address,uint256)", [word(1)], b""), "topic_count"),
        (line("Transfer(address,address,uint256)", [word(1), word(1 << 200)], word(1)), "bad_value"),
        (line("Transfer(address,address,uint256)", [word(1), word(2)], b"\x01"), "out_of_bounds"),
        (b"[" * 1_000_000, "bad_json"),
        (b'{"topics": [], "data": "0x", "more": ' + b"[" * 5_000_000, "bad_json"),
    ],
)
def test_errors(given: bytes, reason: str) -> None:
    """What cannot be decoded is answered with a reason from a closed set."""
    answer = ask(given)
    assert answer["error"]["reason"] in (reason, "bad_json")
    assert answer["error"]["message"]


def test_strictness() -> None:
    """A tail without padding and a string that is no UTF-8 pass unless strict; the latter escaped."""
    bare = encode(["string"], ["x"])[:-31]
    assert ask(line("Quiet(uint256,string)", [word(7)], bare, anonymous=True))["args"]["y"] == "x"
    assert ask(line("Quiet(uint256,string)", [word(7)], bare, anonymous=True), strict=True)["error"]
    broken = encode(["bytes"], [b"\xff"])
    assert ask(line("Quiet(uint256,string)", [word(7)], broken, anonymous=True))["args"]["y"] == r"\xff"
    assert ask(line("Quiet(uint256,string)", [word(7)], broken, anonymous=True), strict=True)["error"]


def test_command(tmp_path: Path) -> None:
    """One line out for every line in, also for the last without a newline; an unusable ABI is exit code 2."""
    good = line("Transfer(address,address,uint256)", [word(1), word(2)], word(5))
    (tmp_path / "abi.txt").write_text(ABI)
    (tmp_path / "bad.json").write_text("{}")
    command = [sys.executable, "-c", "from indexer.decode_cli import decode; decode()", "--abi"]
    done = subprocess.run([*command, str(tmp_path / "abi.txt")], input=good + b"\n\nx\n" + good, capture_output=True)
    answers = [json.loads(one) for one in done.stdout.splitlines()]
    assert done.returncode == 0, done.stderr
    assert ["event" in one for one in answers] == [True, False, False, True]
    bad = subprocess.run([*command, str(tmp_path / "bad.json")], input=b"", capture_output=True)
    assert bad.returncode == 2
    assert b"Traceback" not in bad.stderr
