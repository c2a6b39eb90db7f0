"""Whatever the bytes, a parser gives quotes or a reason."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oracle import multicall
from oracle.errors import Unreadable
from oracle.model import Refused, Ticker
from oracle.onchain import Reader, Sample, View, read
from oracle.sources import VENUES
from oracle.sources.chainlink import Chainlink
from oracle.sources.curve import Curve
from oracle.sources.generic import Description, venue
from oracle.sources.pyth import Pyth
from oracle.sources.uniswap_v2 import UniswapV2
from oracle.sources.uniswap_v3 import UniswapV3
from oracle.sse import Events
from oracle.venue import Frame, read_frame
from oracle.venue import read as read_venue
from tests.unit.oracle.test_sources import FRAMES, GOOD

ALL = [*VENUES.values(), venue("mycex", "https://x", Description(price="a.0.b", time="t", echo="s", volume="v"))]
numbers = st.one_of(
    st.integers(), st.floats(), st.text(), st.sampled_from(["1", "-1", "NaN", "1e999", "$1", "", "0x1"])
)
anything = st.recursive(
    st.one_of(st.none(), st.booleans(), numbers),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=8), inner, max_size=4)),
    max_leaves=12,
)


def sound(found: dict[str, Any], symbols: list[str]) -> None:
    """Every symbol has a finite price or a reason."""
    assert set(found) == set(symbols)
    for outcome in found.values():
        assert isinstance(outcome, Refused) or (isinstance(outcome, Ticker) and outcome.price.is_finite())


@pytest.mark.parametrize("one", ALL, ids=lambda one: one.name)
@settings(max_examples=50)
@given(
    body=st.one_of(st.binary(max_size=200), anything.map(lambda v: json.dumps(v).encode())),
    status=st.integers(100, 599),
)
def test_any_bytes(one: Any, body: bytes, status: int) -> None:
    """Random bytes and random JSON under any status."""
    symbols = ["BTC-USDT", "ETHUSD"][: 1 if one.budget.symbols == 1 else 2]
    sound(read_venue(one, symbols, status, body), symbols)


def leaves(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The path to every value within."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(leaf for key, one in inner for leaf in leaves(one, (*path, key)))]


def replaced(value: Any, path: tuple[Any, ...], by: Any) -> Any:
    if not path:
        return by
    out = dict(value) if isinstance(value, dict) else list(value)
    out[path[0]] = replaced(value[path[0]], path[1:], by)
    return out


@pytest.mark.parametrize(("name", "symbol", "body"), [one[:3] for one in GOOD], ids=[one[0] for one in GOOD])
@settings(max_examples=60)
@given(data=st.data())
def test_a_good_body_with_any_part_replaced(name: str, symbol: str, body: bytes, data: st.DataObject) -> None:
    """A documented body in which one part is something else, or the end is missing."""
    good = json.loads(body)
    mutant = replaced(good, data.draw(st.sampled_from(leaves(good))), data.draw(anything))
    sound(read_venue(VENUES[name], [symbol], 200, json.dumps(mutant).encode()), [symbol])
    sound(read_venue(VENUES[name], [symbol], 200, body[: data.draw(st.integers(0, len(body)))]), [symbol])


@settings(max_examples=300)
@given(data=st.data())
def test_frames_with_any_part_replaced(data: st.DataObject) -> None:
    """A frame of a stream in which one part is something else."""
    name, good, _ = data.draw(st.sampled_from(FRAMES))
    stream = VENUES[name].stream
    assert stream is not None
    message = data.draw(st.binary(max_size=100))
    if not isinstance(good, bytes):
        message = json.dumps(replaced(good, data.draw(st.sampled_from(leaves(good))), data.draw(anything))).encode()
    assert isinstance(read_frame(stream, message), (Frame, Refused))


def test_nesting_without_end() -> None:
    """A body of a hundred thousand brackets is no JSON, not a crash."""
    for one in ALL:
        sound(read_venue(one, ["X"], 200, b"[" * 100_000), ["X"])


READERS: list[Reader] = [
    Chainlink(b"\x01" * 20, sequencer=b"\x02" * 20),
    Pyth(b"\x01" * 20, b"\x02" * 32),
    UniswapV3(b"\x01" * 20),
    UniswapV2(b"\x01" * 20, 18, 6, window_s=10),
    Curve(b"\x01" * 20, inverted=True),
]
word = st.one_of(st.integers(0, 2**256 - 1), st.integers(0, 300), st.sampled_from([32, 64, 2**255, 2**256 - 1]))
words = st.lists(word, max_size=12).map(lambda values: b"".join(one.to_bytes(32, "big") for one in values))
answer = st.one_of(st.none(), st.binary(max_size=100), words)


@pytest.mark.parametrize("reader", READERS, ids=lambda one: type(one).__name__)
@settings(max_examples=100)
@given(answers=st.lists(answer, min_size=4, max_size=4), more=st.lists(answer, min_size=4, max_size=4))
def test_any_answer_of_a_contract(reader: Reader, answers: list[bytes | None], more: list[bytes | None]) -> None:
    """Any words, any bytes, nothing: a finite price or a reason; and what it asks next is always well-formed."""
    seen = View(tuple(answers), 1, 1_800_000_000, 1_800_000_000.0, tuple(more), (Sample(1_700_000_000, 5),))
    outcome = read(reader, seen, 60)
    assert isinstance(outcome, Refused) or outcome.price.is_finite()
    assert all(len(call.to) == 20 for call in reader.more(seen))
    reader.note(seen)


@given(st.binary(max_size=300), st.integers(0, 4))
def test_any_answer_of_multicall(body: bytes, count: int) -> None:
    """Taken apart, or unreadable."""
    with suppress(Unreadable):
        assert len(multicall.decode(body, count)) == count


@given(st.lists(st.binary(max_size=40), max_size=5), st.integers(1, 7))
def test_events_arrive_whole_however_they_are_cut(events: list[bytes], size: int) -> None:
    """Data of server-sent events does not depend on where the network cuts it."""
    clean = [one.replace(b"\r", b"").replace(b"\n", b"") for one in events]
    sent = b"".join(b": hello\ndata: " + one + b"\r\n\r\n" for one in clean)
    parser = Events()
    got = [event for i in range(0, len(sent), size) for event in parser.feed(sent[i : i + size])]
    assert got == clean
