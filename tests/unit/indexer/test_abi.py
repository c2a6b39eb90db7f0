"""Reading ABIs."""

import json

import pytest

from indexer.abi import merge, merge_files, parse, select
from indexer.errors import BadAbi
from indexer.signature import parse_signature

TRANSFER = {
    "type": "event",
    "name": "Transfer",
    "inputs": [
        {"name": "from", "type": "address", "indexed": True},
        {"name": "to", "type": "address", "indexed": True},
        {"name": "value", "type": "uint256", "indexed": False},
    ],
}
HUMAN = "event Transfer(address indexed from, address indexed to, uint256 value)"
TOPIC0 = "ddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef"


@pytest.mark.parametrize(
    "text",
    [
        json.dumps([TRANSFER, {"type": "function", "name": "f", "inputs": []}]),
        json.dumps({"_format": "hh-sol-artifact-1", "abi": [TRANSFER], "bytecode": "0x"}),
        json.dumps({"abi": [TRANSFER], "methodIdentifiers": {}}),
        json.dumps({"abi": json.dumps([TRANSFER])}),
        json.dumps([HUMAN, "function f() view returns (uint)"]),
        f"// a comment\n{HUMAN};\nfunction f(uint x)\n",
        f"# a comment\n/* event Old(uint a)\n ( */ {HUMAN}; error Failed(string event); receive() external payable",
        "event Transfer(\r\n  address indexed from, // who paid\r\n  address indexed to,\r\n  uint256 value\r\n)\r\n",
        json.dumps(["struct Point { uint x; uint y; }", HUMAN, "fallback()"]),
        "\ufeff" + json.dumps([TRANSFER, TRANSFER]),
    ],
)
def test_every_source_gives_the_same_event(text: str) -> None:
    """Plain arrays, artifacts and human-readable signatures say the same."""
    (event,) = parse(text)
    assert event == parse_signature(HUMAN)
    assert event.topic0 is not None
    assert event.topic0.hex() == TOPIC0


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]x",
        "{}",
        "3",
        '{"abi": 3}',
        "[3]",
        '[{"type": "event", "name": "A", "inputs": [{"name": "x"}]}]',
        '[{"type": "event", "name": "A", "inputs": [{"type": "uint7"}]}]',
        '[{"type": "event", "name": "A; drop table", "inputs": []}]',
        '[{"type": "event", "name": "A", "inputs": 3}]',
        "event A(",
        "event A(uint indexed indexed x)",
        "event A(uint x) payable",
        "nonsense",
        "event A(uint[0] x)",
        "event A(uint x))",
        "event A(uint x,)",
        "event A(uint x;)",
        "event A(Point x)",
        "struct A { A a; } event B(A a)",
        "struct A { uint x } event B(A a)",
        "struct A { uint x; event B(A a)",
        "struct A\nevent B(A a)",
        "struct A { uint x; } struct A { uint y; } event B(A a)",
        "struct",
        "\n".join(f"struct S{n} {{ {f'S{n - 1} a;' * 100 if n else 'uint x;'} }}" for n in range(12))
        + "event A(S11 a)",
        "/* event A(uint x)" * 20_000 + "struct",
        "struct " * 20_000,
        "(\n" * 20_000,
        '["Transfer(address,address,uint256)"]',
        '[{"type": "event", "name": "A", "inputs": [{"name": "\\ud800", "type": "uint256"}]}]',
        '[{"type":"event","name":"A","inputs":[{"type":"tuple","components":[{"name":"a\\u0000","type":"bool"}]}]}]',
        "event A(uint indexed a, uint indexed b, uint indexed c, uint indexed d)",
        "event A(" + "(" * 40 + "uint" + ")" * 40 + ")",
        "[" * 1_000_000,
        '{"abi": ' * 100_000,
    ],
)
def test_nonsense_is_named(text: str) -> None:
    """What is no ABI raises BadAbi, nothing else; only an empty file has simply no events."""
    if not text:
        assert parse(text) == ()
        return
    with pytest.raises(BadAbi):
        parse(text)


def test_nested_types_in_both_spellings() -> None:
    """JSON components and written tuples give one type."""
    entry = {
        "type": "event",
        "name": "Filled",
        "inputs": [
            {
                "name": "orders",
                "type": "tuple[2][]",
                "components": [{"name": "id", "type": "uint"}, {"name": "tags", "type": "bytes32[]"}],
            }
        ],
    }
    written = parse_signature("Filled((uint256 id, bytes32[] tags)[2][] orders)")
    assert parse(json.dumps([entry])) == (written,)
    assert written.signature == "Filled((uint256,bytes32[])[2][])"
    assert parse_signature("Filled(tuple(uint id, bytes32[ ] tags)[2] [] orders)") == written


def test_structs_by_name() -> None:
    """Structs may be declared in any order, over several lines and within each other, as ethers writes them."""
    text = """
        event Moved(Line[2] indexed path, Point[] points, uint)  anonymous
        struct Line {
            Point from; Point to;  // both ends
            bytes32[ ] tags;
        }
        struct Point { uint x; int64 y; }
    """
    written = "Moved(((uint256 x,int64 y) from,(uint256 x,int64 y) to,bytes32[] tags)[2] indexed path,"
    written += "(uint256 x,int64 y)[] points,uint256) anonymous"
    assert parse(text) == (parse_signature(written),)
    assert parse(json.dumps(text.split("\n\n"))) == (parse_signature(written),)


def test_selection_by_name_and_by_signature() -> None:
    """A name takes all overloads, a signature one; what matches nothing is refused with what there is."""
    events = parse("event A(uint x)\nevent A(address y)\nevent B()")
    assert select(events, None) == events
    assert [event.signature for event in select(events, ["A"])] == ["A(uint256)", "A(address)"]
    assert [event.signature for event in select(events, ["A(address)", "B"])] == ["A(address)", "B()"]
    with pytest.raises(BadAbi, match=r"A\(address\), A\(uint256\), B\(\)"):
        select(events, ["C"])


def test_layouts_of_one_topic_stay_apart() -> None:
    """The same signature with other `indexed` marks is another event; a repeated one is not."""
    fungible = parse(HUMAN)
    unique = parse("event Transfer(address indexed a, address indexed b, uint256 indexed id)")
    assert len(merge(fungible, unique, fungible)) == 2


def test_labels_are_distinct() -> None:
    """Unnamed inputs are called by their place, repeated names get it as an ending."""
    assert parse_signature("A(uint, uint a, uint, uint a, uint _0)").labels() == ("_0_", "a", "_2", "a_3", "_0")
    assert parse_signature("A(uint, uint a, uint)").labels() == ("_0", "a", "_2")


def test_abis_of_several_files_that_disagree_are_refused_by_name() -> None:
    """Two files whose logs of one event look alike but are read in two ways: neither is taken silently."""
    proxy, one = parse("event Upgraded(address indexed to)"), parse("event Moved(address indexed a, address b)")
    other = parse("event Moved(address a, address indexed b)")
    assert len(merge_files({"proxy.json": proxy, "one.json": one})) == 2
    with pytest.raises(BadAbi, match=r"one\.json and two\.json disagree .*Moved\(address,address\)"):
        merge_files({"proxy.json": proxy, "one.json": one, "two.json": other})
    told_apart = parse("event Moved(address indexed a, address indexed b)")
    assert len(merge_files({"one.json": one, "two.json": told_apart})) == 2, "the number of topics tells"
