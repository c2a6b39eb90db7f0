"""The compiled decoder against eth_abi and web3.py."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from decimal import localcontext
from typing import Any

import pytest
from eth_abi import abi as eth_abi
from eth_abi.exceptions import DecodingError
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from web3 import Web3
from web3._utils.events import get_event_data

from indexer import decoder
from indexer.abi import parse
from indexer.decode_cli import answerer
from indexer.decoder import Dispatcher, compile_event
from indexer.errors import DecodeError
from indexer.events import AbiType, Array, EventSpec, Param, Scalar, Tuple
from tests.property.indexer.abis import EXAMPLES, events, plain, types, values, wrapped

SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large]
PHASES = [phase for phase in Phase if phase is not Phase.explain]  # explaining costs minutes and says little here
MANY = settings(max_examples=EXAMPLES, deadline=None, phases=PHASES, suppress_health_check=SLOW)
FEW = settings(MANY, max_examples=EXAMPLES * 3 // 8)
CODEC = Web3().codec
WORD = st.one_of(
    st.integers(0, 300),
    st.sampled_from([0x20, 0x40, 0x60, 0x80, 1 << 255, (1 << 256) - 1, 1 << 64, (1 << 256) - 0x20]),
    st.integers(0, (1 << 256) - 1),
).map(lambda number: number.to_bytes(32, "big"))


def body_of(event: EventSpec) -> list[Param]:
    return [param for param in event.inputs if not param.indexed]


def encoded(event: EventSpec, given: list[Any]) -> tuple[list[bytes], bytes]:
    """Topics and data of an event with these values, by eth_abi; a hashed topic is its value's own bytes."""
    topics = [] if event.topic0 is None else [event.topic0]
    topics += [
        value if param.hashed else eth_abi.encode([param.type.name], [value])
        for param, value in zip(event.inputs, given, strict=True)
        if param.indexed
    ]
    body = [(param.type.name, value) for param, value in zip(event.inputs, given, strict=True) if not param.indexed]
    return topics, eth_abi.encode([name for name, _ in body], [value for _, value in body])


def inputs_of(event: EventSpec) -> st.SearchStrategy[list[Any]]:
    word = st.binary(min_size=32, max_size=32)
    return st.tuples(*(word if param.hashed else values(param.type) for param in event.inputs)).map(list)


@MANY
@given(st.data(), events(), st.booleans())
def test_decode_undoes_encode(data: st.DataObject, event: EventSpec, strict: bool) -> None:
    """Whatever an event was encoded from is what it is decoded to."""
    given_values = data.draw(inputs_of(event))
    topics, body = encoded(event, given_values)
    found = compile_event(event, strict=strict).decode(topics, body)
    expected = tuple(
        value if param.hashed else plain(param.type, value)
        for param, value in zip(event.inputs, given_values, strict=True)
    )
    assert (
        tuple(
            plain(param.type, one) if not param.hashed else one for param, one in zip(event.inputs, found, strict=True)
        )
        == expected
    )


@MANY
@given(st.data(), st.lists(types(), min_size=1, max_size=3))
def test_agrees_with_eth_abi_on_any_words(data: st.DataObject, kinds: list[Any]) -> None:
    """On arbitrary and on damaged bytes the strict decoder accepts and answers exactly as eth_abi does.

    Two exceptions, both refusals of ours: an offset into heads that eth_abi counts too short, and data that reads
    itself over and over, so that an honest encoding of what it says is longer.
    """
    raw = data.draw(st.one_of(st.lists(WORD, max_size=14).map(b"".join), st.binary(max_size=200), damaged(kinds)))
    event = EventSpec("E", tuple(Param("", kind) for kind in kinds))
    ours, reason = attempt(event, raw, strict=True)
    theirs = reference([kind.name for kind in kinds], raw)
    if theirs is None:
        assert ours is None
    elif reason == "too_complex":
        assert len(eth_abi.encode([kind.name for kind in kinds], theirs)) > len(raw)
    elif ours is None:
        assert reason == "bad_offset"
    else:
        assert ours == tuple(plain(kind, one) for kind, one in zip(kinds, theirs, strict=True))


@pytest.mark.parametrize(
    ("kind", "item"),
    [
        ("uint256[2][2][2]", [[[1, 2]] * 2] * 2),
        ("uint256[2][2][2][2][2][2]", [[[[[[1, 2]] * 2] * 2] * 2] * 2] * 2),
        ("uint8[1][1]", [[1]]),
        ("uint8[1][1][1][1][1][1][1][1]", [[[[[[[[1]]]]]]]]),
        ("(uint256,uint256[2][2])", (1, [[1, 2], [3, 4]])),
        ("(uint256,((uint256,uint256),(uint256,uint256[2])))", (1, ((2, 3), (4, (5, 6))))),
        ("((((((uint8))))))", ((((((1,),),),),),)),
        ("string[1][1][1]", [[[""]]]),
        ("(string,bytes[1])[1]", [("", [b""])]),
        ("(uint8,string[][])", (1, [[], [""]])),
        ("uint8[][][]", [[[]]]),
    ],
)
def test_nesting_costs_nothing(kind: str, item: Any) -> None:
    """However deep the types are, once or a thousand times: what an encoder wrote is decoded."""
    for given_type, value in ((kind, item), (f"{kind}[]", [item] * 1000), (f"({kind}[],{kind})[]", [([item], item)])):
        (event,) = parse(f"event E({given_type} a)")
        (found,) = compile_event(event, strict=True).decode(
            [event.topic0 or b""], eth_abi.encode([given_type], [value])
        )
        assert plain(event.inputs[0].type, found) == plain(event.inputs[0].type, value)


@settings(FEW, max_examples=EXAMPLES // 6)
@given(st.data(), types(3).flatmap(wrapped), st.sampled_from([5, 40, 200]))
def test_honest_data_is_never_too_complex(data: st.DataObject, kind: AbiType, count: int) -> None:
    """Whatever the type and however many there are of it: what an encoder wrote is decoded to what it was."""
    one, other = Array(kind, None), data.draw(values(kind))
    value = [data.draw(values(kind)), *[other] * count]
    found, reason = attempt(EventSpec("E", (Param("", one),)), eth_abi.encode([one.name], [value]), strict=True)
    assert not reason
    assert found == (plain(one, value),)


@st.composite
def damaged(draw: st.DrawFn, kinds: list[Any]) -> bytes:
    """A right encoding with one word replaced, or cut short, or with something behind it."""
    body = eth_abi.encode([kind.name for kind in kinds], [draw(values(kind)) for kind in kinds])
    at = 32 * draw(st.integers(0, max(0, len(body) // 32 - 1)))
    match draw(st.integers(0, 2)):
        case 0:
            return body[:at] + draw(WORD) + body[at + 32 :]
        case 1:
            return body[: draw(st.integers(0, len(body)))]
        case _:
            return body + draw(st.binary(max_size=40))


def attempt(event: EventSpec, raw: bytes, *, strict: bool) -> tuple[tuple[Any, ...] | None, str]:
    topics = [event.topic0 or b""]
    try:
        found = compile_event(event, strict=strict).decode(topics, raw)
    except DecodeError as exc:
        return None, exc.kind
    return tuple(plain(param.type, one) for param, one in zip(event.inputs, found, strict=True)), ""


def reference(kinds: list[str], raw: bytes) -> tuple[Any, ...] | None:
    try:
        with localcontext(prec=200):
            return tuple(eth_abi.decode(kinds, raw))
    except (DecodingError, UnicodeDecodeError, OverflowError):
        return None


@MANY
@given(st.data(), events())
def test_lenient_accepts_what_strict_does(data: st.DataObject, event: EventSpec) -> None:
    """Leniency only adds: what strict accepts lenient decodes to the same."""
    raw = data.draw(st.one_of(st.lists(WORD, max_size=14).map(b"".join), st.binary(max_size=200)))
    topics = [event.topic0] if event.topic0 else []
    topics += [data.draw(WORD) for param in event.inputs if param.indexed]
    results: list[tuple[Any, ...] | None] = []
    for strict in (True, False):
        try:
            results.append(compile_event(event, strict=strict).decode(topics, raw))
        except DecodeError:
            results.append(None)
    if results[0] is not None:
        assert results[1] == results[0]


@MANY
@given(st.data(), st.lists(types(), min_size=1, max_size=3))
def test_lenient_takes_tails_without_padding(data: st.DataObject, kinds: list[Any]) -> None:
    """A last tail whose padding was left out still decodes."""
    kinds = [*kinds, Scalar("bytes")]
    given_values = [*(data.draw(values(kind)) for kind in kinds[:-1]), data.draw(st.binary(max_size=40))]
    body = eth_abi.encode([kind.name for kind in kinds], given_values)
    cut = body[: len(body) - (-len(given_values[-1]) % 32)]
    event = EventSpec("E", tuple(Param("", kind) for kind in kinds))
    found, reason = attempt(event, cut, strict=False)
    assert found is not None, reason
    assert found[-1] == given_values[-1]


@FEW
@given(st.data(), events())
def test_agrees_with_web3(data: st.DataObject, event: EventSpec) -> None:
    """web3.py's own event decoding gives the same arguments for every input whose value is there.

    Structs and arrays are not indexed here: web3.py takes their hash for the value and fails.
    """
    names = [f"p{place}" for place in range(len(event.inputs))]
    event = EventSpec(
        event.name,
        tuple(
            Param(name, named(param.type), param.indexed and isinstance(param.type, Scalar))
            for name, param in zip(names, event.inputs, strict=True)
        ),
        event.anonymous,
    )
    topics, body = encoded(event, data.draw(inputs_of(event)))
    entry = {
        "type": "event",
        "name": event.name,
        "anonymous": event.anonymous,
        "inputs": [json_of(p) for p in event.inputs],
    }
    assert parse(json.dumps([entry]))[0] == event
    log = {
        "topics": topics, "data": body, "address": "0x" + "11" * 20, "blockHash": b"", "blockNumber": 1,
        "logIndex": 0, "transactionHash": b"", "transactionIndex": 0,
    }  # fmt: skip
    with localcontext(prec=200):
        theirs = get_event_data(CODEC, entry, log)["args"]
    ours = dict(zip(names, compile_event(event).decode(topics, body), strict=True))
    for param in event.inputs:
        if not param.hashed:
            assert ours[param.name] == shaped(param.type, theirs[param.name])


def named(kind: Any) -> Any:
    """The type with a name of its own for every field, which web3.py needs."""
    if isinstance(kind, Array):
        return Array(named(kind.item), kind.length)
    if isinstance(kind, Tuple):
        return Tuple(tuple(Param(f"f{place}", named(field.type)) for place, field in enumerate(kind.fields)))
    return kind


def json_of(param: Param) -> dict[str, Any]:
    """A parameter as compilers write it."""
    suffix, inner = "", param.type
    while isinstance(inner, Array):
        suffix = f"[{'' if inner.length is None else inner.length}]" + suffix
        inner = inner.item
    entry: dict[str, Any] = {"name": param.name, "indexed": param.indexed}
    if isinstance(inner, Tuple):
        return entry | {"type": "tuple" + suffix, "components": [json_of(field) for field in inner.fields]}
    return entry | {"type": inner.name + suffix}


def shaped(kind: Any, value: Any) -> Any:
    """What web3.py answers in the shape of ours."""
    if isinstance(kind, Array):
        return [shaped(kind.item, one) for one in value]
    if isinstance(kind, Tuple):
        return tuple(shaped(field.type, value[field.name]) for field in kind.fields)
    return plain(kind, value)


@MANY
@given(st.lists(events(), min_size=1, max_size=4), st.lists(st.binary(min_size=32, max_size=32), max_size=5), st.data())
def test_any_bytes_raise_only_a_decode_error(found: list[EventSpec], topics: list[bytes], data: st.DataObject) -> None:
    """The dispatcher answers or raises DecodeError, whatever the log."""
    topic0s = [event.topic0 for event in found if event.topic0]
    if topic0s and topics:
        topics = [data.draw(st.sampled_from(topic0s)), *topics[1:]]
    raw = data.draw(st.one_of(st.binary(max_size=300), st.lists(WORD, max_size=14).map(b"".join)))
    try:
        event, given_values = Dispatcher(found).decode(topics, raw)
    except DecodeError as exc:
        kind = exc.kind
    else:
        kind = event.name
        assert len(given_values) == len(event.inputs)
    assert kind


@MANY
@given(
    st.one_of(
        st.binary(max_size=200),
        st.text(max_size=200).map(str.encode),
        st.recursive(
            st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=70)),
            lambda inner: st.one_of(
                st.lists(inner, max_size=4),
                st.dictionaries(st.sampled_from(["topics", "data", "address", "x"]), inner, max_size=4),
            ),
        ).map(lambda value: json.dumps(value).encode()),
    )
)
def test_any_line_gets_an_answer(line: bytes) -> None:
    """`usdx decode` answers every line with one JSON object and never fails."""
    answer = answerer([EventSpec("A", (Param("x", Scalar("uint", 256)),))])(line)
    assert set(answer) == {"error"} or set(answer) == {"event", "signature", "args"}


@pytest.mark.parametrize(
    "raw",
    [
        b"".join(word.to_bytes(32, "big") for word in [0x20, *[1000, *([0] * 1000)]]),
        b"".join(word.to_bytes(32, "big") for word in [0x20] * 2000),
        b"".join(word.to_bytes(32, "big") for word in [0x20, 40, *[40 * 32] * 40, 40, *[0] * 40] * 40),
        (0x20).to_bytes(32, "big") + ((1 << 256) - 1).to_bytes(32, "big"),
        bytes(64_000),
        b"\xff" * 64_000,
    ],
)
@pytest.mark.parametrize(
    "kind",
    [
        *("uint256[]" + "[]" * depth for depth in (0, 2, 7, 15)),
        "uint256[1][1][1][1][1][1][1][1][][][]",
        "(uint256,((uint256),uint256[2])[])[][]",
        "(string,(bytes,string[2])[])[][]",
        "string[][1000][]",
        "()[][][]",
        "()[1048576][1048576][1048576]",
        "(uint256,(()[1000])[1000])[]",
        "((),((),())[])[]",
    ],
)
def test_adversarial_offsets_cost_little(kind: str, raw: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """Data whose offsets lead back, or whose lengths are huge, is read four times at most: an offset and a size a word.

    What has no width is not read; there may be as much of it as there are bytes.
    """
    reads = 0

    def read(word: bytes, **kind: Any) -> int:
        nonlocal reads
        reads += 1
        return int.from_bytes(word, **kind)

    monkeypatch.setitem(decoder._RUNTIME, "I", read)
    (event,) = parse(f"event E({kind} a)")
    with suppress(DecodeError):
        values = compile_event(event).decode([event.topic0 or b""], raw)
        assert sum(1 for _ in parts(values)) <= 2 * (4 * len(raw) + decoder.SLACK_BYTES)
    assert 32 * reads <= 2 * (4 * len(raw) + decoder.SLACK_BYTES)


def parts(value: Any) -> Iterator[Any]:
    """Every value within a value."""
    yield value
    for one in value if isinstance(value, list | tuple) else ():
        yield from parts(one)
